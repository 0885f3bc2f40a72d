"""Interceptors: code that sees and steers an agent's run at fixed phases."""

from __future__ import annotations

from contextcompany.interceptors.interceptor import (
    InterceptContext,
    Interceptor,
    InterceptResult,
    Phase,
    StopExecution,
    Usage,
)
from contextcompany.interceptors.ready_made import Budget, Deadline, PermissionGate

__all__ = [
    "Budget",
    "Deadline",
    "InterceptContext",
    "InterceptResult",
    "Interceptor",
    "PermissionGate",
    "Phase",
    "StopExecution",
    "Usage",
]
