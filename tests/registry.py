"""Hold a span against the registry in `semconv/`: its attributes, its events, and the schemas of its content.

The registry and the schemas are read once, when this module is imported.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from jsonschema import Draft202012Validator
from opentelemetry.trace import SpanKind, StatusCode
from referencing import Registry as Schemas
from referencing import Resource

from semconv.registry import FOLDER, Attribute, Signal, read_registry

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import Event, ReadableSpan

RUN_ID: Final = "tcc.runId"
OPERATION: Final = "gen_ai.operation.name"
ERROR_TYPE: Final = "error.type"
STATUS_CODE: Final = "tcc.statusCode"
COST: Final = "tcc.cost"
COST_SOURCE: Final = "tcc.costSource"
VIOLATIONS: Final = "tcc.violations"
CONTENT_CAPTURED: Final = "tcc.contentCaptured"
COLLECTED: Final = "tcc.collected"
TOOL_DEFINITIONS: Final = "gen_ai.tool.definitions"

OURS: Final = "tcc."

NAMESPACES: Final = ("gen_ai.", "tcc.", "error.", "user.")
"""Keys that begin so must be registered; others are the user's own."""

LONGEST_TEXT_SHOWN: Final = 120
SMALLEST_INT: Final = -(2**63)
LARGEST_INT: Final = 2**63 - 1

TYPES: Final[Mapping[str, type]] = {
    "string": str,
    "enum[string]": str,
    "int": int,
    "enum[int]": int,
    "double": float,
    "boolean": bool,
}


class Rules(NamedTuple):
    """Hold what a span type or an event allows and demands, ready for look-ups."""

    signal: Signal
    attributes: Mapping[str, Attribute]
    templates: Mapping[str, Attribute]
    required: tuple[str, ...]
    violations: Mapping[str, str]
    twins: Mapping[str, str]

    def find(self, key: str) -> Attribute | None:
        """Return the attribute a key stands for, be it one of a family."""
        if key in self.attributes:
            return self.attributes[key]
        return next((item for prefix, item in self.templates.items() if key.startswith(prefix)), None)


def _rules(signal: Signal) -> Rules:
    attributes = [reference.attribute for reference in signal.references]
    return Rules(
        signal=signal,
        attributes={item.key: item for item in attributes if not item.is_template},
        templates={f"{item.key}.": item for item in attributes if item.is_template},
        required=tuple(item.attribute.key for item in signal.references if item.level == "required"),
        violations={item.attribute.key: item.violation for item in signal.references if item.violation},
        twins={item.key: item.same_as for item in attributes if item.same_as},
    )


def _validators() -> dict[str, Draft202012Validator]:
    schemas = {
        path.name: json.loads(path.read_text(encoding="utf-8"))
        for path in (FOLDER / "schemas").glob("*.json")
    }
    registry: Schemas[Any] = Schemas().with_resources(
        (name, Resource.from_contents(schema)) for name, schema in schemas.items()
    )
    return {
        f"schemas/{name}": Draft202012Validator(schema, registry=registry) for name, schema in schemas.items()
    }


_REGISTRY: Final = read_registry()
_ATTRIBUTES: Final = {item.key: item for item in _REGISTRY.attributes}
_SPANS: Final = tuple(_rules(signal) for signal in _REGISTRY.spans)
_EVENTS: Final = {signal.type: _rules(signal) for signal in _REGISTRY.events}
_VALIDATORS: Final = _validators()
_KEYS_OF_A_BARE_TOOL: Final = {"type", "name"}


def check_span(span: ReadableSpan, allow: frozenset[str] = frozenset()) -> list[str]:
    """Return what is wrong with an ended span by our registry, or an empty list.

    A span without `tcc.runId` is foreign, and nothing is wrong with it. Keys in `allow` may be there without
    being registered for the span's type; so may any key outside the namespaces of the registry, which is the
    user's own.
    """
    attributes = span.attributes or {}
    if RUN_ID not in attributes:
        return []
    if COLLECTED in attributes:
        return [*_collected_problems(attributes), *_content_off_problems(span, attributes)]
    rules = _rules_of(span.name, attributes.get(OPERATION))
    if rules is None:
        types = ", ".join(item.signal.type for item in _SPANS)
        return [f"type: {span.name!r} with operation {attributes.get(OPERATION)!r} is none of {types}"]
    return [
        *_identity_problems(span, attributes, rules),
        *_attribute_problems(attributes, rules, allow),
        *_presence_problems(span, attributes, rules),
        *_status_problems(span, attributes),
        *_content_off_problems(span, attributes),
        *(problem for event in span.events for problem in _event_problems(event, allow)),
    ]


