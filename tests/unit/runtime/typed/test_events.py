"""Events between two peers in memory."""

import asyncio
from typing import Any

import pytest

from duologue import CallContext, Limits, Model, ServiceIdTaken
from duologue.testing import linked_peers
from duologue.typed import (
    NO_PARAMS,
    NOTHING,
    Client,
    Event,
    EventHandler,
    Params,
    Peer,
    SafeInt,
    Service,
    ServiceContract,
    Subscription,
    Unary,
)
from duologue.typed.service import Offer
from tests.support import Conversation, turns


class Ticked(Model):
    number: SafeInt


PING = Unary(id=1, name="ping", params=NO_PARAMS, returns=NOTHING)
TICKED = Event(id=20, name="ticked", payload=Params(Ticked))
CLOCK = ServiceContract(
    name="clock.v1.Clock", base=100, digest="", methods=(PING,), events=(TICKED,)
)


class ClockClient(Client):
    __contract__ = CLOCK

    async def ping(self) -> None:
        return await self._unary(PING)

    def on_ticked(self, handler: EventHandler[Ticked] | None = None) -> Subscription[Ticked]:
        return self._on(TICKED, handler)


class Clock(Service):
    __contract__ = CLOCK

    def emit_ticked(self, peer: Peer | None = None, /, *, number: int) -> None:
        self._emit(TICKED, peer, number=number)

    def ping(self, ctx: CallContext) -> None:
        self.emit_ticked(ctx.peer, number=7)


async def test_a_handler_is_told_of_each_event() -> None:
    clock, heard = Clock(), list[int]()
    async with linked_peers([clock]) as (_, listener):
        ClockClient(listener).on_ticked(lambda event: heard.append(event.number))
        for number in range(3):
            clock.emit_ticked(number=number)
        await turns()
    assert heard == [0, 1, 2]


async def test_an_async_handler_runs_to_its_end() -> None:
    clock, heard = Clock(), list[int]()

    async def hear(event: Ticked) -> None:
        await asyncio.sleep(0)
        heard.append(event.number)

    async with linked_peers([clock]) as (_, listener):
        ClockClient(listener).on_ticked(hear)
        clock.emit_ticked(number=1)
        await turns(20)
    assert heard == [1]


async def test_events_are_iterated_in_order() -> None:
    clock = Clock()
    async with (
        linked_peers([clock]) as (_, listener),
        ClockClient(listener).on_ticked() as ticks,
    ):
        for number in range(3):
            clock.emit_ticked(number=number)
        assert [(await anext(ticks)).number for _ in range(3)] == [0, 1, 2]


async def test_an_event_can_go_to_the_caller_alone() -> None:
    clock, heard, others = Clock(), list[int](), list[int]()
    async with linked_peers([clock]) as (_, one), linked_peers([clock]) as (_, other):
        ClockClient(one).on_ticked(lambda event: heard.append(event.number))
        ClockClient(other).on_ticked(lambda event: others.append(event.number))
        await ClockClient(one).ping()
        await turns()
    assert heard == [7]
    assert others == []


async def test_an_event_for_all_reaches_everybody_the_service_is_offered_to() -> None:
    clock, heard = Clock(), list[int]()
    async with linked_peers([clock]) as (_, one), linked_peers([clock]) as (_, other):
        for listener in (one, other):
            ClockClient(listener).on_ticked(lambda event: heard.append(event.number))
        clock.emit_ticked(number=1)
        await turns()
    assert heard == [1, 1]


async def test_whoever_does_not_listen_is_told_once() -> None:
    clock = Clock()
    async with linked_peers([clock]) as (server, listener):
        for number in range(3):
            clock.emit_ticked(number=number)
            await turns()
        assert listener.stats.requests_received_total == 1
        assert server.stats.requests_sent_total == 1


async def test_two_subscriptions_share_the_number_and_the_last_one_frees_it() -> None:
    clock, heard = Clock(), list[str]()
    async with linked_peers([clock]) as (_, listener):
        first = ClockClient(listener).on_ticked(lambda _: heard.append("first"))
        second = ClockClient(listener).on_ticked(lambda _: heard.append("second"))
        clock.emit_ticked(number=1)
        await turns()
        first.close()
        clock.emit_ticked(number=2)
        await turns()
        second.close()
        assert listener.handler(120) is None
    assert heard == ["first", "second", "second"]


async def test_an_iteration_that_falls_behind_loses_the_oldest_and_says_so() -> None:
    clock = Clock()
    async with linked_peers([clock]) as (_, listener):
        subscription = ClockClient(listener).on_ticked()
        for number in range(258):
            clock.emit_ticked(number=number)
            await turns(6)
        assert subscription.missed == 2
        assert (await anext(subscription)).number == 2
        subscription.close()
        assert len([event async for event in subscription]) == 255


async def test_the_iteration_ends_with_the_connection() -> None:
    async with linked_peers([Clock()]) as (server, listener):
        subscription = ClockClient(listener).on_ticked()
        server.close()
        assert [event async for event in subscription] == []


async def test_a_listener_that_never_answers_misses_events_and_delays_nobody() -> None:
    clock = Clock()
    heard = list[int]()
    async with Conversation() as silent, linked_peers([clock]) as (_, quick):
        Offer([clock]).make_to(silent.peer)
        ClockClient(quick).on_ticked(lambda event: heard.append(event.number))
        for number in range(65):
            clock.emit_ticked(number=number)
            await turns(6)
        assert heard == list(range(65))
        assert silent.peer.stats.events_dropped == 1


