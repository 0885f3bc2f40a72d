"""Request bodies come off the wire whole, or are refused, and never pass the bounds."""

from __future__ import annotations

import gzip
import io
import tracemalloc
import zlib
from email.message import Message
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contextcompany.local.otlp import bodies
from contextcompany.local.otlp.bodies import LARGE_BODY_BYTES, RefusedError, has_body, read_body

if TYPE_CHECKING:
    from http import HTTPStatus


def _headers(**fields: str | list[str]) -> Message:
    message = Message()
    for name, values in fields.items():
        for value in [values] if isinstance(values, str) else values:
            message.add_header(name.replace("_", "-"), value)
    return message


def _read(body: bytes, rest: bytes = b"", **fields: str) -> bytes:
    """Read a body of a known length that is followed by the next request."""
    stream = io.BytesIO(body + rest)
    got = read_body(stream, _headers(Content_Length=str(len(body)), **fields), lambda: None)
    assert stream.read() == rest
    return got


def _chunked(*chunks: bytes) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in (*chunks, b""))


def _refused(body: bytes, **fields: str | list[str]) -> tuple[HTTPStatus, str]:
    with pytest.raises(RefusedError) as caught:
        read_body(io.BytesIO(body), _headers(**fields), lambda: None)
    return caught.value.status, caught.value.reason


@pytest.mark.parametrize("encoding", ["", "identity", "Identity"])
def test_a_plain_body_is_read_to_its_length(encoding: str) -> None:
    """Exactly the announced bytes are read, so that the next request follows."""
    assert _read(b"spans", rest=b"POST ", Content_Encoding=encoding) == b"spans"


def test_compressed_bodies_are_read() -> None:
    """Gzip, several members and padding included, and deflate."""
    assert _read(gzip.compress(b"spans"), Content_Encoding="gzip") == b"spans"
    assert _read(gzip.compress(b"spans"), Content_Encoding="X-GZIP") == b"spans"
    members = gzip.compress(b"spa") + gzip.compress(b"ns") + b"\0" * 10
    assert _read(members, Content_Encoding="gzip") == b"spans"
    assert _read(zlib.compress(b"spans"), Content_Encoding="deflate") == b"spans"


@given(st.binary(max_size=5_000), st.integers(min_value=1, max_value=700))
def test_chunks_of_any_size_make_the_same_body(body: bytes, size: int) -> None:
    """A sender may cut its compressed body into chunks wherever it likes."""
    packed = gzip.compress(body)
    chunks = [packed[start : start + size] for start in range(0, len(packed), size)]
    stream = io.BytesIO(_chunked(*chunks) + b"next")
    headers = _headers(Transfer_Encoding="chunked", Content_Encoding="gzip")
    assert read_body(stream, headers, lambda: None) == body
    assert stream.read() == b"next"


@pytest.mark.parametrize("size", [1024 * 1024 + beyond for beyond in (-259, -1, 0, 1, 258, 1024 * 1024)])
@pytest.mark.parametrize("level", [1, 9])
def test_bodies_around_the_size_of_a_piece_are_whole(size: int, level: int) -> None:
    """Where one piece of output ends and the next begins, nothing is lost."""
    body = bytes(size)
    assert _read(gzip.compress(body, level), Content_Encoding="gzip") == body
    assert _read(zlib.compress(body, level), Content_Encoding="deflate") == body


