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
from contextcompany.local.reading.preview import one_line, value_text
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
_SCORES: Final = {"up": attributes.SCORE_LABEL_THUMBS_UP, "down": attributes.SCORE_LABEL_THUMBS_DOWN}
_EXCEPTION_PIECES: Final = (attributes.EXCEPTION_TYPE, attributes.EXCEPTION_MESSAGE)


def render(nodes: Sequence[Node]) -> RenderableType:
    """Draw what `runs()` returned: a tree each, those of one session together under its name."""
    sessions: dict[tuple[str, int], list[Node]] = {}
    for number, node in enumerate(nodes):
        session = node.reading.session_id
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
    answer = node.reading.response if node.kind == "run" else ""
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
        rows += _some_row("says", node.reading.response)
    elif node.kind == "tool":
        for label, text in (("args", node.reading.prompt), ("result", node.reading.response)):
            rows += _some_row(label, value_text(text))
    rows += _failure_rows(node)
    if node.span is None:
        rows.append(_row("note", "the span of this run has not arrived", style="yellow"))
    elif node.is_orphan and node.kind != "run":
        rows.append(_row("note", "the span above this one has not arrived", style="yellow"))
    return Group(head, _rows(rows)) if rows else head


def _title(node: Node) -> list[_Piece]:
    said = node.reading
    name = said.name
    if node.kind == "run":
        name = said.agent or node.run_id or name
    elif node.kind == "step" and said.requested_model and said.model not in {"", said.requested_model}:
        name = f"{said.requested_model} ({said.model})"
    return [(node.kind, "dim"), (one_line(name, _NAME_CHARACTERS), "bold")]


def _status(node: Node) -> _Piece:
    status = node.reading.status
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
    said = node.reading
    who = [
        _named("user", said.user_name, said.user_id),
        _named("org", said.org_name, said.org_id),
        _named("session", "", said.session_id) if is_alone else "",
    ]
    rows += _some_row("who", " · ".join(filter(None, who)))
    rows += _some_row("metadata", " · ".join(f"{key}={value}" for key, value in said.metadata.items()))
    rows += _some_row("models", ", ".join(totals(node).models))
    if said.prompt:
        rows.append(_row("prompt", said.prompt, is_cropped=False))
    return rows


def _failure_rows(node: Node) -> list[tuple[Text, Text]]:
    if node.span is None:
        return []
    said = node.reading
    message = said.error_message if said.status != "ok" else _of(node, attributes.TCC_STATUS_MESSAGE)
    told = [": ".join(filter(None, (said.error_type, message)))]
    for event in node.span.events:
        if event.name == attributes.EXCEPTION_EVENT_NAME:
            words = [event.attributes.get(key) for key in _EXCEPTION_PIECES]
            text = ": ".join(word for word in words if isinstance(word, str) and word)
            # The event mostly repeats the status.
            if not any(isinstance(word, str) and word and word in told[0] for word in words[1:]):
                told.append(text)
    label, style = ("error", "red") if said.status == "failed" else ("status", "")
    rows = [_row(label, text, style=style, is_cropped=False) for text in told if text]
    for label, key in (("broken", attributes.TCC_VIOLATIONS), ("cut", attributes.TCC_TRUNCATED)):
        names = _value(node, key)
        if isinstance(names, tuple):
            rows.append(_row(label, ", ".join(map(str, names)), style="yellow"))
    return rows


def _feedback_line(node: Node) -> Text:
    said = node.reading
    style = "red" if said.score == "down" else "green"
    score = _SCORES[said.score] if said.score is not None else ""
    quoted = f"“{one_line(said.feedback_text, _TEXT_CHARACTERS)}”" if said.feedback_text else ""
    return _line([("feedback", "dim"), (score, style), (quoted, "")])


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
    return value if isinstance(value, str) else ""
