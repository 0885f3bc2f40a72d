"""Runs as trees for a terminal: what happened, how long it took, what it used, where it went wrong.

The only module of this room that needs rich (the extra `local`).
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Final, TypeAlias

try:
    from rich.console import Console, Group
    from rich.table import Table
    from rich.text import Text
    from rich.tree import Tree
except ImportError as error:
    raise ImportError("drawing runs needs rich: pip install 'contextcompany-otel[local]'") from error

from contextcompany.local.reading.figures import duration_text, money_text, token_text
from contextcompany.local.reading.grouping import Node, Totals, runs, totals, usage
from contextcompany.local.reading.preview import answer_text, one_line, question_text, value_text
from contextcompany.local.terminal.trimming import Trimmed
from contextcompany.semconv import attributes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from contextcompany.local.otlp.spans import AttributeValue

__all__ = ["Node", "Totals", "as_text", "render", "runs", "totals"]

_Piece: TypeAlias = "tuple[str, str]"

_NAME_CHARACTERS: Final = 80
_TEXT_CHARACTERS: Final = 400
_STATUS_STYLES: Final = {"ok": "green", "partial": "yellow", "failed": "bold red"}
_TOOL_ROWS: Final = (
    ("args", attributes.GEN_AI_TOOL_CALL_ARGUMENTS),
    ("result", attributes.GEN_AI_TOOL_CALL_RESULT),
)
_EXCEPTION_PIECES: Final = (attributes.EXCEPTION_TYPE, attributes.EXCEPTION_MESSAGE)


def render(nodes: Sequence[Node]) -> RenderableType:
    """Draw what `runs()` returned: a tree each, those of one session together under its name."""
    sessions: dict[tuple[str, int], list[Node]] = {}
    for number, node in enumerate(nodes):
        session = _of(node, attributes.TCC_SESSION_ID)
        # Without a session each stands alone.
        sessions.setdefault((session, 0 if session else number), []).append(node)
    parts: list[RenderableType] = []
    for (session, _), members in sessions.items():
        if len(members) > 1:
            parts += [_session_line(session, members), Text()]
        for node in members:
            tree = Tree(_label(node, is_alone=len(members) == 1), guide_style="dim")
            _grow(tree, node)
            parts += [tree, Text()]
    return Trimmed(Group(*parts[:-1]))


def as_text(nodes: Sequence[Node], width: int = 100) -> str:
    """Draw what `runs()` returned as plain text without colours, `width` columns wide at most."""
    console = Console(file=io.StringIO(), width=width, color_system=None, force_terminal=False)
    with console.capture() as capture:
        console.print(render(nodes))
    return capture.get()


def _grow(tree: Tree, node: Node) -> None:
    for child in node.children:
        if child.kind != "feedback":
            _grow(tree.add(_label(child)), child)
    answer = answer_text(_value(node, attributes.GEN_AI_OUTPUT_MESSAGES)) if node.kind == "run" else ""
    if answer:
        tree.add(_rows([_row("answer", answer, is_cropped=False)]))
    # What the user said of the answer reads best behind it.
    for child in node.children:
        if child.kind == "feedback":
            _grow(tree.add(_label(child)), child)


def _label(node: Node, *, is_alone: bool = False) -> RenderableType:
    if node.kind == "feedback":
        return _feedback_line(node)
    head = _line(
        [*_title(node), _status(node), (duration_text(node.end_ns - node.start_ns), ""), *_used(node)]
    )
    rows: list[tuple[Text, Text]] = []
    if node.kind == "run":
        rows += _run_rows(node, is_alone=is_alone)
    elif node.kind == "step":
        rows += _some_row("says", answer_text(_value(node, attributes.GEN_AI_OUTPUT_MESSAGES)))
    elif node.kind == "tool":
        for label, key in _TOOL_ROWS:
            value = _value(node, key)
            rows += _some_row(label, "" if value is None else value_text(value))
    rows += _failure_rows(node)
    if node.span is None:
        rows.append(_row("note", "the span of this run has not arrived", style="yellow"))
    elif node.is_orphan and node.kind != "run":
        rows.append(_row("note", "the span above this one has not arrived", style="yellow"))
    return Group(head, _rows(rows)) if rows else head


def _title(node: Node) -> list[_Piece]:
    match node.kind:
        case "run":
            agent = _of(node, attributes.TCC_AGENT) or _of(node, attributes.GEN_AI_AGENT_NAME)
            name = agent or node.run_id or ""
        case "step":
            requested = _of(node, attributes.GEN_AI_REQUEST_MODEL)
            used = _of(node, attributes.GEN_AI_RESPONSE_MODEL)
            name = f"{requested} ({used})" if requested and used and requested != used else requested or used
        case "tool":
            name = _of(node, attributes.GEN_AI_TOOL_NAME)
        case _:
            name = node.span.name if node.span is not None else ""
    return [(node.kind, "dim"), (one_line(name, _NAME_CHARACTERS), "bold")]


def _status(node: Node) -> _Piece:
    code = _value(node, attributes.TCC_STATUS_CODE)
    if (node.span is not None and node.span.status_code == "ERROR") or code == attributes.STATUS_CODE_ERROR:
        status = "failed"
    elif code == attributes.STATUS_CODE_PARTIAL:
        status = "partial"
    else:
        status = "ok"
    return (status, _STATUS_STYLES[status]) if node.span is not None else ("?", "yellow")


def _used(node: Node) -> list[_Piece]:
    if node.kind == "step" and node.span is not None:
        return _figures(usage(node.span))
    if node.kind != "run":
        return []
    return _figures(totals(node))


def _figures(used: Totals) -> list[_Piece]:
    pieces = [(token_text(used.input_tokens, used.cached_tokens, used.output_tokens), "cyan")]
    if used.cost is not None:
        pieces.append((money_text(used.cost), "magenta"))
    if used.steps > 1 and used.unpriced:
        pieces.append((f"({used.unpriced} of {used.steps} steps without a price)", "yellow"))
    return pieces


def _run_rows(node: Node, *, is_alone: bool) -> list[tuple[Text, Text]]:
    rows = _some_row("id", node.run_id or "") if _title(node)[1][0] != node.run_id else []
    who = [
        _named("user", _of(node, attributes.TCC_USER_NAME), _of(node, attributes.TCC_USER_ID)),
        _named("org", _of(node, attributes.TCC_ORG_NAME), _of(node, attributes.TCC_ORG_ID)),
        _named("session", "", _of(node, attributes.TCC_SESSION_ID)) if is_alone else "",
    ]
    rows += _some_row("who", " · ".join(filter(None, who)))
    metadata = [
        f"{key.removeprefix(attributes.TCC_METADATA_PREFIX)}={value_text(value)}"
        for key, value in (node.span.attributes.items() if node.span is not None else ())
        if key.startswith(attributes.TCC_METADATA_PREFIX)
    ]
    rows += _some_row("metadata", " · ".join(metadata))
    rows += _some_row("models", ", ".join(totals(node).models))
    prompt = question_text(_value(node, attributes.GEN_AI_INPUT_MESSAGES))
    if prompt:
        rows.append(_row("prompt", prompt, is_cropped=False))
    return rows


def _failure_rows(node: Node) -> list[tuple[Text, Text]]:
    if node.span is None:
        return []
    kind = _of(node, attributes.ERROR_TYPE)
    message = node.span.status_message or _of(node, attributes.TCC_STATUS_MESSAGE)
    told = [": ".join(filter(None, (kind, message)))]
    for event in node.span.events:
        if event.name == attributes.EXCEPTION_EVENT_NAME:
            words = [event.attributes.get(key) for key in _EXCEPTION_PIECES]
            text = ": ".join(word for word in words if isinstance(word, str) and word)
            # The event mostly repeats the status.
            if not any(isinstance(word, str) and word and word in told[0] for word in words[1:]):
                told.append(text)
    is_failed = _status(node)[0] == "failed"
    label, style = ("error", "red") if is_failed else ("status", "")
    rows = [_row(label, text, style=style, is_cropped=False) for text in told if text]
    for label, key in (("broken", attributes.TCC_VIOLATIONS), ("cut", attributes.TCC_TRUNCATED)):
        names = _value(node, key)
        if isinstance(names, tuple):
            rows.append(_row(label, ", ".join(map(str, names)), style="yellow"))
    return rows


def _feedback_line(node: Node) -> Text:
    score = _of(node, attributes.GEN_AI_EVALUATION_SCORE_LABEL)
    text = _of(node, attributes.GEN_AI_EVALUATION_EXPLANATION)
    style = "red" if score == attributes.SCORE_LABEL_THUMBS_DOWN else "green"
    quoted = f"“{one_line(text, _TEXT_CHARACTERS)}”" if text else ""
    return _line([("feedback", "dim"), (one_line(score, _NAME_CHARACTERS), style), (quoted, "")])


def _session_line(session: str, members: list[Node]) -> Text:
    used = [totals(node) for node in members]
    costs = [one.cost for one in used if one.cost is not None]
    took = max(node.end_ns for node in members) - min(node.start_ns for node in members)
    return _line(
        [
            ("session", "dim"),
            (one_line(session, _NAME_CHARACTERS), "bold"),
            (f"{len(members)} runs", ""),
            (duration_text(took), ""),
            (money_text(sum(costs)) if costs else "", "magenta"),
        ]
    )


def _named(kind: str, name: str, identifier: str) -> str:
    if name and identifier:
        return f"{kind} {name} ({identifier})"
    return f"{kind} {name or identifier}" if name or identifier else ""


def _line(pieces: Sequence[_Piece]) -> Text:
    line = Text("  ").join(Text(text, style) for text, style in pieces if text)
    line.no_wrap, line.overflow = False, "fold"
    return line


def _some_row(label: str, text: str) -> list[tuple[Text, Text]]:
    return [_row(label, text)] if text else []


def _row(label: str, text: str, *, style: str = "", is_cropped: bool = True) -> tuple[Text, Text]:
    content = Text(one_line(text, _TEXT_CHARACTERS), style)
    content.no_wrap, content.overflow = is_cropped, "ellipsis" if is_cropped else "fold"
    return Text(label, "dim"), content


def _rows(rows: list[tuple[Text, Text]]) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    for label, content in rows:
        table.add_row(label, content)
    return table


def _value(node: Node, key: str) -> AttributeValue:
    return node.span.attributes.get(key) if node.span is not None else None


def _of(node: Node, key: str) -> str:
    value = _value(node, key)
    if value is None and key == attributes.TCC_SESSION_ID:
        value = _value(node, attributes.GEN_AI_CONVERSATION_ID)
    return value if isinstance(value, str) else ""
