"""`protocol/stream_kinds.py`: chunks of the three kinds; catalogue rows 24 and 25."""

import struct

import pytest

from duologue.errors import BadFrame
from duologue.protocol.stream_kinds import (
    CHUNK_BYTES,
    StreamKind,
    binary_prefix,
    cut_bytes,
    cut_text,
    kind_of,
    read_binary,
    read_chunk,
)


@pytest.mark.parametrize("request_id", [0, 1, 255, 2**32, 2**53 - 1])
def test_an_id_in_front_of_a_chunk_reads_back(request_id: int) -> None:
    assert read_binary(binary_prefix(request_id) + b"xyz") == (request_id, b"xyz")


@pytest.mark.parametrize("size", range(8))
def test_a_byte_message_shorter_than_an_id_is_a_bad_frame(size: int) -> None:
    with pytest.raises(BadFrame, match=f"{size} bytes"):
        read_binary(bytes(size))


def test_eight_bytes_are_an_id_and_an_empty_chunk() -> None:
    assert read_binary(bytes(8)) == (0, b"")


@pytest.mark.parametrize(
    "bits",
    [
        struct.pack("<d", -0.0),
        struct.pack("<d", -1.0),
        struct.pack("<d", 1.5),
        struct.pack("<d", float("inf")),
        struct.pack("<d", float("-inf")),
        struct.pack("<d", float("nan")),
        b"\x01\x00\x00\x00\x00\x00\xf8\x7f",
        b"\xff" * 8,
        struct.pack("<d", 5e-324),
        struct.pack("<d", 2.0**53),
    ],
    ids=["-0", "-1", "1.5", "inf", "-inf", "nan", "nan with payload", "ones", "subnormal", "2^53"],
)
def test_no_other_double_is_an_id(bits: bytes) -> None:
    assert read_binary(bits + b"chunk") == (None, b"chunk")


@pytest.mark.parametrize(("encoding", "kind"), [("utf8", StreamKind.UTF8), ("base64", "base64")])
def test_the_first_text_chunk_tells_the_kind(encoding: str, kind: StreamKind) -> None:
    assert kind_of(encoding) == kind


@pytest.mark.parametrize("encoding", [None, "$__undefined$", "hex", 5, ["utf8"]])
def test_a_first_text_chunk_without_a_known_encoding_is_a_bad_frame(encoding: object) -> None:
    with pytest.raises(BadFrame, match="utf8 or base64"):
        kind_of(encoding)


@pytest.mark.parametrize("chunk", ["AAE", "A A=", "AAEC\n", "!!!!", "====", "AA==AAEC"])
def test_base64_is_read_strictly(chunk: str) -> None:
    with pytest.raises(BadFrame, match="base64"):
        read_chunk(StreamKind.BASE64, chunk)


def test_a_chunk_that_is_no_string_is_a_bad_frame() -> None:
    with pytest.raises(BadFrame, match="string"):
        read_chunk(StreamKind.UTF8, 5)


@pytest.mark.parametrize(("size", "pieces"), [(0, 1), (CHUNK_BYTES, 1), (CHUNK_BYTES + 1, 2)])
def test_bytes_are_cut_at_the_chunk_size(size: int, pieces: int) -> None:
    cut = list(cut_bytes(bytes(size), CHUNK_BYTES))
    assert len(cut) == pieces
    assert b"".join(cut) == bytes(size)


@pytest.mark.parametrize("text", ["a" * 200_000, "ä€😀" * 30_000, ""])
def test_text_is_cut_between_characters_and_within_the_chunk_size(text: str) -> None:
    cut = list(cut_text(text))
    assert "".join(cut) == text
    assert all(len(part.encode()) <= CHUNK_BYTES for part in cut)
