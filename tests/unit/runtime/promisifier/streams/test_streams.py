"""Streams between two peers in memory: what a service returns and what its caller reads."""

import asyncio
import gc
import hashlib
import logging
import os
import stat
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

import duologue
from duologue import (
    BadFrame,
    ByteStream,
    Cancelled,
    ConnectionClosed,
    LimitExceeded,
    Limits,
    RemoteError,
    StreamFailed,
    TextStream,
    create_websocket_promisifier,
)
from duologue.testing import connected_pair, linked_peers

SERVICE = 5


async def read_all(make: Callable[[], object]) -> object:
    """What a caller reads of the stream that a service makes."""
    async with linked_peers() as (server, caller):
        server.add_service(SERVICE, make)
        stream = await caller.send(SERVICE)
        return await stream.read()


async def pieces(*parts: Any) -> AsyncIterator[Any]:
    for part in parts:
        await asyncio.sleep(0)
        yield part


@pytest.mark.parametrize("encoding", ["binary", "base64"])
@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 65_537, 300_000])
async def test_bytes_arrive_as_they_were(encoding: Any, size: int) -> None:
    content = bytes(index % 251 for index in range(size))
    assert await read_all(lambda: ByteStream(content, encoding=encoding)) == content


async def test_text_arrives_as_it_was() -> None:
    text = "Grüße, 世界 😀\n" * 20_000
    assert await read_all(lambda: TextStream(text)) == text


async def test_an_async_iterator_is_a_source() -> None:
    assert await read_all(lambda: ByteStream(pieces(b"ab", b"", b"cd"))) == b"abcd"
    assert await read_all(lambda: TextStream(pieces("ä", "", "b"))) == "äb"


async def test_a_path_and_an_open_file_are_sources(tmp_path: Path) -> None:
    path = tmp_path / "content"
    path.write_bytes("é".encode() * 1_000_000)
    assert await read_all(lambda: ByteStream(path)) == path.read_bytes()
    assert await read_all(lambda: TextStream(path)) == path.read_text()
    with path.open("rb") as file:
        assert await read_all(lambda: ByteStream(file)) == path.read_bytes()


async def test_an_async_service_may_return_a_stream() -> None:
    async def late() -> ByteStream:
        await asyncio.sleep(0)
        return ByteStream(b"late")

    assert await read_all(late) == b"late"


async def test_reading_by_size_gives_exactly_so_much_until_the_end() -> None:
    async with linked_peers() as (server, caller):
        server.add_service(SERVICE, lambda: ByteStream(pieces(b"abc", b"defgh", b"ij")))
        stream = await caller.send(SERVICE)
        read = [await stream.read(4) for _ in range(4)]
    assert read == [b"abcd", b"efgh", b"ij", b""]


async def test_a_stream_is_iterated_piece_by_piece() -> None:
    async with linked_peers() as (server, caller):
        server.add_service(SERVICE, lambda: TextStream(pieces("one", "two")))
        assert [piece async for piece in await caller.send(SERVICE)] == ["one", "two"]


async def test_both_sides_are_told_how_far_it_is(tmp_path: Path) -> None:
    sent: list[int] = []
    saved: list[int] = []
    async with linked_peers() as (server, caller):
        server.add_service(SERVICE, lambda: ByteStream(bytes(150_000), on_progress=sent.append))
        stream = await caller.send(SERVICE)
        await stream.save_to(tmp_path / "copy", on_progress=saved.append)
    assert sent == saved == [65_536, 131_072, 150_000]


async def test_a_saved_stream_tells_its_size_and_hash(tmp_path: Path) -> None:
    content = bytes(range(256)) * 10_000
    async with linked_peers() as (server, caller):
        server.add_service(SERVICE, lambda: ByteStream(content))
        saved = await (await caller.send(SERVICE)).save_to(tmp_path / "copy")
    assert saved == duologue.SavedFile(
        tmp_path / "copy", len(content), hashlib.sha256(content).hexdigest()
    )
    assert (tmp_path / "copy").read_bytes() == content
    assert [path.name for path in tmp_path.iterdir()] == ["copy"]


