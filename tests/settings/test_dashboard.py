"""Where people look at runs: which address, and what never stands in it."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contextcompany.local.paths import segment, segment_text
from contextcompany.settings.dashboard import dashboard_address, dashboard_beside, run_address
from contextcompany.settings.destination import Destination, Source


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("http://localhost:4318", "http://localhost:4318"),
        (" https://Runs.example/ ", "https://runs.example"),
        (
            "https://joe:s3cret@runs.example:8443/team/a/?key=s3cret#s3cret",
            "https://runs.example:8443/team/a",
        ),
        ("http://[::1]:4318/", "http://[::1]:4318"),
    ],
)
def test_an_address_holds_no_secret(given: str, expected: str) -> None:
    """User, password, query and fragment are left out, and the path ends without a slash."""
    assert dashboard_address(given) == expected


@pytest.mark.parametrize("value", ["localhost:4318", "ftp://runs.example", "http://", "http://a b"])
def test_what_is_no_address_is_refused(value: str) -> None:
    """The error names the argument."""
    with pytest.raises(ValueError, match="dashboard_url must be"):
        dashboard_address(value)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://localhost:4318/v1/traces", "http://localhost:4318"),
        ("http://127.0.0.1:9000/team/v1/traces?key=s3cret", "http://127.0.0.1:9000"),
        ("http://[::1]:4318/v1/traces", "http://[::1]:4318"),
        ("https://collector.example/v1/traces", None),
        ("http://localhost.example/v1/traces", None),
        ("http://10.0.0.1:4318/v1/traces", None),
    ],
)
def test_a_collector_on_this_machine_has_its_dashboard_beside_it(url: str, expected: str | None) -> None:
    """A destination on this machine may be the local collector; of any other nothing is known."""
    assert dashboard_beside(Destination(url, Source.OURS)) == expected


@given(st.text() | st.text("~."))
def test_any_run_id_stays_in_its_place(run_id: str) -> None:
    """Whatever an id holds, it is one segment of the path, and comes back as it was."""
    parts = urlsplit(run_address("http://localhost:4318", run_id))
    assert parts.path.count("/") == 2
    assert (parts.query, parts.fragment) == ("", "")
    assert segment_text(parts.path.removeprefix("/runs/")) == run_id


@pytest.mark.parametrize("run_id", [".", "..", "~..", "~", "...", "a/b", "ü %"])
def test_the_local_dashboard_writes_it_alike(run_id: str) -> None:
    """The path is the one that the pages of the local dashboard link to, dots included."""
    assert run_address("", run_id) == f"/runs/{segment(run_id)}"


def test_an_id_that_is_no_unicode_has_an_address() -> None:
    """A lone surrogate, which UTF-8 has no form for, raises nothing."""
    assert run_address("http://localhost:4318", "a\ud800") == "http://localhost:4318/runs/a%3F"
