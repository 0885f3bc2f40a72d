"""Ids: derived ones, random ones, and how the next root gets the one it is to have."""

from __future__ import annotations

import random
import re
from concurrent.futures import ThreadPoolExecutor
from hashlib import blake2b
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.trace.sampling import Decision, TraceIdRatioBased

from contextcompany.propagation.ids import PrivateIdGenerator, derived_ids, id_text, is_sampled, new_id
from tests.interpreter import python

UUID_4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def test_new_ids_are_random_uuids() -> None:
    """A new id is a UUID of version 4 in canonical form, and no two are the same, in any thread."""
    with ThreadPoolExecutor(4) as pool:
        ids = [
            found
            for batch in pool.map(lambda _: [new_id() for _ in range(2_000)], range(8))
            for found in batch
        ]
    assert len(set(ids)) == 16_000
    assert all(UUID_4.fullmatch(found) for found in ids)
    assert {str(UUID(found)) for found in ids[:100]} == set(ids[:100])


def test_seeding_the_application_repeats_no_id() -> None:
    """An application that seeds `random` gets other ids of ours each time."""
    state = random.getstate()
    generator = PrivateIdGenerator()
    try:
        made = []
        for _ in range(3):
            random.seed(1)
            made.append((new_id(), generator.generate_trace_id(), generator.generate_span_id()))
    finally:
        random.setstate(state)
    assert len({part for parts in made for part in parts}) == 9


def test_a_forked_child_makes_other_ids() -> None:
    """Parent and children of a fork never make the same ids."""
    finished = python(
        """
        import os, sys
        from contextcompany.propagation.ids import PrivateIdGenerator, new_id
        generator = PrivateIdGenerator()
        new_id()
        for _ in range(3):
            child = os.fork()
            if child == 0:
                os.write(1, f"{new_id()} {generator.generate_trace_id()}\\n".encode())
                os._exit(0)
            os.waitpid(child, 0)
        os.write(1, f"{new_id()} {generator.generate_trace_id()}\\n".encode())
        """
    )
    assert (finished.code, finished.err) == (0, "")
    made = finished.out.split()
    assert len(made) == 8
    assert len(set(made)) == 8


UUID_SAMPLE = UUID("12345678-1234-4234-9234-123456789abc")


@pytest.mark.parametrize(
    ("given_id", "expected"),
    [(None, None), ("", None), ("run-1", "run-1"), (UUID_SAMPLE, str(UUID_SAMPLE)), (" ", " ")],
)
def test_ids_of_the_caller(given_id: str | UUID | None, expected: str | None) -> None:
    """Text and UUIDs are ids; an empty text counts as not given."""
    assert id_text("run_id", given_id) == expected


@pytest.mark.parametrize("wrong", [1, 1.5, b"run-1", ["run-1"], True, object()])
def test_what_is_no_id(wrong: object) -> None:
    """Anything else raises, and says which argument, what it got and what to do."""
    with pytest.raises(
        TypeError, match=rf"run_id must be text or a uuid.UUID: got {type(wrong).__name__}; pass"
    ):
        id_text("run_id", wrong)  # type: ignore[arg-type]


def test_derived_ids_are_a_hash_of_the_text() -> None:
    """Another process, in any language, can derive trace id and span id: blake2b over UTF-8, 16 + 8 bytes."""
    for run_id in ("run-1", str(UUID_SAMPLE), "ü€😀", "x" * 10_000):
        digest = blake2b(run_id.encode(), digest_size=24).digest()
        assert derived_ids(run_id) == (int.from_bytes(digest[:16]), int.from_bytes(digest[16:]))
    assert derived_ids("run-1") != derived_ids("run-2")


@given(st.text(st.characters()))
def test_any_run_id_has_valid_ids(run_id: str) -> None:
    """Whatever the run id, lone surrogates included: ids that are not zero, and the same each time."""
    trace_id, span_id = derived_ids(run_id)
    assert 0 < trace_id < 1 << 128
    assert 0 < span_id < 1 << 64
    assert derived_ids(run_id) == (trace_id, span_id)


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_a_ratio_sampler_takes_its_share_of_derived_ids(rate: float) -> None:
    """A sampler by trace id takes its share of runs whose ids are UUIDs, unlike with their raw bits."""
    sampler = TraceIdRatioBased(rate)
    names = random.Random(7)
    taken = sum(
        sampler.should_sample(
            None, derived_ids(str(UUID(int=names.getrandbits(128), version=4)))[0], "x"
        ).decision
        is Decision.RECORD_AND_SAMPLE
        for _ in range(4_000)
    )
    assert abs(taken / 4_000 - rate) < 0.04


RATES = st.floats(0, 1, allow_nan=False)


def test_a_rate_is_the_share_of_runs_it_takes() -> None:
    """Of 10,000 runs whose ids are UUIDs a tenth is taken at 0.1, within five standard deviations."""
    names = random.Random(11)
    ids = [str(UUID(int=names.getrandbits(128), version=4)) for _ in range(10_000)]
    assert abs(sum(is_sampled(run_id, 0.1) for run_id in ids) - 1_000) <= 5 * 30


@given(st.text(st.characters()))
def test_all_and_none_are_exact(run_id: str) -> None:
    """Whatever the run id, a rate of 1 takes it and a rate of 0 does not."""
    assert is_sampled(run_id, 1.0)
    assert not is_sampled(run_id, 0.0)


@given(st.text(st.characters()), RATES, RATES)
def test_a_smaller_rate_takes_a_part_of_what_a_larger_one_takes(run_id: str, one: float, two: float) -> None:
    """No run is taken at a rate and left out at a larger one."""
    assert is_sampled(run_id, min(one, two)) <= is_sampled(run_id, max(one, two))


def test_a_sampler_by_the_bits_of_the_trace_id_chooses_alike() -> None:
    """A run is taken where the last 56 bits of its trace id reach the threshold that OpenTelemetry names."""
    for number in range(1_000):
        randomness = derived_ids(f"run-{number}")[0] % (1 << 56)
        assert is_sampled(f"run-{number}", 0.25) is (randomness >= 3 << 54)


def test_processes_choose_alike() -> None:
    """Another process, whatever its hash seed, takes the same runs at the same rate."""
    script = """
    from contextcompany.propagation.ids import is_sampled
    print("".join(str(int(is_sampled(f"run-{number}", 0.3))) for number in range(500)))
    """
    said = {python(script, PYTHONHASHSEED=seed).out.strip() for seed in ("1", "2")}
    assert said == {"".join(str(int(is_sampled(f"run-{number}", 0.3))) for number in range(500))}


def test_other_ids_are_valid_and_differ() -> None:
    """Random ids are within their widths, not zero, and all different."""
    generator = PrivateIdGenerator()
    traces = {generator.generate_trace_id() for _ in range(1_000)}
    spans = {generator.generate_span_id() for _ in range(1_000)}
    assert len(traces) == len(spans) == 1_000
    assert all(0 < found < 1 << 128 for found in traces)
    assert all(0 < found < 1 << 64 for found in spans)
