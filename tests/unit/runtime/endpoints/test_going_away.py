"""A host that ends tells its peers, and when each may come back; those who come back obey."""

import asyncio
import json
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from duologue.connection.base import Connection
from duologue.connection.memory import connected_pair
from duologue.endpoints.hosting import Conversations
from duologue.endpoints.manner import Manner, Profile
from duologue.endpoints.redialling import MAX_LOGGED_CHARACTERS, Redialling
from duologue.limits import Limits
from duologue.promisifier.promisifier import WebsocketPromisifier
from duologue.promisifier.reconnecting import ReconnectingPromisifier
from duologue.protocol.backoff import Backoff
from duologue.protocol.goaway import GoAway
from duologue.typed.service import Offer
from tests.support import turns
from tests.virtual_time import at_once

REASON = "the server is shutting down"

HALF_OF_15_S = {"type": "goaway", "reason": REASON, "reconnectAfterMs": 7500}


def serving_until(released: asyncio.Event) -> Manner:
    async def serve() -> str:
        await released.wait()
        return "at last"

    def offer(peer: WebsocketPromisifier) -> None:
        peer.add_service(3, serve)

    return Manner(offer=Offer(()), limits=Limits(), on_peer=offer)


class Guest:
    """The other end of one conversation of a host, played by hand."""

    def __init__(self, host: Conversations) -> None:
        connection, self.wire = connected_pair()
        self.said: list[Any] = []
        self.wire.on_message.listen(lambda message: self.said.append(json.loads(message)))
        host.welcome(connection)

    async def answer_hello(self, *features: str, max_message_bytes: int = 1_000_000) -> None:
        """Introduce ourselves with these features."""
        hello = {
            "profile": "duologue/1",
            "features": features,
            "limits": {"maxMessageBytes": max_message_bytes},
        }
        await turns()
        self.wire.send(json.dumps({"responseId": 0, "type": "data", "data": hello}))
        await turns()
        self.said.clear()

    async def call(self, request_id: int) -> None:
        self.wire.send('{"requestId":%d,"type":"request","serviceId":3,"args":[]}' % request_id)
        await turns()

    @property
    def kinds(self) -> list[str]:
        return [each["type"] for each in self.said]


@at_once
async def test_each_is_told_at_once_with_a_moment_of_its_own_and_then_calls_finish() -> None:
    released = asyncio.Event()
    chances = iter([0.5, 0.1])
    host = Conversations(serving_until(released), chance=lambda: next(chances))
    guests = [Guest(host), Guest(host)]
    for guest in guests:
        await guest.answer_hello("goaway")
        await guest.call(0)
    ending = asyncio.ensure_future(host.end(REASON))
    await turns()
    told = [guest.said.pop(0) for guest in guests]
    assert sorted(each.pop("reconnectAfterMs") for each in told) in ([1500, 7500],)
    assert told == [{"type": "goaway", "reason": REASON}] * 2
    await guests[0].call(1)
    assert guests[0].said.pop(0)["error"]["code"] == "GOING_AWAY"
    released.set()
    await ending
    assert [guest.said for guest in guests] == [
        [{"responseId": 0, "type": "data", "data": "at last"}]
    ] * 2


@at_once
async def test_who_does_not_know_the_message_is_not_told() -> None:
    host = Conversations(serving_until(asyncio.Event()))
    mute, older, base = Guest(host), Guest(host), Guest(host)
    await older.answer_hello("cancel", "subscribe")
    error = {"code": "UNKNOWN-SERVICE", "name": "TypeError", "message": "Not a function"}
    base.wire.send(json.dumps({"responseId": 0, "type": "error", "error": error}))
    await turns()
    for guest in (mute, older, base):
        guest.said.clear()
        await guest.call(0)
    await host.end(REASON)
    for guest in (mute, older, base):
        assert guest.kinds == ["error"], "it was told more than the answer of its call"
        assert guest.wire.close_code == 1000


@at_once
async def test_a_side_that_never_says_hello_tells_nobody() -> None:
    profile: Profile = "base"
    host = Conversations(Manner(offer=Offer(()), limits=Limits(), profile=profile))
    guest = Guest(host)
    await turns()
    await host.end(REASON)
    assert guest.said == []


