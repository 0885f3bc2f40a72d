"""Any sequence of calls on a spool, held against a plain dictionary."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from contextcompany.delivery.spool import clock as clock_module
from contextcompany.delivery.spool.segment import encoded, moment_of
from contextcompany.delivery.spool.spool import Evicted, Spool, Stored

MOST_BYTES = 4_000
MOST_SECONDS = 1_000.0

sizes = st.one_of(st.integers(0, 60), st.integers(500, 1_500))


class SpoolModel(RuleBasedStateMachine):
    """Two spools on one folder, as two processes have, and a dictionary of what must be in it."""

    def __init__(self) -> None:
        super().__init__()
        self.cleanup = ExitStack()
        folder = Path(self.cleanup.enter_context(tempfile.TemporaryDirectory())) / "spool"
        self.times = SimpleNamespace(wall=1_800_000_000.0, monotonic=0.0)
        machine = SimpleNamespace(time=lambda: self.times.wall, monotonic=lambda: self.times.monotonic)
        self.cleanup.enter_context(patch.object(clock_module, "time", machine))
        self.spools = [Spool(folder, most_bytes=MOST_BYTES, most_seconds=MOST_SECONDS) for _ in range(2)]
        self.model: dict[str, Stored] = {}
        self.count = 0

    def teardown(self) -> None:
        """Remove the folder."""
        self.cleanup.close()

    @rule(who=st.integers(0, 1), size=sizes, spans=st.integers(0, 9), merge=st.booleans())
    def write(self, who: int, size: int, spans: int, merge: bool) -> None:
        """Write; the oldest make room, and a small one joins the last file of its spool or none."""
        self.count += 1
        self.times.wall += 0.01
        self.times.monotonic += 0.01  # within one millisecond the order of two processes is any
        body = (b"%04d" % self.count).ljust(size, b".")
        written = self.spools[who].write(body, spans, merge=merge)
        oldest = sorted(self.model)[: len(written.evicted)]
        assert written.evicted == tuple(Evicted(name, self.model[name].spans) for name in oldest)
        for name in oldest:
            del self.model[name]
        before = self.model.get(written.name, Stored(b"", 0))
        assert merge or before == Stored(b"", 0)
        self.model[written.name] = Stored(before.body + body, before.spans + spans)

    @rule(who=st.integers(0, 1), place=st.integers(0, 20))
    @precondition(lambda self: self.model)
    def remove(self, who: int, place: int) -> None:
        """Remove a file, twice."""
        name = sorted(self.model)[place % len(self.model)]
        del self.model[name]
        assert (self.spools[who].remove(name), self.spools[1 - who].remove(name)) == (True, False)
        assert self.spools[who].read(name) is None

    @rule(who=st.integers(0, 1))
    @precondition(lambda self: self.model)
    def tear(self, who: int) -> None:
        """Tear the oldest file; it is set aside and takes room until something needs that."""
        name = min(self.model)
        path = self.spools[who]._place.made() / name
        path.write_bytes(path.read_bytes()[:-1])
        del self.model[name]
        assert self.spools[who].read(name) is None

    @rule(who=st.integers(0, 1))
    def expire(self, who: int) -> None:
        """Remove what is too old."""
        now = 1_800_000_000.0 + self.times.monotonic
        old = sorted(name for name in self.model if now - moment_of(name) > MOST_SECONDS + 0.001)
        gone = self.spools[who].expire()
        assert gone == tuple(Evicted(name, self.model.pop(name).spans) for name in old)

    @rule(seconds=st.sampled_from([1.0, 300.0, 700.0, 1_500.0]), jump=st.sampled_from([0.0, 1e7, -1e7]))
    def pass_time(self, seconds: float, jump: float) -> None:
        """Let time pass, and the wall clock jump."""
        for spool in self.spools:
            spool._clock.now()
        self.times.monotonic += seconds
        self.times.wall += seconds + jump

    @rule(who=st.integers(0, 1))
    def fork(self, who: int) -> None:
        """Begin anew, as in a forked child."""
        self.spools[who].renew_after_fork()

    @invariant()
    def holds_what_the_model_holds(self) -> None:
        """Both spools list the same files, read what was written, and keep the bound."""
        for spool in self.spools:
            assert spool.names() == sorted(self.model)
            assert spool.is_empty() == (not self.model)
            assert {name: spool.read(name) for name in spool.names()} == self.model
            assert all(map(spool.exists, self.model))


SpoolModel.TestCase.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
TestSpoolModel = SpoolModel.TestCase


def test_one_spool_keeps_the_bound(tmp_path: Path) -> None:
    """Whatever is written, merged and evicted, the files together stay within the bound."""
    spool = Spool(tmp_path / "spool", most_bytes=MOST_BYTES)
    for count in range(300):
        body = bytes(count * 37 % 1_400)
        assert len(encoded(body, 1)) <= MOST_BYTES
        spool.write(body, 1, merge=count % 5 != 0)
        total = sum(path.stat().st_size for path in (tmp_path / "spool").iterdir())
        assert total <= MOST_BYTES