async def test_async_handlers_run_one_after_the_other_and_in_order() -> None:
    clock = Clock()
    log = list[str]()

    async def slow(event: Ticked) -> None:
        log.append(f"begin {event.number}")
        await turns(5 - event.number)
        log.append(f"end {event.number}")

    async with linked_peers([clock]) as (_, listener):
        ClockClient(listener).on_ticked(slow)
        for number in range(4):
            clock.emit_ticked(number=number)
        await turns(60)
        assert log == [f"{step} {number}" for number in range(4) for step in ("begin", "end")]


async def test_a_handler_that_does_not_keep_up_misses_the_oldest_events() -> None:
    clock = Clock()
    may_go_on = asyncio.Event()
    heard = list[int]()

    async def stuck(event: Ticked) -> None:
        heard.append(event.number)
        await may_go_on.wait()

    async with linked_peers([clock]) as (server, listener):
        subscription = ClockClient(listener).on_ticked(stuck)
        for number in range(260):
            clock.emit_ticked(number=number)
            await turns(4)
        assert subscription.missed == 3
        assert server.stats.events_dropped == 0
        may_go_on.set()
        await turns()
        assert heard == [0, *range(4, 260)]


async def test_a_handler_that_fails_is_logged_and_the_next_event_comes(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = Clock()
    heard = list[int]()

    async def fail(event: Ticked) -> None:
        heard.append(event.number)
        await asyncio.sleep(0)
        raise RuntimeError("my own fault")

    async with linked_peers([clock]) as (_, listener):
        ClockClient(listener).on_ticked(fail)
        for number in range(3):
            clock.emit_ticked(number=number)
        await turns(30)
        assert heard == [0, 1, 2]
        assert caplog.text.count("RuntimeError: my own fault") == 3


async def test_a_handler_that_runs_ends_with_the_peer_and_no_other_begins() -> None:
    clock = Clock()
    heard = list[int]()
    ended = asyncio.Event()

    async def stuck(event: Ticked) -> None:
        heard.append(event.number)
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with linked_peers([clock]) as (_, listener):
        ClockClient(listener).on_ticked(stuck)
        clock.emit_ticked(number=0)
        clock.emit_ticked(number=1)
        await turns()
    await asyncio.wait_for(ended.wait(), 30)
    assert heard == [0]


async def test_a_handler_may_close_its_own_subscription() -> None:
    clock = Clock()
    heard = list[str]()

    async def once(event: Ticked) -> None:
        subscription.close()
        await asyncio.sleep(0)
        heard.append(f"finished {event.number}")

    async with linked_peers([clock]) as (_, listener):
        subscription = ClockClient(listener).on_ticked(once)
        for number in range(3):
            clock.emit_ticked(number=number)
        await turns(20)
        assert heard == ["finished 0"]


async def test_a_handler_that_fails_is_logged_on_its_own_side(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = Clock()

    def fail(event: Ticked) -> None:
        raise RuntimeError("my own fault")

    async with linked_peers([clock]) as (_, listener):
        ClockClient(listener).on_ticked(fail)
        clock.emit_ticked(number=1)
        await turns()
    assert "my own fault" in caplog.text
    assert "clock.v1.Clock/ticked" in caplog.text


async def test_an_event_that_does_not_fit_is_refused_and_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with Conversation() as talk:
        ClockClient(talk.peer).on_ticked(lambda _: pytest.fail("was told"))
        (answer,) = await talk.hear(talk.request(0, 120, {"number": "secret"}))
    assert answer["error"]["code"] == "INVALID_PARAMS"
    assert "clock.v1.Clock/ticked" in caplog.text
    assert "secret" not in caplog.text + str(answer)


async def test_a_peer_that_knows_nothing_of_contracts_sends_and_receives_events() -> None:
    clock, heard = Clock(), list[Any]()
    async with linked_peers([clock]) as (server, plain):
        plain.add_service(120, heard.append)
        clock.emit_ticked(number=5)
        await turns()
        ClockClient(server).on_ticked(lambda event: heard.append(event.number))
        await plain.send(120, {"number": 6})
    assert heard == [{"number": 5}, 6]


async def test_a_number_that_is_served_already_is_refused() -> None:
    async with linked_peers([Clock()]) as (_, listener):
        listener.add_service(120, lambda: None)
        with pytest.raises(ServiceIdTaken, match="120"):
            ClockClient(listener).on_ticked()


async def test_a_closed_connection_is_no_longer_in_the_audience(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = Clock()
    async with linked_peers([clock], limits=Limits()) as (_, listener):
        ClockClient(listener).on_ticked(lambda _: None)
    clock.emit_ticked(number=1)
    await turns()
    assert caplog.text == ""


async def test_an_event_from_another_thread_is_refused_and_the_next_one_comes() -> None:
    clock = Clock()
    heard = list[int]()
    texts = list[str]()

    def run() -> None:
        try:
            clock.emit_ticked(number=1)
        except RuntimeError as error:
            texts.append(str(error))

    async with linked_peers([clock]) as (_, listener):
        ClockClient(listener).on_ticked(lambda event: heard.append(event.number))
        await asyncio.to_thread(run)
        clock.emit_ticked(number=2)
        await turns()
        assert heard == [2]
        assert "call_soon_threadsafe" in texts[0]
