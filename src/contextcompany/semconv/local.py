"""The name by which the embedded collector is recognised; both sides of the wire compare it."""

from __future__ import annotations

from typing import Final

LOCAL_COLLECTOR_SERVICE: Final = "contextcompany-local-collector"
"""Value of `service` in the JSON that the embedded collector answers on `/healthz`."""
