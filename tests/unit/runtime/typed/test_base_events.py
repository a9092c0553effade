"""Events to and from a side that says no hello: requests that it makes by itself (PROTOCOL 10)."""

import asyncio

import pytest

from duologue import LimitExceeded, ServiceIdTaken
from duologue.limits import REFUSED_EVENT_PAUSE_S
from duologue.testing import linked_peers
from duologue.typed.service import Offer
from tests.clock_service import Clock, ClockClient
from tests.support import Conversation, turns
from tests.virtual_time import at_once


async def test_an_event_is_a_request_to_its_number() -> None:
    clock = Clock()
    async with Conversation() as talk:
        Offer([clock]).make_to(talk.peer)
        clock.emit_ticked(number=5)
        await turns()
        assert talk.said == [
            {
                "requestId": 0,
                "type": "request",
                "serviceId": 120,
                "args": [{"number": 5, "zone": "utc"}],
            }
        ]


@at_once
async def test_whoever_does_not_listen_is_told_once_and_again_after_a_while() -> None:
    clock = Clock()
    async with Conversation() as talk:
        Offer([clock]).make_to(talk.peer)
        clock.emit_ticked(number=0)
        await turns()
        refused = {"code": "UNKNOWN-SERVICE", "message": "Not a function"}
        await talk.hear(f'{{"responseId":0,"type":"error","error":{_json(refused)}}}')
        clock.emit_ticked(number=1)
        await asyncio.sleep(REFUSED_EVENT_PAUSE_S - 0.1)
        clock.emit_ticked(number=2)
        await turns()
        assert len(talk.said) == 1
        await asyncio.sleep(0.1)
        clock.emit_ticked(number=3)
        await turns()
        assert [each["args"][0]["number"] for each in talk.said] == [0, 3]


def _json(value: object) -> str:
    return str(value).replace("'", '"')


async def test_it_is_served_under_the_events_number_and_answered() -> None:
    heard = list[int]()
    async with Conversation() as talk:
        ClockClient(talk.peer).on_ticked(lambda event: heard.append(event.number))
        (answer,) = await talk.hear(talk.request(0, 120, {"number": 3}))
    assert answer["type"] == "data"
    assert heard == [3]


async def test_two_subscriptions_share_the_number_and_the_last_one_frees_it() -> None:
    heard = list[str]()
    async with Conversation() as talk:
        first = ClockClient(talk.peer).on_ticked(lambda _: heard.append("first"))
        second = ClockClient(talk.peer).on_ticked(lambda _: heard.append("second"))
        await talk.hear(talk.request(0, 120, {"number": 1}))
        first.close()
        await talk.hear(talk.request(1, 120, {"number": 2}))
        assert talk.peer.handler(120) is not None
        second.close()
        assert talk.peer.handler(120) is None
    assert heard == ["first", "second", "second"]


async def test_who_listens_for_another_key_is_not_told() -> None:
    heard = list[str]()
    async with Conversation() as talk:
        client = ClockClient(talk.peer)
        client.on_rang(lambda event: heard.append(f"all {event.number}"))
        client.on_rang(lambda event: heard.append(f"utc {event.number}"), key="utc")
        client.on_rang(lambda event: heard.append(f"cet {event.number}"), key="cét")
        await talk.hear(
            talk.request(0, 121, {"number": 1, "zone": "utc"}),
            talk.request(1, 121, {"number": 2, "zone": "cét"}),
        )
    assert heard == ["all 1", "utc 1", "all 2", "cet 2"]


async def test_one_that_does_not_fit_is_refused_and_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with Conversation() as talk:
        ClockClient(talk.peer).on_ticked(lambda _: pytest.fail("was told"))
        (answer,) = await talk.hear(talk.request(0, 120, {"number": "secret"}))
    assert answer["error"]["code"] == "INVALID_PARAMS"
    assert "clock.v1.Clock/ticked" in caplog.text
    assert "secret" not in caplog.text + str(answer)


async def test_a_number_that_is_served_already_is_refused() -> None:
    async with Conversation() as talk:
        talk.peer.add_service(120, lambda: None)
        with pytest.raises(ServiceIdTaken, match="120"):
            ClockClient(talk.peer).on_ticked()


async def test_a_listener_that_never_answers_misses_events_and_delays_nobody() -> None:
    clock, heard = Clock(), list[int]()
    async with Conversation() as silent, linked_peers([clock]) as (_, quick):
        Offer([clock]).make_to(silent.peer)
        ClockClient(quick).on_ticked(lambda event: heard.append(event.number))
        await turns()
        for number in range(65):
            clock.emit_ticked(number=number)
            await turns(6)
        assert heard == list(range(65))
        assert silent.peer.stats.events_dropped == 1


async def test_a_key_may_be_as_long_as_it_may_and_no_longer() -> None:
    clock = Clock()
    async with linked_peers([clock]) as (_, listener):
        longest = "k" * 254
        async with ClockClient(listener).on_rang(key=longest) as rings:
            clock.emit_rang(number=1, zone=longest)
            assert (await anext(rings)).number == 1
        with pytest.raises(LimitExceeded, match="MAX_EVENT_KEY_BYTES"):
            ClockClient(listener).on_rang(key=longest + "k")
        with pytest.raises(LimitExceeded, match="MAX_EVENT_KEY_BYTES"):
            clock.emit_rang(number=1, zone=longest + "k")
