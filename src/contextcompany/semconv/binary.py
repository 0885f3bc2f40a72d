"""Binary payloads inside values: found, measured, and replaced by their type, size and digest.

The payload itself never leaves the process. Payloads are found where a value is copied, before the
bounds of text apply to them: a base64 image that was cut first could be neither recognised nor measured.
"""

from __future__ import annotations

import binascii
import hashlib
import re
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import unquote_to_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from contextcompany.semconv.plain import Plain

MAX_DIGESTED_BYTES: Final = 64 << 20
"""Most bytes that are hashed for one value; of longer data the first so many bytes are."""

PAYLOAD_KEYS: Final = frozenset({"b64_json", "data", "file_data", "result"})
"""Keys under which the APIs of OpenAI and Anthropic (and MCP) carry base64 without saying so in the text."""

HINT_KEYS: Final = frozenset({"format", "media_type", "mimeType", "mime_type", "transcript", "type"})
"""Keys that stand beside a payload and say what it is."""

_SMALLEST_DIGEST: Final = 1024
_AUDIO_FORMATS: Final = frozenset(
    {"aac", "aiff", "flac", "m4a", "mp3", "ogg", "opus", "pcm16", "wav", "webm"}
)
_MIME_OF_FORMAT: Final = {"mp3": "audio/mpeg", "m4a": "audio/mp4"}
_DATA_URL: Final = re.compile(
    r"data:([\w.+-]{1,100}/[\w.+-]{1,100})?((?:;[\w.+-]{1,100}=[^;,\s]{0,200}){0,8})(;base64)?,",
    re.ASCII | re.IGNORECASE,
)
_SPELLINGS: Final = str.maketrans("-_", "+/", "\r\n")
# What long payloads inside JSON text are replaced by: neither sign occurs in base64.
_TOKEN: Final = re.compile(r"blob:(\d{1,18}):([a-z0-9-]{1,60}:[0-9a-f]{1,128})")
_PAYLOAD_IN_JSON: Final = re.compile(r'(?<=[",])[A-Za-z0-9+/]{2048,}+={0,2}(?=")')
_LONGEST_LOOK: Final = 4096
_LONGEST_SCANNED: Final = 64 << 20


class Measure(NamedTuple):
    """Hold the size of binary data in bytes and its digest, as `sha256:` and hexadecimal digits."""

    size: int
    digest: str


class Digester:
    """Measure payloads and keep to a bound on the bytes hashed for all of them together."""

    __slots__ = ("_left",)

    def __init__(self, most: int = MAX_DIGESTED_BYTES) -> None:
        self._left = most

    def measure(self, data: bytes | bytearray | memoryview) -> Measure:
        """Return size and digest of binary data."""
        view = memoryview(data).cast("B")
        return Measure(len(view), self._digest(view, len(view)))

    def measure_base64(self, text: str, start: int = 0) -> Measure | None:
        """Return size and digest of what base64 text stands for, or None if it is no base64.

        Args:
            text: the text.
            start: where in it the base64 begins.
        """
        if token := _TOKEN.fullmatch(text, start):
            return Measure(int(token[1]), token[2])
        most = self._most() // 3 * 4
        data = _decoded(text[start : start + most])
        if data is None or len(text) - start <= most:
            return None if data is None else self.measure(data)
        size = (len(text) - start) * 3 // 4 - text[-2:].count("=")
        return Measure(size, self._digest(memoryview(data), size))

    def measure_payload(self, text: str, start: int = 0) -> Measure:
        """Return size and digest of what base64 text stands for, or of the text itself if it is no base64."""
        if found := self.measure_base64(text, start):
            return found
        head = text[start : start + self._most()]
        data = head.encode("utf-8", "replace")
        size = len(data) + len(text) - start - len(head)
        return Measure(size, self._digest(memoryview(data), size))

    def _most(self) -> int:
        return max(self._left, _SMALLEST_DIGEST)

    def _digest(self, view: memoryview, size: int) -> str:
        most = self._most()
        head = view[:most]
        self._left -= len(head)
        name = "sha256" if len(head) == size else f"sha256-of-first-{len(head)}-bytes"
        return f"{name}:{hashlib.sha256(head, usedforsecurity=False).hexdigest()}"


