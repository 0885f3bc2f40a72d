"""The page says what the kept results say, and those say that this package keeps its promises."""

from __future__ import annotations

from dataclasses import replace

from tests.conformance.adapter import OPERATIONS
from tests.conformance.adapters import OURS, PEERS
from tests.conformance.page import PAGE, page
from tests.conformance.programs import PROGRAMS
from tests.conformance.results import Results, load

EXPECTED = Results(
    version="1.2.3",
    python="3.11.0",
    opentelemetry="1.45.0",
    found={program.name: {check.name: check.expected for check in program.checks} for program in PROGRAMS},
)


def test_page_is_up_to_date() -> None:
    """The page is what the kept results give; `make conformance` writes both."""
    assert PAGE.read_text(encoding="utf-8") == page({one: load(one) for one in (OURS, *PEERS)})


def test_own_results_have_no_failure() -> None:
    """The kept results of this package have each check, and each found what it should."""
    results = load(OURS)
    assert results is not None
    assert results.found == EXPECTED.found


def test_peers_are_kept() -> None:
    """Each check has been run with each peer."""
    for peer in PEERS:
        results = load(peer)
        assert results is not None, peer.distribution
        run = {name: list(checks) for name, checks in results.found.items()}
        assert run == {program.name: [check.name for check in program.checks] for program in PROGRAMS}


def test_a_failing_cell_has_its_line() -> None:
    """A failing cell is marked, and what was found is told in one line; a passing one has none."""
    program = PROGRAMS[0]
    check = program.checks[0]
    broken = {**EXPECTED.found, program.name: {**EXPECTED.found[program.name], check.name: "something else"}}
    good = page({OURS: EXPECTED})
    bad = page({OURS: replace(EXPECTED, found=broken)})
    assert "✗ |" not in good
    assert "nothing else anywhere" in good
    assert bad.count("| ✗ |") == 1
    assert f"- {check.title}: `something else`" in bad.splitlines()


def test_what_is_not_run_is_empty() -> None:
    """A package without results has empty cells, not failures."""
    text = page({OURS: EXPECTED, PEERS[0]: None})
    assert "✗ |" not in text
    assert f"**{PEERS[0].distribution}**: not run." in text


def test_plain_cells_say_so() -> None:
    """Where a package offers nothing, the cell says that the plain thing was used."""
    (plain,) = (peer for peer in PEERS if "inject" not in peer.means)
    rows = [
        row for row in page({plain: EXPECTED}).splitlines() if row.startswith("| `multiprocessing`, spawn")
    ]
    assert [row.rstrip("| ").rpartition("| ")[2] for row in rows] == ["✓ plain"]
    assert all(set(one.means) <= set(OPERATIONS) for one in (OURS, *PEERS))
