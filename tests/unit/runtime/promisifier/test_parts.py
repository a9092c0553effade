"""Parts through whole conversations in memory: two of ours, and one of ours with a wire by hand."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from duologue.connection.base import ConnectionState, Message
from duologue.connection.memory import connected_pair
from duologue.errors import (
    BadFrame,
    ConnectionClosed,
    DeadlineExceeded,
    InvalidParams,
    LimitExceeded,
    ProtocolError,
)
from duologue.limits import PART_ABOVE_BYTES, Limits
from duologue.promisifier.own_call import CallOptions
from duologue.promisifier.promisifier import WebsocketPromisifier, create_websocket_promisifier
from duologue.protocol.hello import OfferedService
from duologue.protocol.parcels import Parcel
from duologue.typed import Client, Codec, Params, Service, ServiceContract, Unary
from duologue.typed.context import CallContext
from duologue.typed.model import Model
from duologue.typed.service import Offer
from tests.pretend_loop import PretendCarrier
from tests.stopwatch import PATIENCE_S
from tests.support import greeting, itself, turns
from tests.virtual_time import at_once

LONG = bytes(PART_ABOVE_BYTES + 1)
SHORT = bytes(PART_ABOVE_BYTES)
DIGEST = "sha256:aa"


class KeepParams(Model):
    name: str = ""
    blob: bytes = b""


KEEP = Unary(id=1, name="keep", params=Params(KeepParams), returns=Codec(bytes))
MEASURE = Unary(id=2, name="measure", params=Params(KeepParams), returns=Codec(int))
STORE = ServiceContract(name="t.v1.Store", base=100, digest=DIGEST, methods=(KEEP, MEASURE))


class StoreClient(Client):
    __contract__ = STORE

    def keep(self, *, name: str = "", blob: bytes = b"") -> Any:
        return self._unary(KEEP, name=name, blob=blob)

    def measure(self, *, name: str = "", blob: bytes = b"") -> Any:
        return self._unary(MEASURE, name=name, blob=blob)


class Store(Service):
    __contract__ = STORE

    def __init__(self) -> None:
        self.kept: list[bytes] = []

    def keep(self, params: KeepParams, ctx: CallContext) -> bytes:
        self.kept.append(params.blob)
        return params.blob

    def measure(self, params: KeepParams, ctx: CallContext) -> int:
        self.kept.append(params.blob)
        return len(params.blob)


class SlowStore(Store):
    """Answers when it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.may_answer = asyncio.Event()

    async def keep(self, params: KeepParams, ctx: CallContext) -> bytes:  # type: ignore[override]
        self.kept.append(params.blob)
        await self.may_answer.wait()
        return params.blob


def introduce(peer: WebsocketPromisifier, offer: Offer | None, digest: str = DIGEST) -> None:
    services = [OfferedService("t.v1.Store", 100, digest)] if offer else []
    if offer is not None:
        offer.make_to(peer)
    peer.greet(greeting(*services, limits=peer.limits))


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


# -- ours with ours -----------------------------------------------------------------------------


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


# -- ours with a wire by hand -------------------------------------------------------------------

HELLO: dict[str, Any] = {
    "profile": "duologue/1",
    "self": None,
    "peer": None,
    "features": ["parts", "cancel"],
    "services": [{"name": "t.v1.Store", "base": 100, "digest": DIGEST}],
}


