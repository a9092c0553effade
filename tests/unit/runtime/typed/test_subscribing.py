"""Subscriptions between two peers in memory that both know how to subscribe (PROTOCOL 14)."""

import asyncio
import json

import pytest

from duologue import ConnectionClosed, InvalidParams, Limits, Unimplemented
from duologue.errors import UnknownError
from duologue.testing import linked_peers
from tests.clock_service import Clock, ClockClient
from tests.stopwatch import PATIENCE_S
from tests.support import Conversation, greeting, turns


async def test_one_may_subscribe_after_the_first_event_and_as_often_as_one_likes() -> None:
    clock = Clock()
    async with linked_peers([clock]) as (_, listener):
        clock.emit_ticked(number=0)
        await turns()
        for begin in (10, 20, 30):
            async with ClockClient(listener).on_ticked() as ticks:
                for number in range(begin, begin + 3):
                    clock.emit_ticked(number=number)
                told = [(await anext(ticks)).number for _ in range(3)]
            assert told == [begin, begin + 1, begin + 2]
            assert ticks.missed == 0


async def test_no_number_is_served_for_it() -> None:
    async with linked_peers([Clock()]) as (_, listener), ClockClient(listener).on_ticked():
        assert listener.handler(120) is None


async def test_only_those_who_want_a_key_are_told_of_it() -> None:
    clock, heard = Clock(), list[str]()
    async with linked_peers([clock]) as (_, listener):
        client = ClockClient(listener)
        async with (
            client.on_rang(lambda event: heard.append(f"all {event.number}")),
            client.on_rang(lambda event: heard.append(f"utc {event.number}"), key="utc"),
            client.on_rang(lambda event: heard.append(f"cét {event.number}"), key="cét"),
        ):
            clock.emit_rang(number=1, zone="utc")
            clock.emit_rang(number=2, zone="cét")
            await turns()
    assert sorted(heard) == ["all 1", "all 2", "cét 2", "utc 1"]


async def test_what_is_replayed_comes_before_what_happens() -> None:
    clock = Clock()
    async with linked_peers([clock]) as (_, listener):
        for number in range(5):
            clock.emit_rang(number=number, zone="utc")
        clock.emit_rang(number=90, zone="cet")
        async with ClockClient(listener).on_rang(key="utc", replay=2) as rings:
            clock.emit_rang(number=5, zone="utc")
            assert [(await anext(rings)).number for _ in range(3)] == [3, 4, 5]
        async with ClockClient(listener).on_rang(replay=1000) as rings:
            assert [(await anext(rings)).number for _ in range(4)] == [3, 4, 90, 5]
            assert rings.missed == 0


async def test_who_subscribes_to_a_closed_peer_is_told_so_and_waits_for_nothing() -> None:
    heard: list[int] = []
    async with linked_peers([Clock()]) as (_, listener):
        listener.close()
        await listener.promise.wait()
        client = ClockClient(listener)
        with pytest.raises(ConnectionClosed, match=r"clock\.v1\.Clock/ticked"):
            async with client.on_ticked():
                pytest.fail("was entered")
        with pytest.raises(ConnectionClosed, match=r"clock\.v1\.Clock/ticked"):
            await anext(client.on_ticked())
        handled = client.on_ticked(lambda event: heard.append(event.number))
        assert handled.is_closed
        assert isinstance(handled.failure, ConnectionClosed)


