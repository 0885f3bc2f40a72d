"""Binary payloads: found, measured, replaced."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest

from contextcompany.semconv.binary import (
    Digester,
    Measure,
    blob,
    blob_of_data_url,
    blob_of_field,
    modality_of,
    without_payloads,
)
from contextcompany.semconv.values import freeze

if TYPE_CHECKING:
    from collections.abc import Mapping

    from contextcompany.semconv.plain import Plain

DATA = bytes(range(256)) * 20
TEXT = base64.b64encode(DATA).decode()


def digest(data: bytes) -> str:
    """Return the digest as it is recorded."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def recorded(data: bytes, modality: str, mime_type: str | None = None) -> dict[str, Plain]:
    """Return the blob that stands for data."""
    mime: dict[str, Plain] = {"mime_type": mime_type} if mime_type else {}
    rest: dict[str, Plain] = {"content": "", "size": len(data), "digest": digest(data)}
    return {"type": "blob", "modality": modality, **mime, **rest}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (TEXT, Measure(5120, digest(DATA))),
        (base64.urlsafe_b64encode(DATA).decode(), Measure(5120, digest(DATA))),
        (base64.encodebytes(DATA).decode(), Measure(5120, digest(DATA))),
        (base64.b64encode(DATA[:100]).decode().rstrip("="), Measure(100, digest(DATA[:100]))),
        ("", Measure(0, digest(b""))),
        ("not base64!", None),
        ("abcde", None),
        ("é", None),
    ],
    ids=["plain", "url-safe", "lines", "no padding", "empty", "prose", "wrong length", "not ascii"],
)
def test_base64_is_measured_in_all_its_spellings(text: str, expected: Measure | None) -> None:
    """Size and digest are those of the decoded bytes; what does not decode is no base64."""
    assert Digester().measure_base64(text) == expected


def test_a_payload_that_does_not_decode_is_measured_as_text() -> None:
    """Size and digest are then those of the text itself."""
    assert Digester().measure_payload("not base64! é") == Measure(14, digest("not base64! é".encode()))


def test_only_so_many_bytes_are_hashed_for_one_value() -> None:
    """Beyond the bound the size stays true and the digest says of what it is."""
    digester = Digester(2000)
    head = f"sha256-of-first-2000-bytes:{hashlib.sha256(DATA[:2000]).hexdigest()}"
    assert digester.measure(DATA) == Measure(5120, head)
    later = f"sha256-of-first-1024-bytes:{hashlib.sha256(DATA[:1024]).hexdigest()}"
    assert digester.measure(DATA) == Measure(5120, later)


def test_long_base64_is_measured_without_decoding_all_of_it() -> None:
    """The size of a payload over the bound is computed, and the digest is of its beginning."""
    found = Digester(3000).measure_base64(TEXT)
    assert found == Measure(5120, f"sha256-of-first-3000-bytes:{hashlib.sha256(DATA[:3000]).hexdigest()}")
    assert Digester(3000).measure_payload("?" * 5000) == Measure(
        5000, f"sha256-of-first-3000-bytes:{hashlib.sha256(b'?' * 3000).hexdigest()}"
    )


@pytest.mark.parametrize(
    ("text", "certain", "expected"),
    [
        (f"data:image/png;base64,{TEXT}", False, recorded(DATA, "image", "image/png")),
        (f"DATA:Image/PNG;BASE64,{TEXT}", False, recorded(DATA, "image", "image/png")),
        (f"data:audio/wav;rate=8000;base64,{TEXT}", False, recorded(DATA, "audio", "audio/wav")),
        (f"data:;base64,{TEXT}", False, recorded(DATA, "document")),
        ("data:text/plain;base64,####", False, recorded(b"####", "document", "text/plain")),
        ("data:text/plain;base64,see the file below", False, None),
        ("data:image/png;base64,what is this?", True, recorded(b"what is this?", "image", "image/png")),
        ("data:text/plain,a%20b", True, recorded(b"a b", "document", "text/plain")),
        ("data:text/plain,a%20b", False, None),
        ("data: the numbers are in", True, None),
        ("https://example.org/a.png", True, None),
    ],
)
def test_data_urls_are_told_from_prose(text: str, certain: bool, expected: object) -> None:
    """Text is a data URL if it decodes or cannot be prose; where only a URL can stand it always is."""
    assert blob_of_data_url(text, Digester(), certain=certain) == expected


