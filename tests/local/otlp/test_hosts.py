"""Which hosts only this machine reaches."""

from __future__ import annotations

import pytest

from contextcompany.local.otlp.hosts import is_loopback


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True),
        ("Localhost", True),
        ("127.0.0.1", True),
        ("127.255.0.9", True),
        ("::1", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.168.0.1", False),
        ("example.com", False),
        ("127.0.0.1.example.com", False),
        ("", False),
    ],
)
def test_loopback_hosts_are_known(host: str, expected: bool) -> None:
    """Only names and addresses that no other machine reaches count as loopback."""
    assert is_loopback(host) is expected