async def test_an_event_that_nobody_offers_is_told_to_who_enters(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with linked_peers() as (_, listener):
        with pytest.raises(Unimplemented, match=r"clock\.v1\.Clock/ticked"):
            async with ClockClient(listener).on_ticked():
                pytest.fail("was entered")
        with pytest.raises(Unimplemented, match=r"clock\.v1\.Clock/ticked"):
            await anext(ClockClient(listener).on_ticked())
        assert caplog.text == ""


async def test_a_refused_handler_is_logged_once_and_its_subscription_says_why(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with linked_peers() as (_, listener):
        subscription = ClockClient(listener).on_ticked(lambda _: None)
        await turns()
        assert subscription.is_closed
        assert isinstance(subscription.failure, Unimplemented)
    assert caplog.text.count("the subscription of clock.v1.Clock/ticked has ended") == 1


async def test_a_connection_that_ends_before_the_answer_is_told_to_who_enters() -> None:
    async with Conversation() as talk:
        talk.peer.greet(greeting())
        await talk.hear(
            '{"responseId":0,"type":"data","data":{"profile":"duologue/1",'
            '"features":["subscribe"]}}'
        )
        subscription = ClockClient(talk.peer).on_ticked()
        talk.wire.close()
        with pytest.raises(ConnectionClosed, match="had not agreed"):
            await subscription.__aenter__()


async def test_a_key_of_another_type_is_refused_before_anything_is_sent() -> None:
    async with linked_peers([Clock()]) as (_, listener):
        with pytest.raises(InvalidParams, match=r"clock\.v1\.Clock/rang"):
            ClockClient(listener).on_rang(key=5)
        assert listener.stats.control_requests_sent <= 1


async def test_one_that_is_given_up_before_the_answer_is_ended_at_the_other_side() -> None:
    clock = Clock()
    async with linked_peers([clock]) as (server, listener):
        ClockClient(listener).on_ticked(lambda _: pytest.fail("was told")).close()
        await turns()
        clock.emit_ticked(number=1)
        await turns()
        assert listener.stats.messages_dropped == 0
        assert server.stats.control_requests_received == 3


async def test_a_subscriber_that_is_too_slow_is_told_so_if_the_event_wants_it() -> None:
    clock = Clock()
    async with linked_peers([clock]) as (server, listener):
        async with ClockClient(listener).on_struck() as strokes:
            gate = server._conversation.connection.gate  # pyright: ignore[reportPrivateUsage]
            gate.shut()
            for number in range(3):
                clock.emit_struck(number=number)
            gate.open()
            with pytest.raises(UnknownError, match="TOO_SLOW"):
                await anext(strokes)
        async with ClockClient(listener).on_struck() as strokes:
            gate.shut()
            for number in range(2):
                clock.emit_struck(number=number)
            gate.open()
            assert [(await anext(strokes)).number for _ in range(2)] == [0, 1]


async def test_what_did_not_keep_up_with_the_line_is_counted() -> None:
    clock = Clock()
    async with (
        linked_peers([clock]) as (server, listener),
        ClockClient(listener).on_ticked() as ticks,
    ):
        gate = server._conversation.connection.gate  # pyright: ignore[reportPrivateUsage]
        gate.shut()
        for number in range(66):
            clock.emit_ticked(number=number)
        gate.open()
        assert [(await anext(ticks)).number for _ in range(64)] == [*range(2, 66)]
        assert ticks.missed == 2
        assert server.stats.events_dropped == 2


async def test_one_that_is_more_than_this_side_reads_is_missed_and_the_next_one_comes() -> None:
    heard = list[int]()
    async with Conversation(Limits(max_json_values=100)) as talk:
        talk.peer.greet(greeting())
        await talk.hear(talk.request(4, 0, {"profile": "duologue/1", "features": ["subscribe"]}))
        subscription = ClockClient(talk.peer).on_ticked(lambda event: heard.append(event.number))
        await turns()
        answer = {"subscription": 7, "epoch": "e", "seq": 0}
        await talk.hear(
            json.dumps({"responseId": talk.said[-1]["requestId"], "type": "data", "data": answer}),
            json.dumps({"type": "notify", "subscription": 7, "seq": 1, "data": [0] * 500}),
            json.dumps({"type": "notify", "subscription": 7, "seq": 2, "data": {"number": 2}}),
            json.dumps({"type": "notify", "subscription": 7, "seq": 3, "data": {"number": "x"}}),
        )
        assert heard == [2]
        assert subscription.missed == 2
        assert talk.peer.stats.requests_received_invalid == 0


async def test_a_hello_that_comes_too_late_turns_the_base_form_into_a_subscription() -> None:
    heard = list[int]()
    async with Conversation(Limits(hello_timeout_s=0.001)) as talk:
        talk.peer.greet(greeting())
        ClockClient(talk.peer).on_ticked(lambda event: heard.append(event.number))
        async with asyncio.timeout(PATIENCE_S):
            await talk.peer.introduced()
        assert talk.peer.handler(120) is not None
        hello = {"profile": "duologue/1", "features": ["subscribe"]}
        said = await talk.hear(talk.request(4, 0, hello))
        (asked,) = [each for each in said if each["type"] == "request"]
        assert asked["args"] == [{"subscribe": 120}]
        assert talk.peer.handler(120) is None
        await talk.hear(
            f'{{"responseId":{asked["requestId"]},"type":"data",'
            '"data":{"subscription":7,"epoch":"e","seq":0}}',
            '{"type":"notify","subscription":7,"seq":1,"data":{"number":9}}',
            '{"type":"notify","subscription":8,"seq":1,"data":{"number":10}}',
        )
        assert heard == [9]
        assert talk.peer.stats.messages_dropped == 1
