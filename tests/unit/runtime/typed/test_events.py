"""Events to handlers and iterations, between two peers in memory."""

import asyncio
import gc
import weakref

import pytest

from duologue import Limits, unheard_events
from duologue.testing import linked_peers
from duologue.typed.service import Offer
from tests.clock_service import Clock, ClockClient, Ticked
from tests.support import Conversation, Panic, turns

FAULTS = [RuntimeError("my own fault"), Panic("my own fault")]


async def test_a_handler_is_told_of_each_event() -> None:
    clock, heard = Clock(), list[int]()
    async with linked_peers([clock]) as (_, listener):
        ClockClient(listener).on_ticked(lambda event: heard.append(event.number))
        await turns()
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
        await turns()
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
        await turns()
        ClockClient(other).on_ticked(lambda event: others.append(event.number))
        await turns()
        await ClockClient(one).ping()
        await turns()
    assert heard == [7]
    assert others == []


async def test_an_event_for_all_reaches_everybody_the_service_is_offered_to() -> None:
    clock, heard = Clock(), list[int]()
    async with linked_peers([clock]) as (_, one), linked_peers([clock]) as (_, other):
        for listener in (one, other):
            ClockClient(listener).on_ticked(lambda event: heard.append(event.number))
        await turns()
        clock.emit_ticked(number=1)
        await turns()
    assert heard == [1, 1]


async def test_an_iteration_that_falls_behind_loses_the_oldest_and_says_so() -> None:
    clock = Clock()
    async with linked_peers([clock]) as (_, listener):
        subscription = ClockClient(listener).on_ticked()
        await turns()
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
        await turns()
        server.close()
        assert [event async for event in subscription] == []


async def test_async_handlers_run_one_after_the_other_and_in_order() -> None:
    clock = Clock()
    log = list[str]()

    async def slow(event: Ticked) -> None:
        log.append(f"begin {event.number}")
        await turns(5 - event.number)
        log.append(f"end {event.number}")

    async with linked_peers([clock]) as (_, listener):
        ClockClient(listener).on_ticked(slow)
        await turns()
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
        await turns()
        for number in range(260):
            clock.emit_ticked(number=number)
            await turns(4)
        assert subscription.missed == 3
        assert server.stats.events_dropped == 0
        may_go_on.set()
        await turns()
        assert heard == [0, *range(4, 260)]


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_handler_that_fails_is_logged_and_the_next_event_comes(
    fault: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    heard = list[int]()

    async def fail(event: Ticked) -> None:
        heard.append(event.number)
        await asyncio.sleep(0)
        raise fault

    async with linked_peers([clock]) as (_, listener):
        ClockClient(listener).on_ticked(fail)
        await turns()
        for number in range(3):
            clock.emit_ticked(number=number)
        await turns(30)
        assert heard == [0, 1, 2]
        assert caplog.text.count(f"{type(fault).__name__}: my own fault") == 3


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
        await turns()
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
        await turns()
        for number in range(3):
            clock.emit_ticked(number=number)
        await turns(20)
        assert heard == ["finished 0"]


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_handler_that_fails_is_logged_on_its_own_side(
    fault: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()

    def fail(event: Ticked) -> None:
        raise fault

    async with linked_peers([clock]) as (_, listener):
        ClockClient(listener).on_ticked(fail)
        await turns()
        clock.emit_ticked(number=1)
        await turns()
    assert "my own fault" in caplog.text
    assert "clock.v1.Clock/ticked" in caplog.text


async def test_a_closed_connection_is_no_longer_in_the_audience(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = Clock()
    async with linked_peers([clock], limits=Limits()) as (_, listener):
        ClockClient(listener).on_ticked(lambda _: None)
        await turns()
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
        await turns()
        await asyncio.to_thread(run)
        clock.emit_ticked(number=2)
        await turns()
        assert heard == [2]
        assert "call_soon_threadsafe" in texts[0]


async def test_an_event_for_a_peer_that_is_gone_is_unheard_and_keeps_nothing_of_it() -> None:
    clock = Clock()

    async def gone_subscriber() -> "weakref.ref[object]":
        async with linked_peers([clock]) as (server, listener), ClockClient(listener).on_ticked():
            pass
        clock.emit_ticked(server, number=1)
        return weakref.ref(server)

    async def gone_base_peer() -> "weakref.ref[object]":
        async with Conversation() as talk:
            Offer([clock]).make_to(talk.peer)
        clock.emit_ticked(talk.peer, number=2)
        return weakref.ref(talk.peer)

    gone = [await gone_subscriber(), await gone_base_peer()]
    clock.emit_ticked(number=3)
    await turns()
    assert unheard_events(clock)["clock.v1.Clock/ticked"] == 3
    gc.collect()
    assert [each() for each in gone] == [None, None]


async def test_what_nobody_hears_is_counted_and_told_once_until_somebody_does(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock, words = Clock(), "clock.v1.Clock/ticked is emitted, and nobody listens to it"
    caplog.set_level("INFO")
    async with linked_peers([clock]) as (_, listener):
        for number in range(3):
            clock.emit_ticked(number=number)
        assert caplog.text.count(words) == 1
        async with ClockClient(listener).on_ticked():
            clock.emit_ticked(number=4)
        await turns()
        clock.emit_ticked(number=5)
        assert caplog.text.count(words) == 2
        clock.emit_ticked(listener, number=6)
    assert unheard_events(clock) == {
        "clock.v1.Clock/ticked": 5,
        "clock.v1.Clock/rang": 0,
        "clock.v1.Clock/struck": 0,
    }
