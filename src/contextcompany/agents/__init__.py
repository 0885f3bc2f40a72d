"""A small, honest runtime for the context system: an agent, its loop, its models."""

from __future__ import annotations

from contextcompany.agents.agent import Agent
from contextcompany.agents.execution import AgentRun
from contextcompany.agents.model import Model, ModelReply, ModelUsage, ScriptedModel, ToolRequest
from contextcompany.agents.result import AgentResult
from contextcompany.agents.wrapping import agent

__all__ = [
    "Agent",
    "AgentResult",
    "AgentRun",
    "Model",
    "ModelReply",
    "ModelUsage",
    "ScriptedModel",
    "ToolRequest",
    "agent",
]