class ByHand:
    """A peer of ours that has said hello, and by hand the other end. `said` is all that came."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.connection, self.wire = connected_pair(limits, other_limits=Limits())
        self.peer = create_websocket_promisifier(self.connection, limits=limits)
        self.store = Store()
        self.client = StoreClient(self.peer)
        self.said: list[Message] = []
        self.wire.on_message.listen(self.said.append)
        self.peer.add_service(3, itself)
        introduce(self.peer, Offer([self.store]))

    async def hear(self, *messages: Message | dict[str, Any]) -> list[Any]:
        """Send them; what came back since, texts as JSON."""
        await turns()
        self.said.clear()
        for message in messages:
            self.wire.send(json.dumps(message) if isinstance(message, dict) else message)
        await turns()
        return [json.loads(each) if isinstance(each, str) else each for each in self.said]

    @property
    def is_open(self) -> bool:
        return self.connection.state.current_state is ConnectionState.OPEN


def request(number: int, service: int, *args: Any, **more: Any) -> dict[str, Any]:
    return {"requestId": number, "type": "request", "serviceId": service, "args": args, **more}


def answer(number: int, data: Any, **more: Any) -> dict[str, Any]:
    return {"responseId": number, "type": "data", "data": data, **more}


@asynccontextmanager
async def by_hand(limits: Limits | None = None, *, hello: bool = True) -> AsyncGenerator[ByHand]:
    talk = ByHand(limits)
    if hello:
        await talk.hear(answer(0, HELLO))
    yield talk
    talk.peer.close()
    await talk.peer.promise.wait()


async def test_a_service_by_number_refuses_parts_and_the_conversation_goes_on() -> None:
    async with by_hand() as talk:
        (refused,) = await talk.hear(request(0, 3, 0, parts=[3]), b"abc")
        assert refused["error"]["code"] == "INVALID_PARAMS"
        assert await talk.hear(request(1, 3, 5)) == [answer(1, 5)]


async def test_the_control_service_refuses_parts() -> None:
    async with by_hand(hello=False) as talk:
        (refused,) = await talk.hear(request(0, 0, HELLO, parts=[3]), b"abc")
        assert refused["error"]["code"] == "INVALID_PARAMS"
        assert not talk.peer.speaks_duologue


async def test_an_unknown_service_is_unknown_with_parts_too() -> None:
    async with by_hand() as talk:
        (refused,) = await talk.hear(request(0, 9, 0, parts=[3]), b"abc")
        assert refused["error"]["code"] == "UNKNOWN-SERVICE"


async def test_a_service_of_a_contract_takes_parts_whose_hello_is_late() -> None:
    async with by_hand(hello=False) as talk:
        asked = request(0, 101, {"blob": 0}, parts=[4], takesParts=True)
        assert await talk.hear(asked, b"abcd") == [answer(0, "YWJjZA==")]
        assert talk.store.kept == [b"abcd"]


async def test_nobody_is_sent_parts_before_its_hello() -> None:
    async with by_hand(hello=False) as talk:
        call = talk.client.keep(blob=LONG)
        await turns()
        texts = [json.loads(each) for each in talk.said]
        (asked,) = [each for each in texts if each["serviceId"] == 101]
        assert "takesParts" not in asked
        assert isinstance(asked["args"][0]["blob"], str)
        call.cancel()


async def test_an_index_that_names_no_part_is_refused_with_its_place() -> None:
    async with by_hand() as talk:
        (refused,) = await talk.hear(request(0, 101, {"blob": 1}, parts=[4]), b"abcd")
        assert refused["error"]["code"] == "INVALID_PARAMS"
        assert [each["path"] for each in refused["error"]["details"]] == ["blob"]


async def test_an_untyped_call_whose_answer_has_parts_fails_and_is_counted() -> None:
    async with by_hand() as talk:
        call = talk.peer.send(7)
        await talk.hear(answer(1, 0, parts=[3]), b"abc")
        with pytest.raises(BadFrame, match="to have none"):
            await call
        assert talk.peer.stats.requests_received_invalid == 1
        assert talk.is_open


async def test_unasked_parts_are_borne_up_to_the_limit() -> None:
    async with by_hand(Limits(max_invalid_messages=1)) as talk:
        calls = [talk.peer.send(7) for _ in range(2)]
        await talk.hear(answer(1, 0, parts=[1]), b"a")
        assert talk.is_open
        await talk.hear(answer(2, 0, parts=[1]), b"a")
        assert not talk.is_open
        for call in calls:
            with pytest.raises(BadFrame):
                await call


async def test_parts_that_cut_off_a_stream_fail_the_stream() -> None:
    async with by_hand() as talk:
        call = talk.peer.send(7)
        chunk = {"responseId": 1, "type": "stream", "chunk": "x", "encoding": "utf8"}
        await talk.hear(chunk, answer(1, 0, parts=[3]), b"abc")
        stream = await call
        with pytest.raises(BadFrame, match="cut off"):
            async for _ in stream:
                pass
        assert talk.is_open


@at_once
async def test_a_deadline_passes_while_the_parts_of_the_answer_arrive() -> None:
    async with by_hand() as talk:
        call = talk.client.with_options(timeout=0.02).keep()
        await talk.hear(answer(1, 0, parts=[3]))
        with pytest.raises(DeadlineExceeded):
            await call
        said = await talk.hear(b"abc", request(0, 3, 5))
        assert said == [answer(0, 5)], "the part is taken for nothing else"
        assert talk.peer.stats.answers_dropped_late == 1


async def test_a_call_is_given_up_while_the_parts_of_its_answer_arrive() -> None:
    async with by_hand() as talk:
        call = talk.client.keep()
        await talk.hear(answer(1, 0, parts=[3]))
        call.cancel()
        assert await talk.hear(b"abc", request(0, 3, 5)) == [answer(0, 5)]
        assert talk.peer.stats.answers_dropped_late == 1


@pytest.mark.parametrize(
    "messages",
    [
        [request(0, 101, {"blob": 0}, parts=[4]), request(1, 3, 5)],
        [request(0, 101, {"blob": 0}, parts=[4]), b"abc"],
        [request(0, 101, {"blob": 0}, parts=[-1])],
        [request(0, 101, {"blob": 0}, parts=[1.5])],
        [request(0, 101, {"blob": 0}, parts=[10**9])],
        [request(0, 101, {"blob": 0}, parts=[1] * 65)],
        [{"responseId": 1, "type": "error", "error": {}, "parts": [1]}],
    ],
)
async def test_a_broken_parcel_ends_the_conversation_and_every_call(messages: list[Any]) -> None:
    async with by_hand() as talk:
        call = talk.client.keep()
        await talk.hear(*messages)
        assert not talk.is_open
        assert isinstance(talk.connection.failure, ProtocolError | LimitExceeded)
        with pytest.raises(ConnectionClosed):
            await call
        assert talk.store.kept == []


async def test_a_conversation_that_ends_between_parts_fails_the_call() -> None:
    async with by_hand() as talk:
        call = talk.client.keep()
        await talk.hear(answer(1, 0, parts=[3, 3]), b"abc")
        talk.wire.close()
        with pytest.raises(ConnectionClosed):
            await call


async def test_a_result_that_does_not_fit_beside_its_parts_is_an_invalid_one() -> None:
    async with by_hand() as talk:
        call = talk.client.measure()
        await talk.hear(answer(1, 0, parts=[3]), b"abc")
        with pytest.raises(BadFrame):
            await call


async def test_a_request_id_in_use_is_refused_with_its_parts() -> None:
    store = SlowStore()
    async with by_hand() as talk:
        talk.peer.clear_services()
        talk.peer.add_service(3, itself)
        Offer([store]).make_to(talk.peer)
        asked = request(0, 101, {"blob": 0}, parts=[4])
        (refused,) = await talk.hear(asked, b"abcd", asked, b"efgh")
        assert refused["error"]["code"] == "DUPLICATE-REQUEST"
        assert store.kept == [b"abcd"]
        store.may_answer.set()
        await turns()
        assert json.loads(talk.said[-1]) == answer(0, "YWJjZA==")


async def test_a_base_peer_by_hand_neither_takes_parts_nor_sends_any() -> None:
    left, wire = connected_pair()
    peer = create_websocket_promisifier(left)
    store = Store()
    Offer([store]).make_to(peer)
    said: list[Any] = []
    wire.on_message.listen(said.append)
    wire.send(json.dumps(request(0, 101, {"blob": ""}, parts=[1], takesParts=True)))
    await turns()
    assert json.loads(said[0]) == answer(0, "")
    wire.send(json.dumps(request(1, 102, {"blob": 0}, parts=[1])))
    await turns()
    assert json.loads(said[1])["error"]["code"] == "INVALID_PARAMS"
    peer.close()
    await peer.promise.wait()


async def test_invalid_params_are_not_sent_with_parts_either() -> None:
    async with by_hand() as talk:
        with pytest.raises(InvalidParams):
            await talk.client.keep(name=5, blob=LONG)  # type: ignore[arg-type]


# -- patience -----------------------------------------------------------------------------------


@at_once
async def test_a_part_that_does_not_come_ends_the_conversation() -> None:
    async with by_hand(Limits(fragment_timeout_s=0.03)) as talk:
        await talk.hear(request(0, 101, {"blob": 0}, parts=[4]))
        await asyncio.sleep(0.01)
        assert talk.is_open
        with pytest.raises(ConnectionClosed, match="fragment_timeout_s"):
            async with asyncio.timeout(PATIENCE_S):
                await talk.peer.promise
        assert isinstance(talk.connection.failure, LimitExceeded)
