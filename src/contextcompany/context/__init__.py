"""Invocation-scoped, typed data, and what it is injected into: tools."""

from __future__ import annotations

from contextcompany.context.current import ContextThreadPoolExecutor, current_context
from contextcompany.context.run_context import FrozenRunContext, RunContext
from contextcompany.context.tool import tool

__all__ = [
    "ContextThreadPoolExecutor",
    "FrozenRunContext",
    "RunContext",
    "current_context",
    "tool",
]
