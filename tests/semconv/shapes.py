"""The JSON schemas that content has to satisfy: our own, and the official ones where they are at hand."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).resolve().parents[2]
OURS = ROOT / "semconv" / "schemas"
OFFICIAL = ROOT.parent / "shared" / "semconv" / "gen-ai"

needs_official = pytest.mark.skipif(
    not OFFICIAL.is_dir(),
    reason="the official message schemas are not beside the checkout (shared/semconv/gen-ai): NOT CHECKED",
)


def problems(name: str, value: object) -> list[str]:
    """Return what is wrong with a value by our schema of that name."""
    return [f"{error.json_path}: {error.message[:200]}" for error in _ours()[name].iter_errors(value)]


def official_problems(name: str, value: object) -> list[str]:
    """Return what is wrong with a value by the official schema of that name."""
    return [f"{error.json_path}: {error.message[:200]}" for error in _official(name).iter_errors(value)]


@lru_cache(maxsize=1)
def _ours() -> Mapping[str, Draft202012Validator]:
    schemas = {path.name: json.loads(path.read_text(encoding="utf-8")) for path in OURS.glob("*.json")}
    registry: Registry[Any] = Registry().with_resources(
        (name, Resource.from_contents(schema)) for name, schema in schemas.items()
    )
    return {
        name.removesuffix(".json"): Draft202012Validator(schema, registry=registry)
        for name, schema in schemas.items()
    }


@lru_cache(maxsize=16)
def _official(name: str) -> Draft202012Validator:
    return Draft202012Validator(json.loads((OFFICIAL / f"gen-ai-{name}.json").read_text(encoding="utf-8")))