@at_once
async def test_whoever_introduces_itself_while_calls_finish_is_told_then() -> None:
    host = Conversations(serving_until(asyncio.Event()), chance=lambda: 0.5)
    guest = Guest(host)
    await turns()
    await guest.call(0)
    ending = asyncio.ensure_future(host.end(REASON))
    await turns()
    assert "goaway" not in guest.kinds
    hello = {"profile": "duologue/1", "features": ["goaway"]}
    guest.wire.send(json.dumps({"responseId": 0, "type": "data", "data": hello}))
    await turns()
    assert guest.said[-1] == HALF_OF_15_S
    await ending


@at_once
async def test_whoever_takes_no_message_so_small_does_not_keep_the_host_from_ending() -> None:
    host = Conversations(serving_until(asyncio.Event()))
    guest = Guest(host)
    await guest.answer_hello("goaway", max_message_bytes=20)
    await host.end(REASON)
    assert guest.said == []
    assert guest.wire.close_code == 1000


@at_once
async def test_a_call_that_outlasts_the_drain_learns_why_it_was_cut_off() -> None:
    host = Conversations(serving_until(asyncio.Event()), chance=lambda: 0.5)
    guest = Guest(host)
    await guest.answer_hello("goaway", "cancel")
    await guest.call(0)
    await guest.call(1)
    ending = asyncio.ensure_future(host.end(REASON))
    await turns()
    guest.wire.send('{"requestId":1,"type":"cancel"}')
    await ending
    given_up, cut_off = [each["error"] for each in guest.said[1:]]
    assert given_up == {
        "name": "Cancelled", "message": "the call was cancelled", "code": "CANCELLED"
    }  # fmt: skip
    assert cut_off == {
        "name": "Cancelled",
        "message": "cut off while it ran: the side that served it is shutting down",
        "code": "CANCELLED",
    }


# -- who comes back -----------------------------------------------------------------------------


