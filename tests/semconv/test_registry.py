"""Tests of the registry in `semconv/`, by itself and against the official conventions.

The official conventions are data that lies beside the checkout, in `shared/semconv`, and is no part of it.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from contextcompany import invariants
from semconv.registry import FOLDER, Attribute, Registry, Signal, read_registry
from tests.registry import schema_problems, value_problems

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet

OFFICIAL = FOLDER.parents[1] / "shared" / "semconv"

REGISTRY = read_registry()
SPANS = {signal.type: signal for signal in REGISTRY.spans}

OUR_MEMBERS = {
    "gen_ai.provider.name": {"_OTHER"},  # the conventions require a provider and have no word for unknown
    "error.type": {"timeout", "tcc.abandoned", "tcc.incomplete"},  # an open list; these are our own errors
}
"""Values we emit of official enums that do not list them; both enums are open."""

OUR_ADDITIONS = {
    "run": {"user.id", "user.name"},  # core attributes, fit for any span
    "step": {"user.id"},  # likewise
    "tool_call": {"user.id"},  # likewise
    "feedback": {"user.id", "gen_ai.conversation.id"},  # the official event stands in no conversation
}
"""Attributes of official namespaces on our span types that the official counterpart does not list."""

OUR_OMISSIONS = {
    "tool_call": {"gen_ai.tool.name"},  # a call may fail before it has a name
}
"""Attributes that are required officially and are not always on our spans."""


@pytest.fixture(scope="module")
def official() -> dict[str, Any]:
    """Load the official registry, or skip where it is missing."""
    path = OFFICIAL / "gen-ai.resolved.json"
    if not path.is_file():
        pytest.skip(f"NOT CHECKED against the official conventions: ../shared/semconv/{path.name} is missing")
    loaded: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return loaded


@pytest.fixture(scope="module")
def core(official: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Load the official attributes that do not belong to GenAI, by key."""
    found: dict[str, dict[str, Any]] = {}
    for path in sorted((OFFICIAL / "core").glob("*.yaml")):
        for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]:
            found |= {attribute["id"]: attribute for attribute in group["attributes"]}
    assert {"error.type", "user.id"} <= set(found)
    for event in official["events"].values():
        exceptions = {key: item for key, item in event["attributes"].items() if key.startswith("exception.")}
        found |= exceptions
    return found


