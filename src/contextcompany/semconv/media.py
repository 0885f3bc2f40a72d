"""Parts that stand for pictures, sound, films and documents.

Data becomes a blob without content, an address a uri, a reference to an uploaded file a file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from contextcompany.semconv.binary import (
    Digester,
    Measure,
    audio_mime_type,
    blob,
    blob_of_data_url,
    modality_of,
)
from contextcompany.semconv.fields import as_text, first, inner, text_of_field

if TYPE_CHECKING:
    from contextcompany.semconv.fields import Block, Part
    from contextcompany.semconv.plain import Plain

_DATA_URL: Final = "data:"


def media_part(block: Block) -> Part | None:
    """Return the part for a block that says where its data stands, or None if it does not.

    Knows the blocks `image`, `input_image`, `image_url`, `document`, `file`, `input_file`, `input_audio`
    and the like of OpenAI and Anthropic, and `blob`, `uri` and `file` of the conventions.
    """
    kind = text_of_field(block, "type") or ""
    if kind == "blob":
        return blob_part(block)
    modality = text_of_field(block, "modality") or _modality_of_kind(kind)
    for key in ("source", kind, "file"):
        nested = inner(block, key)
        if nested is not None:
            return _located(nested, modality)
    return _located(block, modality)


def blob_part(value: Block, modality: str | None = None, mime_type: str | None = None) -> Part:
    """Return the blob part for a blob, digesting its content if it still has any.

    Args:
        value: a blob as `freeze` gives it, or as the conventions describe it.
        modality: what it is, judged by where it stood; what a MIME type says counts more.
        mime_type: the type that was given beside it.
    """
    mime_type = text_of_field(value, "mime_type") or mime_type
    if mime_type:
        modality = text_of_field(value, "modality") or modality_of(mime_type)
    elif modality is None:
        modality = text_of_field(value, "modality")
    size, digest = value.get("size"), value.get("digest")
    if isinstance(size, int) and isinstance(digest, str):
        measure = Measure(size, digest)
    else:
        measure = Digester().measure_payload(as_text(value.get("content")))
    return blob(measure, mime_type, modality)


def audio_parts(value: Block) -> tuple[Part | None, str | None]:
    """Return the part for sound as OpenAI gives it (data and format, or an id), and its transcript."""
    return _located(value, "audio"), text_of_field(value, "transcript")


def _modality_of_kind(kind: str) -> str:
    name = kind.removeprefix("input_").removesuffix("_url")
    return name if name in {"audio", "image", "video"} else "document"


def _located(source: Block, modality: str) -> Part | None:
    if source.get("type") == "blob":
        return blob_part(source, modality)
    mime_type = text_of_field(source, "media_type", "mime_type", "mimeType")
    if (audio_format := text_of_field(source, "format")) and modality == "audio":
        mime_type = mime_type or audio_mime_type(audio_format)
    data = first(source, "data", "file_data")
    if data is not None:
        return _payload(data, modality, mime_type)
    url = first(source, "url", "uri", "image_url", "file_url", "audio_url", "video_url")
    if url is not None:
        return _address(url, modality, mime_type)
    file_id = text_of_field(source, "file_id", "id")
    if file_id:
        return _typed({"type": "file", "modality": modality}, mime_type) | {"file_id": file_id}
    return None


def _payload(data: Plain, modality: str, mime_type: str | None) -> Part:
    if isinstance(data, dict):
        return blob_part(data, modality, mime_type)
    text = as_text(data)
    if _is_data_url(text):
        return _address(text, modality, mime_type)
    return blob(
        Digester().measure_payload(text), mime_type, modality_of(mime_type) if mime_type else modality
    )


def _address(url: Plain, modality: str, mime_type: str | None) -> Part:
    if isinstance(url, dict):
        if url.get("type") == "blob":
            return blob_part(url, modality, mime_type)
        url = first(url, "url")
    text = as_text(url)
    if not _is_data_url(text):
        return _typed({"type": "uri", "modality": modality}, mime_type) | {"uri": text}
    found = blob_of_data_url(text.lstrip(), Digester(), certain=True)
    if found is None:
        return blob(Digester().measure_payload(text), mime_type, modality)
    return blob_part(found if "mime_type" in found else {**found, "modality": None}, modality, mime_type)


def _is_data_url(text: str) -> bool:
    return text.lstrip()[: len(_DATA_URL)].lower() == _DATA_URL


def _typed(part: Part, mime_type: str | None) -> Part:
    return part | {"mime_type": mime_type} if mime_type else part
