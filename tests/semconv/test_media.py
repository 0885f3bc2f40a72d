"""Parts that stand for pictures, sound and documents."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contextcompany.semconv.media import audio_parts, blob_part, media_part

if TYPE_CHECKING:
    from contextcompany.semconv.plain import Plain

SIZE: dict[str, Plain] = {"size": 3, "digest": "sha256:00"}


def test_what_a_mime_type_says_counts_more_than_where_data_stood() -> None:
    """A blob keeps its modality where its type is known, else it is judged by its place."""
    typed: dict[str, Plain] = {"type": "blob", "modality": "document", "mime_type": "application/pdf", **SIZE}
    assert blob_part(typed, "image")["modality"] == "document"
    assert blob_part({"type": "blob", "modality": "document", **SIZE}, "image")["modality"] == "image"
    assert blob_part({"type": "blob", "modality": "video", **SIZE})["modality"] == "video"
    assert blob_part(dict(SIZE), "image", "video/mp4") == {
        "type": "blob",
        "modality": "video",
        "mime_type": "video/mp4",
        "content": "",
        **SIZE,
    }


def test_no_address_hides_data() -> None:
    """Whatever spelling a data URL has, it becomes no uri."""
    for url in ("data:image/png;base64,AAAA", " DATA:,x", "data:", "\tdata:image/png"):
        part = media_part({"type": "uri", "modality": "image", "uri": url})
        assert part is not None
        assert (part["type"], part["content"]) == ("blob", "")


def test_data_and_addresses_may_trade_places() -> None:
    """A data URL among the data, and measured data among the addresses, become blobs too."""
    digest = "sha256:00"
    blob: dict[str, Plain] = {"type": "blob", "modality": "image", "content": "", "size": 3, "digest": digest}
    assert media_part({"type": "image", "source": {"type": "url", "url": blob}}) == blob
    part = media_part({"type": "file", "file": {"file_data": "data:text/plain,a%20b"}})
    assert part is not None
    assert (part["type"], part["mime_type"], part["size"]) == ("blob", "text/plain", 3)


def test_a_block_that_says_no_place_has_no_part() -> None:
    """Without data, address and file id there is nothing to point to."""
    assert media_part({"type": "image", "source": {"type": "url"}}) is None
    assert audio_parts({"format": "wav"}) == (None, None)
