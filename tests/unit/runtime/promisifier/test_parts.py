"""Parts through whole conversations in memory: two of ours."""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from duologue.connection.base import Message
from duologue.connection.memory import connected_pair
from duologue.errors import (
    ConnectionClosed,
    LimitExceeded,
)
from duologue.limits import Limits
from duologue.promisifier.own_call import CallOptions
from duologue.promisifier.promisifier import create_websocket_promisifier
from duologue.protocol.parcels import Parcel
from duologue.typed import Service
from duologue.typed.context import CallContext
from duologue.typed.service import Offer
from tests.pretend_loop import PretendCarrier
from tests.support import turns
from tests.unit.runtime.promisifier.stores import (
    DIGEST,
    KEEP,
    LONG,
    SHORT,
    KeepParams,
    SlowStore,
    Store,
    StoreClient,
    introduce,
)


class Tapped:
    """Two peers of ours, and every message between them. The right one offers the service."""

    def __init__(self, store: Service, limits: Limits | None, digest: str) -> None:
        left, right = connected_pair(limits)
        self.messages: list[Message] = []
        left.on_message.listen(self.messages.append)
        right.on_message.listen(self.messages.append)
        self.caller = create_websocket_promisifier(left, limits=limits)
        self.server = create_websocket_promisifier(right, limits=limits)
        introduce(self.caller, None)
        introduce(self.server, Offer([store]), digest)
        self.client = StoreClient(self.caller)


@asynccontextmanager
async def tapped(
    store: Service, limits: Limits | None = None, digest: str = DIGEST
) -> AsyncGenerator[Tapped]:
    both = Tapped(store, limits, digest)
    await both.caller.introduced()
    await turns()
    both.messages.clear()
    yield both
    both.caller.close()
    await both.caller.promise.wait()
    await both.server.promise.wait()


async def test_long_bytes_of_params_and_result_are_messages_of_their_own() -> None:
    store = Store()
    async with tapped(store) as both:
        assert await both.client.keep(name="a", blob=LONG) == LONG
    request, up, answer, down = both.messages
    assert json.loads(request) == {
        "requestId": 1,
        "type": "request",
        "serviceId": 101,
        "args": [{"name": "a", "blob": 0}],
        "parts": [4097],
        "takesParts": True,
        "timeoutMs": 30000,
    }
    assert json.loads(answer) == {"responseId": 1, "type": "data", "data": 0, "parts": [4097]}
    assert (up, down) == (LONG, LONG)


async def test_no_byte_is_copied_between_the_connection_and_the_handler() -> None:
    store = Store()
    async with tapped(store) as both:
        result = await both.client.keep(blob=LONG)
    _, up, _, down = both.messages
    assert store.kept[0] is up
    assert result is down


async def test_short_bytes_are_in_the_text_at_the_threshold() -> None:
    async with tapped(Store()) as both:
        assert await both.client.keep(blob=SHORT) == SHORT
    assert [type(message) for message in both.messages] == [str, str]


async def test_a_result_without_bytes_is_not_asked_for_parts() -> None:
    async with tapped(Store()) as both:
        assert await both.client.measure(blob=LONG) == 4097
    assert "takesParts" not in json.loads(both.messages[0])


@pytest.mark.parametrize("digest", ["", "sha256:bb"])
async def test_by_another_contract_everything_is_base64(digest: str) -> None:
    async with tapped(Store(), digest=digest) as both:
        assert await both.client.keep(blob=LONG) == LONG
    assert [type(message) for message in both.messages] == [str, str]
    assert "takesParts" not in json.loads(both.messages[0])


async def test_all_bytes_are_counted_as_sent_and_received() -> None:
    async with tapped(Store()) as both:
        before = both.caller.stats.snapshot(), both.server.stats.snapshot()
        await both.client.keep(blob=LONG)
        size = [len(message) for message in both.messages]
        caller, server = both.caller.stats, both.server.stats
        assert caller.bytes_sent - before[0].bytes_sent == size[0] + size[1]
        assert server.bytes_received - before[1].bytes_received == size[0] + size[1]
        assert server.bytes_sent - before[1].bytes_sent == size[2] + size[3]
        assert caller.bytes_received - before[0].bytes_received == size[2] + size[3]
        assert (caller.requests_sent_total, server.requests_received_total) == (1, 1)
        assert server.requests_received_invalid == 0


async def test_a_request_up_to_the_limit_and_no_more() -> None:
    text = b'{"requestId":1,"type":"request","serviceId":102,"args":[{"name":"","blob":0}],' + (
        b'"parts":[10000],"timeoutMs":30000}'
    )
    limits = Limits(max_message_bytes=len(text) + 10_000)
    async with tapped(Store(), limits) as both:
        with pytest.raises(LimitExceeded) as refused:
            await both.client.measure(blob=bytes(10_001))
        assert (refused.value.limit, refused.value.met) == ("max_message_bytes", len(text) + 10_001)
        assert both.messages == [], "nothing of it was taken"
        assert await both.client.measure(blob=bytes(10_000)) == 10_000
        assert json.loads(both.messages[0])["requestId"] == 1, "no id was used up"


async def test_a_result_above_the_limit_is_answered_with_the_limit() -> None:
    class Growing(Store):
        def keep(self, params: KeepParams, ctx: CallContext) -> bytes:
            return bytes(20_000)

    async with tapped(Growing(), Limits(max_message_bytes=20_000)) as both:
        with pytest.raises(LimitExceeded, match="max_message_bytes"):
            await both.client.keep()
        assert await both.client.measure(blob=LONG) == 4097


async def test_waiting_requests_count_the_bytes_of_their_parts() -> None:
    store = SlowStore()
    limits = Limits(max_running_calls=1, max_waiting_bytes=10_000)
    async with tapped(store, limits) as both:
        calls = [both.client.keep(name=str(number), blob=LONG) for number in range(4)]
        await turns()
        with pytest.raises(LimitExceeded, match="max_waiting_bytes"):
            await calls[3]
        assert both.server.stats.requests_refused_busy == 1
        # What has left the line leaves room.
        calls[1].cancel()
        await turns()
        calls.append(both.client.keep(blob=LONG))
        await turns()
        store.may_answer.set()
        assert await calls[0] == await calls[2] == await calls[4] == LONG


async def test_a_connection_that_is_lost_between_the_text_and_its_part_fails_the_call() -> None:
    # The text is taken, and leaves no room for the part.
    limits = Limits(max_unsent_bytes=10)
    async with tapped(Store(), limits) as both:
        call = both.client.measure(blob=bytes(10_000))
        with pytest.raises(ConnectionClosed):
            await call
        after = both.client.measure(blob=LONG)
        with pytest.raises(ConnectionClosed) as refused:
            await after
        assert refused.value.sent == "no"


class Breaking(PretendCarrier):
    """Takes texts; at the first bytes it is lost, as a long message may be between its pieces."""

    def send(self, message: Message) -> None:
        if isinstance(message, bytes):
            self.end(1006, "lost")
        super().send(message)


async def test_a_connection_that_is_lost_by_sending_a_part_fails_the_call_once() -> None:
    peer = create_websocket_promisifier(Breaking())
    call = peer.start_call(KEEP, Parcel(b'[{"blob":0}]', [LONG]), KEEP, CallOptions(5))
    with pytest.raises(ConnectionClosed) as failed:
        await call
    assert failed.value.sent == "unknown"
    with pytest.raises(ConnectionClosed):
        await peer.promise