def _collected_problems(attributes: Mapping[str, object]) -> list[str]:
    """Return what is wrong with what we added to a copy of a span of another library."""
    step = next(rules for rules in _SPANS if rules.signal.type == "step")
    added = {key: value for key, value in attributes.items() if key.startswith(OURS) or key in step.twins}
    problems = _attribute_problems(added, step, frozenset())
    for key, twin in step.twins.items():
        if twin in attributes and attributes.get(key) != attributes[twin]:
            problems.append(f"{key}: expected the same value as {twin}, got {attributes.get(key)!r}")
    return problems


def _rules_of(name: str, operation: object) -> Rules | None:
    """Find a span's type: by a name of our own, else by its operation, else by the first word of its name."""
    by_name = {rules.signal.fixed_name: rules for rules in _SPANS if rules.signal.fixed_name}
    by_operation = {rules.signal.operation: rules for rules in _SPANS if rules.signal.operation}
    if name in by_name:
        return by_name[name]
    if isinstance(operation, str) and operation in by_operation:
        return by_operation[operation]
    return by_operation.get(name.split(" ", 1)[0])


def _identity_problems(span: ReadableSpan, attributes: Mapping[str, object], rules: Rules) -> list[str]:
    signal = rules.signal
    problems: list[str] = []
    names = {signal.fixed_name or signal.operation}
    if target := attributes.get(signal.name_attribute):
        names.add(f"{signal.operation} {target}")
    if span.name not in names:
        problems.append(f"name: expected {' or '.join(map(repr, sorted(names)))}, got {span.name!r}")
    if span.kind is not SpanKind[signal.kind.upper()]:
        problems.append(f"kind: expected {signal.kind.upper()} for a {signal.type}, got {span.kind.name}")
    return problems


def _attribute_problems(attributes: Mapping[str, object], rules: Rules, allow: frozenset[str]) -> list[str]:
    problems: list[str] = []
    for key, value in attributes.items():
        attribute = rules.find(key) or (_ATTRIBUTES.get(key) if key in allow else None)
        if attribute is not None:
            problems += value_problems(attribute, key, value)
        elif key.startswith(NAMESPACES) and key not in allow:
            problems.append(f"{key}: not registered for a {rules.signal.type}; register it in semconv/")
    return problems


def _presence_problems(span: ReadableSpan, attributes: Mapping[str, object], rules: Rules) -> list[str]:
    problems = [
        f"{key}: missing; every {rules.signal.type} has it" for key in rules.required if key not in attributes
    ]
    if span.status.status_code is not StatusCode.ERROR:
        captured = attributes.get(CONTENT_CAPTURED) is not False
        problems += [
            f"{key}: missing on a {rules.signal.type} that ended well; the rule is {violation}"
            for key, violation in rules.violations.items()
            if key not in attributes and (captured or not _ATTRIBUTES[key].content)
        ]
    for key, twin in rules.twins.items():
        if attributes.get(key) != attributes.get(twin):
            pair = f"{attributes.get(key)!r} and {attributes.get(twin)!r}"
            problems.append(f"{key}: expected the same value as {twin}, got {pair}")
    if (COST in attributes) != (COST_SOURCE in attributes):
        problems.append(f"{COST} and {COST_SOURCE}: only one of them is there")
    return problems


def _status_problems(span: ReadableSpan, attributes: Mapping[str, object]) -> list[str]:
    status = span.status.status_code
    failed = status is StatusCode.ERROR
    problems: list[str] = []
    if status is StatusCode.OK:
        problems.append("status: expected UNSET or ERROR, got OK")
    if failed != (ERROR_TYPE in attributes):
        problems.append(f"{ERROR_TYPE}: {'missing' if failed else 'present'} with status {status.name}")
    if STATUS_CODE in attributes and failed != (attributes[STATUS_CODE] == 2):
        problems.append(f"{STATUS_CODE}: got {attributes[STATUS_CODE]!r} with status {status.name}")
    if VIOLATIONS in attributes and not failed:
        problems.append(f"{VIOLATIONS}: expected status ERROR beside it, got {status.name}")
    return problems