def test_chunks_may_have_extensions_and_trailers() -> None:
    """What HTTP allows around chunks is read over."""
    raw = b"5;name=value\r\nspans\r\n0\r\nX-Checksum: 1\r\n\r\n"
    assert read_body(io.BytesIO(raw), _headers(Transfer_Encoding="chunked"), lambda: None) == b"spans"


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"zz\r\nspans\r\n0\r\n\r\n", "a chunk must begin with its size"),
        (b"-5\r\nspans\r\n0\r\n\r\n", "a chunk must begin with its size"),
        (b"4\r\nspans\r\n0\r\n\r\n", "a chunk is longer than its size says"),
        (b"0\r\n" + b"a: b\r\n" * 101, "more than 100 trailers"),
    ],
)
def test_broken_chunks_are_refused(raw: bytes, reason: str) -> None:
    """A body whose end cannot be known for sure is not guessed at."""
    status, got = _refused(raw, Transfer_Encoding="chunked")
    assert (status, got.startswith(reason)) == (400, True)


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({}, 411),
        ({"Content_Length": "many"}, 400),
        ({"Content_Length": "-1"}, 400),
        ({"Content_Length": "1_0"}, 400),
        ({"Content_Length": ["5", "6"]}, 400),
        ({"Content_Length": str(64 * 1024 * 1024 + 1)}, 413),
        ({"Content_Length": "999999999999999999"}, 413),
        ({"Content_Length": "5", "Transfer_Encoding": "chunked"}, 400),
        ({"Transfer_Encoding": "gzip, chunked"}, 400),
        ({"Content_Length": "5", "Content_Encoding": "br"}, 415),
    ],
)
def test_lengths_and_encodings_that_do_not_fit_are_refused_unread(
    fields: dict[str, str | list[str]], status: int
) -> None:
    """What the headers alone make impossible costs no read."""
    stream = io.BytesIO(b"spans")
    with pytest.raises(RefusedError) as caught:
        read_body(stream, _headers(**fields), lambda: None)
    assert caught.value.status == status
    assert stream.tell() == 0


def test_chunks_beyond_the_bound_are_refused_before_they_are_read() -> None:
    """The announced size of a chunk counts, not what has come of it."""
    status, reason = _refused(b"fffffff\r\nspans", Transfer_Encoding="chunked")
    assert status == 413
    assert reason == "the body is larger than 64 MiB before decompression; send smaller batches"


def test_a_gzip_bomb_is_refused_without_being_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A small body that unpacks to gigabytes never takes more memory than the bound."""
    monkeypatch.setattr(bodies, "MAX_DECOMPRESSED_BYTES", 4 * 1024 * 1024)
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    zeros = bytes(1024 * 1024)
    bomb = b"".join(packer.compress(zeros) for _ in range(100)) + packer.flush()
    assert len(bomb) < 200_000
    tracemalloc.start()
    try:
        status, reason = _refused(bomb, Content_Length=str(len(bomb)), Content_Encoding="gzip")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert status == 413
    assert reason == "the body is larger than 4 MiB after decompression; send smaller batches"
    assert peak < 20 * 1024 * 1024


@given(st.integers(min_value=1, max_value=40))
def test_a_cut_off_gzip_body_is_refused(missing: int) -> None:
    """Compressed bytes without their end mark are no body."""
    packed = gzip.compress(b"spans" * 100)[:-missing]
    status, reason = _refused(packed, Content_Length=str(len(packed)), Content_Encoding="gzip")
    assert (status, reason) == (400, "the compressed body ends before its end mark")


@given(st.binary(min_size=1, max_size=100), st.sampled_from(["gzip", "deflate"]))
def test_garbage_that_claims_to_be_compressed_is_refused(body: bytes, encoding: str) -> None:
    """Random bytes under a content encoding are answered 400 and nothing else."""
    status, _ = _refused(body, Content_Length=str(len(body)), Content_Encoding=encoding)
    assert status == 400


def test_a_sender_that_leaves_in_between_is_told_from_a_bad_body() -> None:
    """There is nobody to answer, so it is no refusal."""
    with pytest.raises(EOFError):
        read_body(io.BytesIO(b"spa"), _headers(Content_Length="5"), lambda: None)
    with pytest.raises(EOFError):
        read_body(io.BytesIO(b"5\r\nspans\r\n"), _headers(Transfer_Encoding="chunked"), lambda: None)


@pytest.mark.parametrize(("size", "calls"), [(LARGE_BODY_BYTES, 0), (LARGE_BODY_BYTES + 1, 1)])
def test_a_large_body_says_so_once(size: int, calls: int) -> None:
    """The caller hears of a large body before all of it is in memory, and only once."""
    body, heard = bytes(size), []
    read = read_body(io.BytesIO(body), _headers(Content_Length=str(size)), lambda: heard.append(1))
    assert len(read) == size
    assert len(heard) == calls


def test_a_body_is_known_by_its_headers() -> None:
    """A request has a body when its headers announce one, acceptable or not."""
    assert not has_body(_headers())
    assert not has_body(_headers(Content_Length="0"))
    assert has_body(_headers(Content_Length="nonsense"))
    assert has_body(_headers(Transfer_Encoding="chunked"))