def modality_of(mime_type: str | None) -> str:
    """Return the kind of data a MIME type names: image, audio, video, else document."""
    kind = (mime_type or "").partition("/")[0].lower()
    return kind if kind in {"audio", "image", "video"} else "document"


def blob(measure: Measure, mime_type: str | None = None, modality: str | None = None) -> dict[str, Plain]:
    """Return what is recorded of binary data: the blob part of the GenAI conventions without content.

    The content stays empty, `size` (bytes) and `digest` are ours.
    """
    part: dict[str, Plain] = {"type": "blob", "modality": modality or modality_of(mime_type)}
    if mime_type:
        part["mime_type"] = mime_type
    return part | {"content": "", "size": measure.size, "digest": measure.digest}


def blob_of_data_url(text: str, digester: Digester, *, certain: bool) -> dict[str, Plain] | None:
    """Return the blob that a `data:` URL stands for, or None if the text is none.

    Args:
        text: any text.
        digester: measures the payload.
        certain: whether the text stands where only a URL can; otherwise text that merely begins like one,
            such as a sentence, is none.
    """
    found = _DATA_URL.match(text)
    if found is None:
        return None
    mime_type, base64 = found[1], found[3]
    start = found.end()
    measure: Measure | None = None
    if base64:
        measure = digester.measure_base64(text, start)
        if measure is None and (certain or len(text[start : start + _LONGEST_LOOK].split(None, 1)) == 1):
            measure = digester.measure_payload(text, start)
    elif certain:
        measure = digester.measure(unquote_to_bytes(text[start:].encode("utf-8", "replace")))
    return measure and blob(measure, mime_type.lower() if mime_type else None)


def blob_of_field(
    key: str, text: str, hints: Mapping[str, str], digester: Digester
) -> dict[str, Plain] | None:
    """Return the blob for a payload that stands under a key of its own, or None if the text is none.

    Known are the base64 sources and file data of Anthropic and OpenAI, OpenAI's audio and images, and
    whatever names a MIME type other than text beside `data`.

    Args:
        key: one of `PAYLOAD_KEYS`.
        text: what stands there.
        hints: the texts that stand beside it under `HINT_KEYS`.
        digester: measures the payload.
    """
    kind = hints.get("type")
    mime_type = hints.get("media_type") or hints.get("mime_type") or hints.get("mimeType")
    modality = None
    certain = False
    if key == "file_data":
        certain = True
    elif key == "b64_json" or (key == "result" and kind == "image_generation_call"):
        modality = "image"
    elif key == "data" and kind == "base64":
        certain = True
    elif key == "data" and ("transcript" in hints or hints.get("format") in _AUDIO_FORMATS):
        modality = "audio"
        mime_type = mime_type or ("format" in hints and audio_mime_type(hints["format"])) or None
    elif not (key == "data" and kind != "text" and mime_type and not mime_type.startswith("text/")):
        return None
    if url := blob_of_data_url(text, digester, certain=certain):
        return url
    measure = digester.measure_payload(text) if certain else digester.measure_base64(text)
    return measure and blob(measure, mime_type, modality)


def audio_mime_type(audio_format: str) -> str:
    """Return the MIME type of an audio format as OpenAI names it, such as `mp3`."""
    return _MIME_OF_FORMAT.get(audio_format, f"audio/{audio_format}")


def without_payloads(text: str, digester: Digester) -> str:
    """Return JSON text with every long base64 payload replaced by a token that still can be measured.

    This keeps the text of messages with images readable where the images alone would break its bounds.
    """
    if len(text) > _LONGEST_SCANNED or text[:64].lstrip()[:1] not in {"[", "{"}:
        return text

    def token(found: re.Match[str]) -> str:
        measure = digester.measure_base64(found[0])
        return found[0] if measure is None else f"blob:{measure.size}:{measure.digest}"

    return _PAYLOAD_IN_JSON.sub(token, text)


def _decoded(text: str) -> bytes | None:
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        pass
    if not text.isascii():
        return None
    # The rarer spellings: the URL-safe alphabet, line breaks, padding left out. With spaces it is prose.
    plain = text.translate(_SPELLINGS)
    try:
        return binascii.a2b_base64(plain + "=" * (-len(plain) % 4), strict_mode=True)
    except ValueError:
        return None