def _content_off_problems(span: ReadableSpan, attributes: Mapping[str, object]) -> list[str]:
    if attributes.get(CONTENT_CAPTURED) is not False:
        return []
    keys = [*attributes, *(key for event in span.events for key in event.attributes or {})]
    leaks = [key for key in keys if key in _ATTRIBUTES and _ATTRIBUTES[key].content]
    problems = [f"{key}: present although content is switched off" for key in leaks]
    tools = attributes.get(TOOL_DEFINITIONS)
    if isinstance(tools, str):
        parsed, _ = _content(TOOL_DEFINITIONS, tools)
        entries = parsed if isinstance(parsed, list) else []
        said = {key for entry in entries if isinstance(entry, dict) for key in entry} - _KEYS_OF_A_BARE_TOOL
        problems += [
            f"{TOOL_DEFINITIONS}: {key!r} present although content is switched off" for key in sorted(said)
        ]
    return problems


def _event_problems(event: Event, allow: frozenset[str]) -> list[str]:
    rules = _EVENTS.get(event.name)
    if rules is None:
        return [f"event {event.name!r}: not registered, only {', '.join(_EVENTS)} is"]
    attributes = event.attributes or {}
    problems = [f"{key}: missing" for key in rules.required if key not in attributes]
    for key, value in attributes.items():
        attribute = rules.find(key)
        if attribute is not None:
            problems += value_problems(attribute, key, value)
        elif key not in allow:
            problems.append(f"{key}: not registered for this event")
    return [f"event {event.name!r}: {problem}" for problem in problems]


def value_problems(attribute: Attribute, key: str, value: object) -> list[str]:
    """Return what is wrong with the value of an attribute, in type and range."""
    if attribute.json_schema:
        if not isinstance(value, str):
            return [f"{key}: expected JSON text, got {_shown(value)}"]
        return [f"{key}: {problem}" for problem in schema_problems(key, value)]
    if not _has_type(attribute.type, value):
        return [f"{key}: expected {attribute.type}, got {_shown(value)}"]
    items = list(value) if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    problems: list[str] = []
    for item in items:
        if not _can_travel(item):
            problems.append(f"{key}: {_shown(item)} does not survive the way to a collector")
        elif attribute.closed and item not in [known.value for known in attribute.values]:
            known_values = ", ".join(repr(known.value) for known in attribute.values)
            problems.append(f"{key}: expected one of {known_values}, got {_shown(item)}")
        elif attribute.minimum is not None and isinstance(item, int | float) and item < attribute.minimum:
            problems.append(f"{key}: expected at least {attribute.minimum}, got {_shown(item)}")
    return problems


def _has_type(name: str, value: object) -> bool:
    # type() and not isinstance(): True is an int by inheritance, and OTLP tells the two apart.
    if name in TYPES:
        return type(value) is TYPES[name]
    if name == "template[any]":
        items = value if isinstance(value, tuple | list) else [value]
        return len({type(item) for item in items}) <= 1 and all(
            type(item) in TYPES.values() for item in items
        )
    if name == "string[]":
        return isinstance(value, tuple | list) and all(type(item) is str for item in value)
    raise ValueError(f"the registry has an attribute of type {name}, which this check does not know; add it")


def _can_travel(value: object) -> bool:
    if isinstance(value, str):
        return _is_unicode(value)
    if isinstance(value, float):
        return math.isfinite(value)
    return not isinstance(value, int) or SMALLEST_INT <= value <= LARGEST_INT


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _shown(value: object) -> str:
    text = f"{type(value).__name__} {value!r}"
    return text if len(text) <= LONGEST_TEXT_SHOWN else text[: LONGEST_TEXT_SHOWN - 1] + "…"


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def schema_problems(key: str, text: str) -> tuple[str, ...]:
    """Return what is wrong with the JSON text of a content attribute."""
    return _content(key, text)[1]


# Many spans of a test suite carry the same content.
@lru_cache(maxsize=512)
def _content(key: str, text: str) -> tuple[object, tuple[str, ...]]:
    """Parse a content attribute and return it with what is wrong with it."""
    try:
        parsed: object = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        return None, (f"expected JSON, got {_shown(text)}: {error}",)
    if not _is_unicode(text) or not _is_unicode(json.dumps(parsed, ensure_ascii=False)):
        return parsed, ("a lone surrogate in it does not survive the way to a collector",)
    errors = _VALIDATORS[_ATTRIBUTES[key].json_schema].iter_errors(parsed)
    return parsed, tuple(f"{error.json_path}: {error.message[:LONGEST_TEXT_SHOWN]}" for error in errors)
