"""`tcc tokens`: who may use a server that others can reach."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Ended


def test_a_token_is_made_listed_and_removed(tcc: Callable[..., Ended], database: Path) -> None:
    """Its secret stands alone on the standard output, once, and nowhere else."""
    assert tcc("tokens", "list").out == "No tokens yet.\n"
    code, secret, said = tcc("tokens", "add", "shop", "--write")
    assert (code, secret.count("\n"), said.count("\n")) == (0, 1, 1)
    assert secret.startswith("tcc_w_")
    tcc("tokens", "add", "ada", "--read")
    head, *rows = tcc("tokens", "list").out.splitlines()
    assert head.split() == ["name", "for", "made"]
    assert [row.split()[:3] for row in rows] == [["ada", "people", "(read)"], ["shop", "services", "(write)"]]
    assert secret.strip() not in (database.parent / "tokens.json").read_text()
    assert tcc("tokens", "remove", "shop") == (0, "shop counts no longer.\n", "")
    assert tcc("tokens", "remove", "shop") == (2, "", "tcc: there is no token named 'shop'; there are: ada\n")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("shop",), "give one of --read and --write"),
        (("shop", "--read", "--write"), "give one of --read and --write"),
        (("no name", "--read"), "a token's name must be"),
    ],
)
def test_what_cannot_be_a_token(
    tcc: Callable[..., Ended], database: Path, arguments: tuple[str, ...], words: str
) -> None:
    """It is for people or for services, and has a name that can be typed."""
    code, out, err = tcc("tokens", "add", *arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert words in err
    assert not database.parent.exists()
