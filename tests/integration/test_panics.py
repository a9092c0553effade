"""What the application's own code raises while items, streams and events pass; panics included.

A panic is what extensions in Rust raise: no `Exception`. Nobody may wait for ever because of one.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from duologue import ByteStream, Interceptor, connect, serve
from duologue.errors import InternalError, StreamFailed
from duologue.typed import Service
from tests.integration.greeters import url
from tests.integration.loopback import nothing_is_left as nothing_is_left
from tests.stopwatch import PATIENCE_S
from tests.stream_service import Number, Streams, StreamsClient
from tests.support import Panic

FAULTS = [RuntimeError("it is broken"), Panic("it is broken")]
AROUND = [(), (Interceptor(),)]


def broken(fault: BaseException) -> Iterator[Number]:
    yield Number(number=1)
    raise fault


async def broken_pieces(fault: BaseException) -> AsyncIterator[bytes]:
    yield b"a piece"
    raise fault


@pytest.mark.parametrize("around", AROUND)
@pytest.mark.parametrize("fault", FAULTS)
async def test_what_a_source_of_items_raises_comes_out_of_the_block(
    fault: BaseException, around: tuple[Interceptor, ...]
) -> None:
    async with (
        serve(Streams()) as server,
        connect(url(server.port), interceptors=around) as peer,
        asyncio.timeout(PATIENCE_S),
    ):
        client = StreamsClient(peer)
        with pytest.raises(type(fault), match="it is broken"):
            async with client.sum() as up:
                await up.send_all(broken(fault))
        with pytest.raises(type(fault), match="it is broken"):
            async with client.squares() as both:
                # In a task of its own, beside the reader, who must not wait for ever.
                both.send_all(broken(fault))
                async for _ in both:
                    pass
        # The connection has not suffered.
        async with client.sum() as up:
            await up.send_all([Number(number=2), Number(number=3)])
            assert await up.result() == 5


@pytest.mark.parametrize("fault", FAULTS)
async def test_the_reader_of_a_stream_is_told_that_its_source_has_failed(
    fault: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    async with serve() as server, connect(url(server.port)) as peer:
        peer.add_service(3, lambda: None)
        (host,) = server.peers
        host.add_service(7, lambda: ByteStream(broken_pieces(fault)))
        stream = await peer.send(7)
        with pytest.raises(StreamFailed):
            async with asyncio.timeout(PATIENCE_S):
                while await stream.read():
                    pass
    assert "it is broken" in caplog.text


@pytest.mark.parametrize("fault", FAULTS)
async def test_the_caller_of_a_generator_is_told_that_it_has_failed(
    fault: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(Streams):
        async def count(self, params: Any, ctx: object) -> AsyncIterator[Number]:
            yield Number(number=1)
            raise fault

    service: Service = Broken()
    async with serve(service) as server, connect(url(server.port)) as peer:
        with pytest.raises(InternalError):
            async with asyncio.timeout(PATIENCE_S), StreamsClient(peer).count(upto=3) as numbers:
                async for _ in numbers:
                    pass
    assert "it is broken" in caplog.text


@pytest.mark.parametrize(
    ("items", "words"),
    [
        (None, "takes items, a generator of them, a path or a binary file, but was given None"),
        (5, "but was given int 5"),
    ],
)
async def test_what_is_no_items_is_told(items: Any, words: str) -> None:
    async with serve(Streams()) as server, connect(url(server.port)) as peer:
        with pytest.raises(TypeError, match=words):
            async with StreamsClient(peer).store() as up:
                await up.send_all(items)


@pytest.mark.parametrize("around", AROUND)
async def test_a_call_with_items_is_made_once_and_has_an_owner(
    around: tuple[Interceptor, ...],
) -> None:
    async with (
        serve(Streams()) as server,
        connect(url(server.port), interceptors=around) as peer,
    ):
        call = StreamsClient(peer).count(upto=3)
        async with call as numbers:
            assert [each.number async for each in numbers] == [0, 1, 2]
        with pytest.raises(RuntimeError, match="was entered before: make another one"):
            async with call:
                pytest.fail("was made twice")
        with pytest.warns(RuntimeWarning, match="was never made; use it in `async with`"):
            StreamsClient(peer).count(upto=3)