@pytest.mark.parametrize(
    ("key", "text", "hints", "expected"),
    [
        (
            "data",
            TEXT,
            {"type": "base64", "media_type": "image/png"},
            recorded(DATA, "image", "image/png"),
        ),
        (
            "data",
            "%%%",
            {"type": "base64", "media_type": "image/png"},
            recorded(b"%%%", "image", "image/png"),
        ),
        ("data", TEXT, {"format": "mp3"}, recorded(DATA, "audio", "audio/mpeg")),
        ("data", TEXT, {"transcript": "hello"}, recorded(DATA, "audio")),
        ("data", TEXT, {"type": "image", "mimeType": "image/gif"}, recorded(DATA, "image", "image/gif")),
        ("data", TEXT, {"mime_type": "application/pdf"}, recorded(DATA, "document", "application/pdf")),
        ("file_data", TEXT, {}, recorded(DATA, "document")),
        (
            "file_data",
            f"data:application/pdf;base64,{TEXT}",
            {},
            recorded(DATA, "document", "application/pdf"),
        ),
        ("b64_json", TEXT, {}, recorded(DATA, "image")),
        ("result", TEXT, {"type": "image_generation_call"}, recorded(DATA, "image")),
        ("result", TEXT, {"type": "calculation"}, None),
        ("data", "abcd", {}, None),
        ("data", "abcd", {"format": "csv"}, None),
        ("data", "a,b\n1,2", {"format": "wav"}, None),
        ("data", "abcd", {"media_type": "text/plain", "type": "text"}, None),
        ("data", "abcd", {"mime_type": "text/csv"}, None),
        ("data", "plain words", {"mime_type": "image/png"}, None),
    ],
)
def test_payload_fields_are_told_from_other_data(
    key: str, text: str, hints: Mapping[str, str], expected: object
) -> None:
    """A field is a payload where the fields beside it say so, and other data is left alone."""
    assert blob_of_field(key, text, hints, Digester()) == expected


def test_payloads_are_found_before_bounds_apply() -> None:
    """An image over the limit of a value is recorded by its true size and digest, and nothing is cut."""
    image = b"\x89PNG" * 1_000_000
    text = base64.b64encode(image).decode()
    value: dict[str, Any] = {
        "url": f"data:image/png;base64,{text}",
        "source": {"type": "base64", "media_type": "image/png", "data": text},
        "input_audio": {"data": text, "format": "wav"},
        "file": {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{text}"},
        "raw": image,
    }
    png = recorded(image, "image", "image/png")
    assert freeze(value) == (
        {
            "url": png,
            "source": {"type": "base64", "media_type": "image/png", "data": png},
            "input_audio": {"data": recorded(image, "audio", "audio/wav"), "format": "wav"},
            "file": {"filename": "a.pdf", "file_data": recorded(image, "document", "application/pdf")},
            "raw": {"type": "blob", "size": len(image), "digest": digest(image)},
        },
        False,
    )


def test_payloads_in_json_text_leave_the_text_readable() -> None:
    """In JSON text that is too long each long payload becomes a token, from which its blob is made."""
    url = f"data:image/png;base64,{TEXT}"
    value = [{"url": url, "source": {"type": "base64", "media_type": "image/png", "data": TEXT}}]
    token = f"blob:5120:{digest(DATA)}"
    shorter = without_payloads(json.dumps(value), Digester())
    source = {"type": "base64", "media_type": "image/png", "data": token}
    assert json.loads(shorter) == [{"url": f"data:image/png;base64,{token}", "source": source}]
    png = recorded(DATA, "image", "image/png")
    frozen = [{"url": png, "source": {"type": "base64", "media_type": "image/png", "data": png}}]
    assert freeze(json.loads(shorter)) == (frozen, False)


@pytest.mark.parametrize(
    "text", [f'see "{TEXT}"', json.dumps(["x" * 2000, TEXT[:2000]]), '["' + "A" * 2049 + '"]']
)
def test_text_without_long_payloads_stays(text: str) -> None:
    """Prose, short payloads and what does not decode are left as they are."""
    assert without_payloads(text, Digester()) == text


def test_a_blob_names_what_is_known() -> None:
    """The modality follows from the MIME type unless it is given."""
    measure = Measure(1, "sha256:00")
    assert [modality_of(mime) for mime in ("image/png", "VIDEO/mp4", "text/plain", None)] == [
        "image",
        "video",
        "document",
        "document",
    ]
    assert blob(measure, None, "audio") == {
        "type": "blob",
        "modality": "audio",
        "content": "",
        "size": 1,
        "digest": "sha256:00",
    }