class Visitor:
    """A peer that comes back; the other end of each connection is played by hand."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.wire: Connection
        self.tries: list[float] = []
        self._manner = Manner(offer=Offer(()), limits=Limits())
        redialling = Redialling(self._dial, Backoff(jitter=0), chance=lambda: 1.0)
        self.peer = self._manner.begin_lasting(self._pair())
        self.task = asyncio.ensure_future(redialling.keep(self.peer, self._greet))
        self.begun_s = self.loop.time()

    def _pair(self) -> Connection:
        connection, self.wire = connected_pair()
        self.wire.on_message.listen(self._answer_hello)
        return connection

    def _answer_hello(self, message: str | bytes) -> None:
        said = json.loads(message)
        if said["type"] == "request" and said["serviceId"] == 0:
            hello = {"profile": "duologue/1", "features": ["goaway"]}
            answer = {"responseId": said["requestId"], "type": "data", "data": hello}
            self.wire.send(json.dumps(answer))

    async def _dial(self) -> Connection:
        self.tries.append(round(self.loop.time() - self.begun_s, 3))
        return self._pair()

    def _greet(self, peer: ReconnectingPromisifier, connection: Connection) -> None:
        self._manner.greet(peer, connection, "connector")

    async def hear_goaway(self, milliseconds: int, reason: str = "a new version") -> None:
        text = {"type": "goaway", "reason": reason, "reconnectAfterMs": milliseconds}
        self.wire.send(json.dumps(text))
        await turns()


@asynccontextmanager
async def visitor() -> AsyncGenerator[Visitor]:
    made = Visitor()
    await turns(20)
    yield made
    made.task.cancel()
    await asyncio.wait([made.task])
    made.peer.close()
    await made.peer.promise.wait()


@at_once
async def test_it_comes_back_when_it_was_told_to_and_no_call_makes_it_come_sooner() -> None:
    async with visitor() as there:
        await there.hear_goaway(20_000)
        assert there.peer.state == "waiting"
        there.wire.close()
        await turns()
        calls = [asyncio.ensure_future(there.peer.send(3))]
        await asyncio.sleep(10)
        calls.append(asyncio.ensure_future(there.peer.send(3)))
        await asyncio.sleep(9)
        assert there.tries == []
        await asyncio.sleep(2)
        assert there.tries == [20]
        assert there.peer.is_connected
        for each in calls:
            each.cancel()


@at_once
async def test_the_time_counts_from_the_message_and_not_from_the_close() -> None:
    async with visitor() as there:
        await there.hear_goaway(20_000)
        await asyncio.sleep(8)
        there.wire.close()
        await asyncio.sleep(20)
        assert there.tries == [20]


@at_once
async def test_its_own_pause_is_kept_if_that_is_longer() -> None:
    async with visitor() as there:
        await there.hear_goaway(10)
        there.wire.close()
        await asyncio.sleep(5)
        assert there.tries == [1]


@pytest.mark.parametrize("milliseconds", [60_000, 60_001, 2**53 - 1])
@at_once
async def test_it_stays_away_for_a_minute_at_most(milliseconds: int) -> None:
    async with visitor() as there:
        await there.hear_goaway(milliseconds)
        there.wire.close()
        await asyncio.sleep(100)
        assert there.tries == [60]


@at_once
async def test_the_first_counts_and_others_are_dropped_and_counted() -> None:
    async with visitor() as there:
        await there.hear_goaway(20_000)
        await there.hear_goaway(50_000)
        await there.hear_goaway(0)
        assert there.peer.stats.messages_dropped == 2
        there.wire.close()
        await asyncio.sleep(30)
        assert there.tries == [20]


@at_once
async def test_each_connection_has_one_of_its_own() -> None:
    async with visitor() as there:
        for _ in range(2):
            await there.hear_goaway(20_000)
            there.wire.close()
            await asyncio.sleep(21)
        assert there.tries == [20, 41]
        assert there.peer.stats.messages_dropped == 0


@at_once
async def test_what_cannot_be_read_changes_nothing() -> None:
    async with visitor() as there:
        await there.hear_goaway(-1)
        assert there.peer.state == "connected"
        assert there.peer.stats.requests_received_invalid == 1
        there.wire.close()
        await asyncio.sleep(5)
        assert there.tries == [1]


@at_once
async def test_new_calls_wait_for_the_next_connection_and_those_that_run_are_answered() -> None:
    async with visitor() as there:
        said: list[Any] = []
        there.wire.on_message.listen(lambda message: said.append(json.loads(message)))
        running = asyncio.ensure_future(there.peer.send(3))
        await turns()
        await there.hear_goaway(2_000)
        later = asyncio.ensure_future(there.peer.send(4))
        await turns()
        assert [each["serviceId"] for each in said] == [3]
        answer = {"responseId": said[0]["requestId"], "type": "data", "data": "done"}
        there.wire.send(json.dumps(answer))
        assert await running == "done"
        there.wire.close()
        await asyncio.sleep(1.9)
        assert not later.done()
        await asyncio.sleep(0.2)
        assert there.tries == [2]
        later.cancel()


@at_once
async def test_a_side_that_says_so_and_does_not_close_is_left_when_nothing_is_open() -> None:
    async with visitor() as there:
        await there.hear_goaway(2_000)
        await asyncio.sleep(9.9)
        assert there.tries == []
        await asyncio.sleep(2)
        assert there.tries == [11]


async def test_the_log_has_the_first_words_on_one_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "duologue")
    async with visitor() as there:
        await there.hear_goaway(90_000, "a\nb" + "c" * 1000)
        line = caplog.messages[-1]
        assert line.startswith("the other side is going away: 'a\\nbccc")
        assert line.endswith("ccc'; it is tried in 60.0 s")
        assert line.count("c") < MAX_LOGGED_CHARACTERS


async def test_without_reconnect_nothing_changes_but_what_calls_are_answered() -> None:
    connection, wire = connected_pair()
    peer = Manner(offer=Offer(()), limits=Limits()).begin(connection, "connector")
    other = Manner(offer=Offer(()), limits=Limits()).begin(wire, "acceptor")
    await peer.introduced()
    await other.introduced()
    other.say_goaway(GoAway("bye", 5))
    await turns()
    assert peer.is_connected
    assert peer.stats.requests_received_invalid == peer.stats.messages_dropped == 0
    peer.close()
    for each in (peer, other):
        await each.promise.wait()
