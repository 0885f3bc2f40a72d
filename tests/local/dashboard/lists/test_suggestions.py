"""Suggestions for the fields of the filter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contextcompany.semconv import attributes
from tests.local.dashboard.pages import HOSTILE, agent_run, see
from tests.local.served import served

if TYPE_CHECKING:
    from pathlib import Path


def test_a_field_is_completed_from_what_is_stored(tmp_path: Path) -> None:
    """Values that begin with what was typed come as options, escaped; those of metadata too."""
    with served(tmp_path) as shown:
        more = {f"{attributes.TCC_METADATA_PREFIX}tier": "gold"}
        shown.store.add([*agent_run("r-1", more=more), *agent_run("r-2", agent=HOSTILE)])
        assert 'value="support"' in see(shown, "/fragments/values?of=agent&prefix=SUP").source
        assert "<script>" not in see(shown, "/fragments/values?of=agent").source
        assert 'value="tier"' in see(shown, "/fragments/values?of=metadata").source
        assert 'value="gold"' in see(shown, "/fragments/values?of=metadata.tier&prefix=g").source
        assert see(shown, "/fragments/values?of=password").status == 400
        assert see(shown, "/fragments/values").status == 400