@pytest.fixture(scope="module")
def definitions(official: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Load the official definitions of the `gen_ai` attributes, with stability and deprecation."""
    assert official["registry"]
    text = (OFFICIAL / "gen-ai" / "registry.yaml").read_text(encoding="utf-8")
    return {item["key"]: item for item in yaml.safe_load(text)["attributes"]}


@pytest.fixture(scope="module")
def official_schemas(official: dict[str, Any]) -> dict[str, Draft7Validator]:
    """Load the official schemas of our content attributes, by key."""
    return {
        item.key: Draft7Validator(
            json.loads(
                (OFFICIAL / "gen-ai" / Path(official["registry"][item.key]["json_schema"]).name).read_text(
                    encoding="utf-8"
                )
            )
        )
        for item in REGISTRY.attributes
        if item.json_schema
    }


def simple_type(official_type: str | dict[str, Any]) -> str:
    """Write an official type the way our reader does."""
    if isinstance(official_type, str):
        return "enum[string]" if official_type.startswith("enum(") else official_type
    values = official_type.get("enum") or [member["value"] for member in official_type["members"]]
    return "enum[int]" if isinstance(values[0], int) else "enum[string]"


def placed(registry: Registry) -> list[tuple[Signal, Attribute]]:
    """List every attribute with the span type or event it is on."""
    return [
        (signal, reference.attribute)
        for signal in (*registry.spans, *registry.events)
        for reference in signal.references
    ]


class TestOurs:
    """The registry agrees with itself and with the rules in the source."""

    def test_every_attribute_has_a_place(self) -> None:
        """Each attribute is on a span type or an event, and on none twice."""
        places = [(signal.type, attribute.key) for signal, attribute in placed(REGISTRY)]
        assert len(places) == len(set(places))
        assert {key for _, key in places} == {item.key for item in REGISTRY.attributes}

    @pytest.mark.parametrize("attribute", REGISTRY.attributes, ids=lambda item: item.key)
    def test_examples_are_valid(self, attribute: Attribute) -> None:
        """Each example is a value that the check against the registry takes."""
        assert attribute.examples
        for example in attribute.examples:
            assert value_problems(attribute, attribute.key, example) == []

    def test_violations_are_the_invariants(self) -> None:
        """The rules of the span types are those of the code, and all that `tcc.violations` may hold."""
        ours = {
            (signal.type, reference.attribute.key, reference.violation, reference.attribute.content)
            for signal in REGISTRY.spans
            for reference in signal.references
            if reference.violation
        }
        assert ours == {(rule.kind, rule.attribute, rule.name, rule.content) for rule in invariants.RULES}
        violations = next(item for item in REGISTRY.attributes if item.key == "tcc.violations")
        assert {item.value for item in violations.values} == {rule for _, _, rule, _ in ours}

    def test_twins_stand_side_by_side(self) -> None:
        """An attribute that repeats another is on the same span types as that one."""
        places: dict[str, set[str]] = {}
        for signal, attribute in placed(REGISTRY):
            places.setdefault(attribute.key, set()).add(signal.type)
        twins = [(item.key, item.same_as) for item in REGISTRY.attributes if item.same_as]
        assert len(twins) == 4
        assert [key for key, other in twins if places[key] != places[other]] == []

    def test_operations_are_those_of_the_span_types(self) -> None:
        """The known values of the operation are exactly the operations of our span types."""
        operation = next(item for item in REGISTRY.attributes if item.key == "gen_ai.operation.name")
        assert [item.value for item in operation.values] == [
            signal.operation for signal in REGISTRY.spans if signal.operation
        ]

    def test_names_are_told_as_they_are_checked(self) -> None:
        """The words about a span's name start with the name that the check demands."""
        expected = {
            signal.type: f"`{signal.fixed_name or f'{signal.operation} {{{signal.name_attribute}}}'}`"
            for signal in REGISTRY.spans
        }
        assert {
            signal.type: signal.name_note[: len(expected[signal.type])] for signal in REGISTRY.spans
        } == expected


class TestOfficialAttributes:
    """What we call by an official name is what the conventions mean by it."""

    def test_gen_ai_keys_are_registered(
        self, official: dict[str, Any], definitions: dict[str, dict[str, Any]]
    ) -> None:
        """Each `gen_ai` key is official, of the same type and stability, and not deprecated."""
        ours = [item for item in REGISTRY.attributes if item.key.startswith("gen_ai.")]
        assert {item.key: (item.type, item.stability, None) for item in ours} == {
            item.key: (
                simple_type(official["registry"][item.key]["type"]),
                definitions[item.key]["stability"],
                definitions[item.key].get("deprecated"),
            )
            for item in ours
        }

    def test_core_keys_are_registered(self, core: dict[str, dict[str, Any]]) -> None:
        """Each `user`, `error` and `exception` key is official, of the same type and stability.

        `exception.escaped` is not: the conventions gave it up, the SDK's `record_exception` still writes it.
        """
        ours = [
            item
            for item in REGISTRY.attributes
            if item.key.startswith(("user.", "error.", "exception.")) and item.key != "exception.escaped"
        ]
        assert len(ours) == 6
        assert {item.key: (item.type, item.stability, None) for item in ours} == {
            item.key: (
                simple_type(core[item.key]["type"]),
                core[item.key]["stability"],
                core[item.key].get("deprecated"),
            )
            for item in ours
        }
        assert "exception.escaped" not in core

    def test_other_keys_are_ours(self) -> None:
        """Every key is in an official namespace checked above or in our own."""
        namespaces = {item.key.split(".")[0] for item in REGISTRY.attributes}
        assert namespaces == {"gen_ai", "user", "error", "exception", "tcc"}

    def test_members_are_official(self, official: dict[str, Any], core: dict[str, dict[str, Any]]) -> None:
        """Each value of an official enum is official too, but for the ones we name with a reason."""
        theirs = {key: set(item["type"]["enum"]) for key, item in enums(official).items()}
        theirs["error.type"] = {member["value"] for member in core["error.type"]["type"]["members"]}
        extra = {
            item.key: {known.value for known in item.values} - theirs[item.key]
            for item in REGISTRY.attributes
            if item.is_enum and not item.key.startswith("tcc.")
        }
        assert {key: values for key, values in extra.items() if values} == OUR_MEMBERS

    def test_every_official_provider_is_known(self, official: dict[str, Any]) -> None:
        """No provider of the conventions is missing from ours."""
        provider = next(item for item in REGISTRY.attributes if item.key == "gen_ai.provider.name")
        theirs = set(official["registry"]["gen_ai.provider.name"]["type"]["enum"])
        assert theirs - {item.value for item in provider.values} == set()

    def test_content_is_json_where_officially_so(self, official: dict[str, Any]) -> None:
        """Those of our attributes have a schema that have an official one, and it has the same name."""
        assert {
            item.key: f"gen-ai-{Path(item.json_schema).name}"
            for item in REGISTRY.attributes
            if item.json_schema
        } == {
            item.key: Path(official["registry"][item.key]["json_schema"]).name
            for item in REGISTRY.attributes
            if official["registry"].get(item.key, {}).get("json_schema")
        }


def enums(official: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Choose the official attributes that are enums."""
    return {key: item for key, item in official["registry"].items() if isinstance(item["type"], dict)}


def counterpart(signal: Signal, official: dict[str, Any]) -> dict[str, Any]:
    """Return the attributes of the official span type, or of the event that feedback stands for."""
    source = (
        official["spans"][signal.official]
        if signal.official
        else official["events"]["gen_ai.evaluation.result"]
    )
    attributes: dict[str, Any] = source["attributes"]
    return attributes


class TestOfficialSpans:
    """Our run, step and tool call are span types of the conventions."""

    @pytest.mark.parametrize("name", ["run", "step", "tool_call"])
    def test_kind_and_name_agree(self, name: str, official: dict[str, Any]) -> None:
        """Kind, operation and the form of the name are those of the official span type."""
        ours = SPANS[name]
        theirs = official["spans"][ours.official]
        assert ours.kind == theirs["kind"]
        assert ours.operation in official["registry"]["gen_ai.operation.name"]["type"]["enum"]
        form = re.search(r"`([^`]*\{[^`]*)`", theirs["name"])
        assert form is not None
        expected = form[1].replace("{gen_ai.operation.name}", ours.operation)
        assert f"{ours.operation} {{{ours.name_attribute}}}" == expected

    @pytest.mark.parametrize("name", SPANS)
    def test_attributes_are_listed(self, name: str, official: dict[str, Any]) -> None:
        """Each attribute that is not ours is one that the official counterpart lists, or has a reason."""
        keys = {item.attribute.key for item in SPANS[name].references}
        foreign = {key for key in keys if not key.startswith("tcc.")}
        assert foreign - set(counterpart(SPANS[name], official)) == OUR_ADDITIONS[name]

    @pytest.mark.parametrize("name", SPANS)
    def test_required_attributes_are_required(self, name: str, official: dict[str, Any]) -> None:
        """What the conventions require is required here, but for what we name with a reason."""
        theirs = counterpart(SPANS[name], official)
        required = {key for key, item in theirs.items() if item["level"] == "required"}
        ours = {item.attribute.key for item in SPANS[name].references if item.level == "required"}
        assert required - ours == OUR_OMISSIONS.get(name, set())

    def test_exception_is_the_official_one(self, official: dict[str, Any]) -> None:
        """The exception event carries the official attributes and the SDK's obsolete one."""
        listed = set(official["events"]["gen_ai.client.operation.exception"]["attributes"])
        (event,) = REGISTRY.events
        assert {item.attribute.key for item in event.references} == listed | {"exception.escaped"}


PARTS: list[dict[str, Any]] = [
    {"type": "text", "content": ""},
    {"type": "text", "content": "Grüße 👋"},
    {"type": "reasoning", "content": "The user asks for a date."},
    {"type": "tool_call", "id": "call_1", "name": "find", "arguments": {"order": 17}},
    {"type": "tool_call", "id": None, "name": "find", "arguments": "no JSON"},
    {"type": "tool_call", "name": "find"},
    {"type": "tool_call_response", "id": "call_1", "response": {"found": [1, 2]}},
    {"type": "tool_call_response", "response": None},
    {
        "type": "blob",
        "modality": "image",
        "mime_type": "image/png",
        "content": "",
        "size": 68,
        "digest": "sha256:0a",
    },
    {"type": "uri", "modality": "image", "uri": "https://example.com/cat.png"},
    {"type": "uri", "modality": "video", "mime_type": None, "uri": "gs://bucket/cat.mp4"},
    {"type": "file", "modality": "document", "mime_type": "application/pdf", "file_id": "file-1"},
    {"type": "web_search_result", "anything": {"goes": True}},
]

SAMPLES: list[tuple[str, Any]] = [
    ("gen_ai.input.messages", []),
    ("gen_ai.input.messages", [{"role": "user", "parts": []}]),
    ("gen_ai.input.messages", [{"role": "developer", "name": "ops", "parts": PARTS}]),
    (
        "gen_ai.input.messages",
        [{"role": role, "parts": PARTS} for role in ("system", "user", "assistant", "tool")],
    ),
    ("gen_ai.output.messages", []),
    ("gen_ai.output.messages", [{"finish_reason": "", "role": "assistant", "parts": PARTS}]),
    ("gen_ai.system_instructions", []),
    ("gen_ai.system_instructions", [{"type": "text", "content": "Be brief."}]),
    ("gen_ai.tool.definitions", []),
    ("gen_ai.tool.definitions", [{"type": "function", "name": "find"}]),
    (
        "gen_ai.tool.definitions",
        [
            {
                "type": "function",
                "name": "find",
                "description": "Find an order.",
                "parameters": {"type": "object", "properties": {"order": {"type": "integer"}}},
                "strict": True,
            },
            {"type": "web_search_20250305", "name": "web_search", "max_uses": 3},
        ],
    ),
    ("gen_ai.tool.call.arguments", {}),
    ("gen_ai.tool.call.arguments", {"order": 17, "deep": {"list": [None, 1.5, "x"]}}),
    ("gen_ai.tool.call.result", {"value": None}),
]

ODD: list[Any] = [
    None,
    True,
    0,
    -1,
    1.5,
    "",
    "x",
    "image",
    "sha256:ff",
    "data:,x",
    [],
    ["x"],
    {},
    {"x": None},
]
FIELDS = sorted({field for part in PARTS for field in part} - {"type"})
TYPES = [*sorted({part["type"] for part in PARTS}), "compaction", "server_tool_call", "", 1]


def mutate(
    part: dict[str, Any],
    change: Mapping[str, Any] = MappingProxyType({}),
    drop: AbstractSet[str] = frozenset(),
    kind: object = None,
) -> dict[str, Any]:
    """Copy a part with some fields set anew, some left out and, unless None, another type."""
    fields = {key: value for key, value in {**part, **change}.items() if key not in drop}
    return fields if kind is None else {**fields, "type": kind}


ANYTHING: st.SearchStrategy[Any] = st.sampled_from(ODD)
RIGHT = st.sampled_from(PARTS)
# One change at most: a part with more of them is hardly ever valid, and then nothing is compared.
MUTATED = st.one_of(
    st.builds(mutate, RIGHT, st.dictionaries(st.sampled_from(FIELDS), ANYTHING, max_size=1)),
    st.builds(mutate, RIGHT, drop=st.sets(st.sampled_from([*FIELDS, "type"]), max_size=1)),
    st.builds(mutate, RIGHT, kind=st.sampled_from(TYPES)),
)
MESSAGE = st.one_of(
    st.fixed_dictionaries({"role": st.just("assistant"), "parts": st.lists(RIGHT | MUTATED, max_size=2)}),
    st.fixed_dictionaries(
        {"role": st.just("assistant") | ANYTHING, "parts": st.lists(RIGHT, max_size=1) | ANYTHING},
        optional={"name": ANYTHING},
    ),
    st.fixed_dictionaries(
        {"parts": st.lists(RIGHT, max_size=1)},
        optional={"role": st.just("assistant"), "finish_reason": ANYTHING},
    ),
)
MESSAGES = st.lists(MESSAGE, max_size=2)
DEFINITIONS = st.lists(
    st.one_of(
        st.fixed_dictionaries(
            {"type": st.sampled_from(["function", "custom"]), "name": st.just("find")},
            optional={"description": ANYTHING, "parameters": ANYTHING, "strict": ANYTHING},
        ),
        st.fixed_dictionaries({}, optional={"type": ANYTHING, "name": ANYTHING}),
    ),
    max_size=2,
)
BY_KEY = {
    "gen_ai.input.messages": MESSAGES,
    "gen_ai.output.messages": MESSAGES,
    "gen_ai.system_instructions": st.lists(st.sampled_from(PARTS[:2]) | MUTATED | ANYTHING, max_size=2),
    "gen_ai.tool.definitions": DEFINITIONS,
    "gen_ai.tool.call.arguments": ANYTHING,
    "gen_ai.tool.call.result": ANYTHING,
}


class TestOfficialSchemas:
    """Our schemas of content are the official ones, made stricter."""

    @pytest.mark.parametrize(("key", "value"), SAMPLES)
    def test_samples_are_valid_in_both(
        self, key: str, value: object, official_schemas: dict[str, Draft7Validator]
    ) -> None:
        """What we emit is valid under our schema and under the official one."""
        assert list(schema_problems(key, json.dumps(value))) == []
        assert [error.message for error in official_schemas[key].iter_errors(value)] == []

    def test_every_schema_has_samples(self) -> None:
        """No content attribute is left without samples, chosen and made."""
        keys = {item.key for item in REGISTRY.attributes if item.json_schema}
        assert ({key for key, _ in SAMPLES}, set(BY_KEY)) == (keys, keys)

    @given(made=st.sampled_from(sorted(BY_KEY)).flatmap(lambda key: st.tuples(st.just(key), BY_KEY[key])))
    def test_what_passes_ours_passes_theirs(
        self, made: tuple[str, Any], official_schemas: dict[str, Draft7Validator]
    ) -> None:
        """However content is made, our schema takes none that the official one refuses."""
        key, value = made
        if not schema_problems(key, json.dumps(value)):
            assert [error.message for error in official_schemas[key].iter_errors(value)] == []
