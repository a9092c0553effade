"""The recorded streams: what the original sends, we read; what we send is the same."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from duologue import ByteStream, Limits, StreamFailed, TextStream, create_websocket_promisifier
from duologue.protocol.stream_kinds import binary_prefix, read_binary
from duologue.testing import connected_pair
from tests.support import turns

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "base_profile.json").read_text())
CASES: list[dict[str, Any]] = VECTORS["streams"]["cases"]
SERVICE = 3


def message_of(frame: dict[str, str]) -> str | bytes:
    return frame["text"] if "text" in frame else bytes.fromhex(frame["bytes"])


def content_of(case: dict[str, Any]) -> list[Any]:
    """The pieces that a case carries, decoded with nothing of ours."""
    pieces: list[Any] = []
    for frame in case["frames"]:
        if "bytes" in frame:
            pieces.append(bytes.fromhex(frame["bytes"])[8:])
        elif "chunk" in (fields := json.loads(frame["text"])):
            if case["name"] == "base64":
                pieces.append({"AAEC": b"\0\1\2", "/f7/": b"\xfd\xfe\xff"}[fields["chunk"]])
            else:
                pieces.append(fields["chunk"])
    return pieces


def fails(case: dict[str, Any]) -> bool:
    return "stream-error" in json.dumps(case["frames"][-1])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
async def test_a_recorded_stream_is_read(case: dict[str, Any]) -> None:
    ours, theirs = connected_pair(Limits())
    caller = create_websocket_promisifier(ours)
    calls: list[Any] = [caller.send(SERVICE) for _ in range(case["requestId"] + 1)]
    for frame in case["frames"]:
        theirs.send(message_of(frame))
    call = calls[case["requestId"]]
    if fails(case):
        with pytest.raises(StreamFailed):
            await (await call).read()
    else:
        pieces = content_of(case)
        expected = "".join(pieces) if case["name"] == "utf8" else b"".join(pieces)
        assert await (await call).read() == expected
    caller.close()
    await caller.promise


async def source(case: dict[str, Any]) -> AsyncIterator[Any]:
    for piece in content_of(case):
        yield piece
    if fails(case):
        raise OSError


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
async def test_the_same_frames_are_sent(case: dict[str, Any]) -> None:
    ours, theirs = connected_pair(Limits())
    sent: list[str | bytes] = []
    theirs.on_message.listen(sent.append)
    server = create_websocket_promisifier(ours)

    def stream() -> object:
        if case["name"] == "utf8":
            return TextStream(source(case))
        return ByteStream(source(case), encoding="base64" if case["name"] == "base64" else "binary")

    server.add_service(SERVICE, stream)
    request: dict[str, Any] = {
        "requestId": case["requestId"],
        "type": "request",
        "serviceId": SERVICE,
        "args": [],
    }
    theirs.send(json.dumps(request))
    await turns(20)
    expected = [message_of(frame) for frame in case["frames"]]
    assert list(map(comparable, sent)) == list(map(comparable, expected))
    server.close()
    await server.promise


def comparable(message: str | bytes) -> Any:
    return json.loads(message) if isinstance(message, str) else message


@pytest.mark.parametrize("case", VECTORS["streams"]["binaryPrefix"]["cases"])
def test_the_recorded_prefixes(case: dict[str, Any]) -> None:
    prefix = bytes.fromhex(case["prefix"])
    assert binary_prefix(case["requestId"]) == prefix
    assert read_binary(prefix) == (case["requestId"], b"")
