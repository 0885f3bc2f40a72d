"""Parts of messages, from the shapes of OpenAI and Anthropic to that of the GenAI conventions.

All input is frozen, so nothing here raises for what a value is. What no shape explains becomes a generic
part that keeps its fields.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from contextcompany.semconv import calls, media
from contextcompany.semconv.fields import as_read, as_text, first, inner, text_of_field, without

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from contextcompany.semconv.fields import Block, Part
    from contextcompany.semconv.plain import Plain


def text_part(content: str) -> Part:
    """Return a part of plain text."""
    return {"type": "text", "content": content}


def parts_of(content: Plain) -> list[Part]:
    """Return the parts of a message's content: text, one block, or a list of either; None has none."""
    if isinstance(content, list):
        return [part for block in content for part in parts_of(block)]
    if isinstance(content, dict):
        return _parts_of_block(content)
    return [] if content is None else [text_part(as_text(content))]


def response_part(source: Block, content: Plain) -> Part:
    """Return the part for what a tool gave back; text that is a JSON object or list is read.

    Args:
        source: the block, item or message that names the call.
        content: what the tool gave back: text, blocks, or any data.
    """
    return calls.tool_response(source, _answer(content))


def audio_parts(value: Block) -> list[Part]:
    """Return the parts for sound as OpenAI gives it: the sound itself and its transcript."""
    part, transcript = media.audio_parts(value)
    return [*([part] if part else []), *([text_part(transcript)] if transcript else [])]


def is_block(value: Block) -> bool:
    """Tell whether an object is a block of a known type, and not just any data with a type."""
    kind = value.get("type")
    return isinstance(kind, str) and (kind in _CONVERTERS or kind.endswith("_tool_result"))


def _parts_of_block(block: Block) -> list[Part]:
    kind = text_of_field(block, "type")
    if kind is None:
        text = block.get("text")
        return [text_part(text) if isinstance(text, str) else _generic("unknown", block)]
    convert = _CONVERTERS.get(kind) or _converter_by_ending(kind)
    return convert(block, kind)


def _converter_by_ending(kind: str) -> Callable[[Block, str], list[Part]]:
    if kind.endswith("_tool_result"):
        return lambda block, kind: [calls.server_response(block, kind)]
    if kind.endswith("_call_output"):
        return lambda block, _: [response_part(block, block.get("output"))]
    if kind.endswith("_call"):
        return lambda block, kind: [calls.server_call(block, kind)]
    return lambda block, kind: [_generic(kind, block)]


def _generic(kind: str, block: Block) -> Part:
    return {"type": kind, **without(block, "type")}


def _text(block: Block, _kind: str) -> list[Part]:
    content = first(block, "text", "content")
    if isinstance(content, dict) and content.get("type") == "blob":
        return [media.blob_part(content)]  # the text was a data: URL
    if isinstance(content, dict):
        content = first(content, "value") or content  # the Assistants API wraps text once more
    if content is None:
        content = without(block, "type") or ""
    # The part for text has no place for its sources, which are worth having.
    sources: list[Part] = [
        {"type": key, key: found} for key in ("annotations", "citations") if (found := block.get(key))
    ]
    return [text_part(as_text(content)), *sources]


def _refusal(block: Block, kind: str) -> list[Part]:
    return [{"type": kind, "content": as_text(first(block, "refusal", "content"))}]


def _media(block: Block, kind: str) -> list[Part]:
    source = inner(block, "source") or {}
    if source.get("type") == "text":
        return [text_part(as_text(first(source, "data", "text")))]
    if source.get("type") == "content":
        return parts_of(source.get("content"))
    # A file without its id is no part of the conventions any more.
    part = media.media_part(block) or _generic("unknown" if kind in {"file", "uri"} else kind, block)
    return [part]


def _audio(block: Block, kind: str) -> list[Part]:
    value = inner(block, kind) or inner(block, "input_audio")
    parts = audio_parts(value) if value else []
    return parts or _media(block, kind)


def _reasoning(block: Block, _kind: str) -> list[Part]:
    """Join what can be read of reasoning; signatures and encrypted reasoning say nothing to a reader."""
    keys = ("thinking", "reasoning", "summary", "content", "text")
    texts = [text for key in keys for text in _texts(block.get(key))]
    return [{"type": "reasoning", "content": "\n".join(texts)}]


def _texts(value: Plain) -> list[str]:
    if isinstance(value, list):
        return [text for item in value for text in _texts(item)]
    if isinstance(value, dict):
        return _texts(first(value, "text", "content"))
    return [text] if (text := as_text(value)) else []


def _compaction(block: Block, kind: str) -> list[Part]:
    part: Part = {"type": kind}
    part |= {key: text for key in ("id", "content") if (text := text_of_field(block, key))}
    return [part]


def _answer(content: Plain) -> Plain:
    if isinstance(content, str):
        # A number or a word stays the text it was.
        return as_read(content) if content.lstrip()[:1] in {"{", "["} else content
    if isinstance(content, list) and all(isinstance(item, dict) and is_block(item) for item in content):
        parts = parts_of(content)
        if len(parts) == 1 and parts[0]["type"] == "text":
            return _answer(parts[0]["content"])
        return [*parts]
    return "" if content is None else content


def _call(block: Block, _kind: str) -> list[Part]:
    return [calls.tool_call(block)]


def _client_call(block: Block, kind: str) -> list[Part]:
    return [calls.client_call(block, kind)]


def _server_use(block: Block, _kind: str) -> list[Part]:
    return [calls.server_use(block)]


def _as_it_is(block: Block, kind: str) -> list[Part]:
    return [_generic(kind, block)]


_CONVERTERS: Final[Mapping[str, Callable[[Block, str], list[Part]]]] = {
    **dict.fromkeys(("text", "input_text", "output_text", "summary_text", "reasoning_text"), _text),
    "refusal": _refusal,
    **dict.fromkeys(("image", "image_url", "input_image", "document", "video", "video_url", "blob"), _media),
    **dict.fromkeys(("audio_url", "file", "input_file", "container_upload", "uri"), _media),
    **dict.fromkeys(("audio", "input_audio"), _audio),
    **dict.fromkeys(("tool_call", "tool_use", "function_call", "custom_tool_call"), _call),
    **dict.fromkeys(("function", "custom"), _call),
    **dict.fromkeys(calls.CLIENT_CALLS, _client_call),
    **dict.fromkeys(("server_tool_use", "mcp_tool_use"), _server_use),
    **dict.fromkeys(("server_tool_call", "server_tool_call_response"), _as_it_is),
    "tool_result": lambda block, _: [response_part(block, block.get("content"))],
    "tool_call_response": lambda block, _: [calls.tool_response(block, block.get("response"))],
    **dict.fromkeys(("thinking", "redacted_thinking", "reasoning"), _reasoning),
    "compaction": _compaction,
}
"""What to do with a block, by its type; types that are not here are known by their ending."""
