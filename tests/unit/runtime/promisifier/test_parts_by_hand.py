"""Long bytes beside the JSON: what a wire by hand says, and what is said to it (PROTOCOL 12)."""

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
from duologue.limits import Limits
from duologue.promisifier.promisifier import create_websocket_promisifier
from duologue.typed.service import Offer
from tests.stopwatch import PATIENCE_S
from tests.support import itself, turns
from tests.unit.runtime.promisifier.stores import (
    DIGEST,
    LONG,
    SlowStore,
    Store,
    StoreClient,
    introduce,
)
from tests.virtual_time import at_once

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
