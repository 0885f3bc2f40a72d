"""The API does what its own OpenAPI description says, whatever is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from contextcompany.local.server.access import Access
from contextcompany.local.server.app import build_app
from contextcompany.semconv import attributes
from tests.local.agent_spans import feedback, run, said, step, tool
from tests.local.samples import JSON_BODY
from tests.local.served import Served, served

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemathesis import Case

    from contextcompany.local.store.interface import RunStore

DESCRIPTION = build_app(cast("RunStore", None), Access()).openapi()
schema = schemathesis.openapi.from_dict(DESCRIPTION)


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server with a few runs of every kind."""
    with served(tmp_path_factory.mktemp("described")) as one:
        for number in range(12):
            run_id = f"r-{number}"
            top = run(
                run_id,
                {
                    attributes.GEN_AI_CONVERSATION_ID: f"s-{number % 3}",
                    attributes.GEN_AI_AGENT_NAME: "support" if number % 2 else "billing",
                    attributes.TCC_METADATA_PREFIX + "env": "test",
                    attributes.GEN_AI_INPUT_MESSAGES: said("user", "What is the weather?"),
                },
                start_ms=number * 1_000,
                status=("ERROR", "it broke") if number % 4 == 0 else ("UNSET", ""),
            )
            inner = step(run_id, tokens=(10, 2, 5), cost=0.01, parent=top)
            spans = [top, inner, tool(run_id, parent=top), feedback(run_id, text="good")]
            if number == 3:
                spans.append(run("inner", parent=top))
            one.store.add(spans)
        yield one


def test_the_server_gives_this_description(here: Served) -> None:
    """What is tested below is what people get."""
    assert here.ask("/api/openapi.json").json == DESCRIPTION


@pytest.fixture(scope="module")
def session() -> Iterator[requests.Session]:
    """One connection for all questions."""
    with requests.Session() as one:
        yield one


schemathesis.openapi.media_type(
    "application/jsonl", st.lists(st.just(JSON_BODY), min_size=1, max_size=3).map(b"\n".join)
)


@schema.parametrize()
@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
def test_the_api_keeps_its_word(case: Case[Any], here: Served, session: requests.Session) -> None:
    """Statuses, bodies and refusals are those that the description names, for good and for bad questions."""
    # No description can say that one parameter must not be after another, or which cursors there are.
    asked = case.query or {}
    told = "cursor" in asked or {"since", "until"} <= set(asked)
    case.call_and_validate(
        base_url=here.origin,
        session=session,
        excluded_checks=[schemathesis.checks.positive_data_acceptance] if told else None,
    )