@pytest.mark.skipif(os.name != "posix", reason="files have no modes here")
async def test_who_may_read_a_saved_file_is_as_for_any_other(tmp_path: Path) -> None:
    replaced = tmp_path / "replaced"
    replaced.touch(0o600)
    umask = os.umask(0o027)
    try:
        async with linked_peers() as (server, caller):
            server.add_service(SERVICE, lambda: ByteStream(b"x"))
            for name in ("new", "replaced"):
                await (await caller.send(SERVICE)).save_to(tmp_path / name)
    finally:
        os.umask(umask)
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("new", "replaced")]
    assert modes == [0o640, 0o600]


async def failing_source() -> AsyncIterator[bytes]:
    yield b"so far"
    raise OSError("the disk is on fire")


async def test_a_failing_source_fails_the_reader_and_tells_no_cause(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    target = tmp_path / "copy"
    target.write_text("before")
    async with linked_peers() as (server, caller):
        server.add_service(SERVICE, lambda: ByteStream(failing_source()))
        stream = await caller.send(SERVICE)
        with pytest.raises(StreamFailed) as caught:
            await stream.save_to(target)
    assert caught.value.code == "WSRQ-SEH1"
    assert str(caught.value) == (
        "WSRQ-SEH1: Remote ReadStream failed. While receiving a stream we received an error from "
        'the sender. Message: "Error while reading the file stream"'
    )
    assert "fire" not in str(caught.value)
    assert "fire" in caplog.text
    assert target.read_text() == "before"
    assert [path.name for path in tmp_path.iterdir()] == ["copy"]


async def test_a_source_that_fails_at_once_fails_the_call(tmp_path: Path) -> None:
    async with linked_peers() as (server, caller):
        server.add_service(SERVICE, lambda: ByteStream(tmp_path / "missing"))
        with pytest.raises(StreamFailed):
            await caller.send(SERVICE)


async def test_a_text_file_that_is_no_utf8_fails(tmp_path: Path) -> None:
    path = tmp_path / "latin"
    path.write_bytes(b"gr\xfc\xdfe")
    async with linked_peers() as (server, caller):
        server.add_service(SERVICE, lambda: TextStream(path))
        with pytest.raises(StreamFailed):
            await caller.send(SERVICE)


class Endless:
    """A source that notes when it is closed."""

    def __init__(self) -> None:
        self.closed = asyncio.Event()

    async def chunks(self) -> AsyncIterator[bytes]:
        try:
            while True:
                yield bytes(1000)
                await asyncio.sleep(0)
        finally:
            self.closed.set()


async def test_cancelling_stops_the_source_and_keeps_the_connection() -> None:
    source = Endless()
    async with linked_peers() as (server, caller):
        server.add_service(SERVICE, lambda: ByteStream(source.chunks()))
        server.add_service(6, lambda: "still here")
        async with await caller.send(SERVICE) as stream:
            assert len(await stream.read(5000)) == 5000
        await asyncio.wait_for(source.closed.wait(), 30)
        with pytest.raises(Cancelled):
            await stream.read()
        assert await caller.send(6) == "still here"
        # The refusal counts as a request: base profile 8.1.
        assert server.stats.requests_received_total == 3
        assert caller.stats.requests_sent_total == 2


async def test_a_call_given_up_before_its_first_chunk_stops_the_source() -> None:
    source = Endless()
    begin = asyncio.Event()

    async def late() -> ByteStream:
        await begin.wait()
        return ByteStream(source.chunks())

    async with linked_peers() as (server, caller):
        server.add_service(SERVICE, late)
        call = caller.send(SERVICE)
        await asyncio.sleep(0)
        call.cancel()
        begin.set()
        await asyncio.wait_for(source.closed.wait(), 30)


async def test_a_stream_that_is_dropped_is_cancelled_with_a_warning() -> None:
    source = Endless()
    async with linked_peers() as (server, caller):
        server.add_service(SERVICE, lambda: ByteStream(source.chunks()))
        stream = await caller.send(SERVICE)
        await asyncio.sleep(0)  # the turn of the loop that woke us still holds the call
        with pytest.warns(ResourceWarning, match="stream of service 5"):
            del stream
            gc.collect()
        await asyncio.wait_for(source.closed.wait(), 30)


async def test_a_lost_connection_never_makes_a_stream_complete() -> None:
    async with linked_peers() as (server, caller):
        server.add_service(SERVICE, lambda: ByteStream(Endless().chunks()))
        stream = await caller.send(SERVICE)
        await stream.read(3000)
        server.close("enough")
        with pytest.raises(ConnectionClosed) as caught:
            await stream.read()
    assert caught.value.code == "WSP-ONCL0"
    assert caught.value.pending == (SERVICE,)


async def test_closing_while_sending_stops_the_source_without_a_trace(
    caplog: pytest.LogCaptureFixture,
) -> None:
    source = Endless()
    async with linked_peers() as (server, caller):
        server.add_service(SERVICE, lambda: ByteStream(source.chunks()))
        stream = await caller.send(SERVICE)
        await stream.read(3000)
        caller.close()
        await asyncio.wait_for(source.closed.wait(), 30)
        stream.cancel()
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_many_streams_and_calls_share_a_connection() -> None:
    async with linked_peers() as (server, caller):

        def repeat(seed: int) -> ByteStream:
            return ByteStream(pieces(*[bytes([seed]) * 999] * 50))

        server.add_service(SERVICE, repeat)
        server.add_service(6, lambda: 1)

        async def read(seed: int) -> None:
            stream = await caller.send(SERVICE, seed)
            assert await stream.read() == bytes([seed]) * 49_950
            assert await caller.send(6) == 1

        await asyncio.gather(*map(read, range(20)))


async def test_a_stream_can_be_passed_on() -> None:
    async with linked_peers() as (origin, middle), linked_peers() as (front, caller):
        origin.add_service(SERVICE, lambda: ByteStream(bytes(200_000)))
        front.add_service(SERVICE, lambda: middle.send(SERVICE))
        stream = await caller.send(SERVICE)
        assert await stream.read() == bytes(200_000)


async def test_a_slow_reader_slows_the_sender() -> None:
    limits = Limits(max_stream_buffer_bytes=300_000, max_message_bytes=100_000)
    sent: list[int] = []

    async def source() -> AsyncIterator[bytes]:
        for _ in range(400):
            yield bytes(50_000)

    async with linked_peers(limits=limits) as (server, caller):
        server.add_service(SERVICE, lambda: ByteStream(source(), on_progress=sent.append))
        stream = await caller.send(SERVICE)
        for _ in range(2000):
            await asyncio.sleep(0)
        assert sent[-1] < 1_500_000
        assert len(await stream.read()) == 20_000_000


async def test_an_answer_behind_an_unread_stream_still_comes() -> None:
    limits = Limits(max_stream_buffer_bytes=10_000)
    async with linked_peers(limits=limits) as (server, caller):
        server.add_service(SERVICE, lambda: ByteStream(bytes(2_000_000)))
        server.add_service(6, lambda: "behind it")
        async with await caller.send(SERVICE):
            for _ in range(100):
                await asyncio.sleep(0)
            assert await asyncio.wait_for(caller.send(6), 30) == "behind it"


async def test_a_reader_that_stalls_loses_its_stream_not_the_connection() -> None:
    limits = Limits(max_stream_buffer_bytes=10_000, stream_stall_timeout_s=0.02)
    source = Endless()
    async with linked_peers(limits=limits) as (server, caller):
        server.add_service(SERVICE, lambda: ByteStream(source.chunks()))
        server.add_service(6, lambda: "still here")
        stream = await caller.send(SERVICE)
        await asyncio.wait_for(source.closed.wait(), 30)
        with pytest.raises(LimitExceeded, match="stream_stall_timeout_s"):
            await stream.read()
        assert await caller.send(6) == "still here"


# -- a hand-made sender ----------------------------------------------------------------------------

CHUNK = '{"responseId":0,"type":"stream","chunk":"%s","encoding":%s}'


@pytest.mark.parametrize(
    ("messages", "error"),
    [
        ([CHUNK % ("ab", '"hex"')], BadFrame),
        ([CHUNK % ("ab", '"$__undefined$"')], BadFrame),
        ([CHUNK % ("a", '"base64"')], BadFrame),
        (['{"responseId":0,"type":"stream","chunk":5,"encoding":"utf8"}'], BadFrame),
        (['{"responseId":0,"type":"stream","encoding":"utf8"}'], BadFrame),
        ([CHUNK % ("ab", '"utf8"'), bytes(9)], BadFrame),
        ([bytes(9), CHUNK % ("ab", '"utf8"')], BadFrame),
        ([bytes(9), '{"responseId":0,"type":"data","data":1}'], BadFrame),
        ([bytes(9), '{"responseId":0,"type":"error","error":{"name":"E"}}'], RemoteError),
        ([bytes(9), '{"responseId":0,"type":"stream-error"}'], StreamFailed),
        (['{"responseId":0,"type":"stream-error","error":1e400}'], StreamFailed),
    ],
)
async def test_a_stream_that_breaks_the_rules_fails_and_nothing_else(
    messages: list[str | bytes], error: type[Exception]
) -> None:
    ours, theirs = connected_pair(Limits())
    caller = create_websocket_promisifier(ours)
    call = caller.send(SERVICE)
    for message in messages:
        theirs.send(message)
    with pytest.raises(error):
        await (await call).read()
    again = caller.send(SERVICE)
    theirs.send('{"responseId":1,"type":"data","data":2}')
    assert await again == 2
    caller.close()
    await caller.promise


async def test_a_sender_that_breaks_the_rules_is_told_to_stop_once() -> None:
    ours, theirs = connected_pair(Limits())
    heard: list[str | bytes] = []
    theirs.on_message.listen(heard.append)
    caller = create_websocket_promisifier(ours)
    call = caller.send(SERVICE)
    for _ in range(3):
        theirs.send(CHUNK % ("x", '"hex"'))
    with pytest.raises(BadFrame):
        await call
    theirs.send('{"responseId":0,"type":"stream-error","error":"stopped"}')
    theirs.send(bytes(8) + b"late")
    for _ in range(5):
        await asyncio.sleep(0)
    assert heard[1:] == ['{"requestId":0,"type":"write-stream-error"}'] * 2
    assert caller.stats.messages_dropped == 3
    caller.close()
    await caller.promise


@pytest.mark.parametrize("message", [CHUNK % ("x", '"utf8"'), bytes(8) + b"x", bytes(7) + b"\xff"])
async def test_a_chunk_that_nobody_asked_for_is_dropped_and_counted(message: str | bytes) -> None:
    ours, theirs = connected_pair(Limits())
    heard: list[str | bytes] = []
    theirs.on_message.listen(heard.append)
    peer = create_websocket_promisifier(ours)
    theirs.send(message)
    for _ in range(5):
        await asyncio.sleep(0)
    assert peer.stats.answers_dropped_unknown == 1
    assert heard == []
    peer.close()
    await peer.promise


async def test_a_refusal_for_no_stream_of_ours_is_counted_and_ignored() -> None:
    ours, theirs = connected_pair(Limits())
    peer = create_websocket_promisifier(ours)
    theirs.send('{"requestId":7,"type":"write-stream-error"}')
    theirs.send('{"type":"write-stream-error"}')
    for _ in range(5):
        await asyncio.sleep(0)
    assert peer.stats.requests_received_total == 2
    assert peer.stats.requests_received_invalid == 0
    peer.close()
    await peer.promise
