"""One subscriber that is slow, dead or greedy delays nobody, and costs no more than it may."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from duologue import Limits
from duologue.connection.base import Connection
from duologue.connection.memory import connected_pair
from duologue.endpoints.manner import Manner
from duologue.limits import MAX_SUBSCRIPTIONS
from duologue.promisifier.promisifier import WebsocketPromisifier
from duologue.testing import linked_peers
from duologue.typed.service import Offer
from tests.clock_service import TICKED, Clock, ClockClient, Ticked
from tests.support import turns
from tests.virtual_time import at_once

ZONE = "z" * 4000
HELLO = {"profile": "duologue/1", "features": ["subscribe"]}


class Deaf:
    """A listener that subscribes, and then takes nothing from its line."""

    def __init__(self, clock: Clock, limits: Limits, subscriptions: int) -> None:
        connection, self.wire = connected_pair(limits)
        manner = Manner(offer=Offer((clock,)), limits=limits)
        self.host = manner.begin(connection, "acceptor")
        for number, wish in enumerate([HELLO, *[{"subscribe": 120}] * subscriptions]):
            request = {"requestId": number, "type": "request", "serviceId": 0, "args": [wish]}
            self.wire.send(json.dumps(request))

    @property
    def waiting_bytes(self) -> int:
        return waiting_bytes(self.host)


def waiting_bytes(host: WebsocketPromisifier) -> int:
    """What all queues of a connection hold."""
    broadcasts = host._conversation._broadcasts  # pyright: ignore[reportPrivateUsage]
    return 0 if broadcasts is None else broadcasts.held_bytes


def line_of(host: WebsocketPromisifier) -> Connection:
    return host._conversation.connection  # pyright: ignore[reportPrivateUsage]


@asynccontextmanager
async def healthy(clock: Clock) -> AsyncGenerator[list[int]]:
    """Another listener, and what it has heard."""
    heard = list[int]()
    async with (
        linked_peers([clock]) as (_, listener),
        ClockClient(listener).on_ticked(lambda event: heard.append(event.number)),
    ):
        yield heard


@at_once
async def test_a_dead_one_costs_what_it_may_until_it_is_ended() -> None:
    clock, limits = Clock(), Limits()
    async with healthy(clock) as heard:
        dead = Deaf(clock, limits, 1)
        await turns()
        for number in range(3000):
            clock.emit_ticked(number=number, zone=ZONE)
            await turns(3)
            assert heard[-1] == number
        assert heard == list(range(3000))
        assert dead.waiting_bytes <= 65 * (len(ZONE) + 200)
        dropped = dead.host.stats.events_dropped
        assert 3000 - 64 - limits.max_message_bytes // len(ZONE) * 2 < dropped < 3000
        await asyncio.sleep(limits.write_timeout_s + 1)
        assert dead.host.promise.done()
        clock.emit_ticked(number=3000, zone=ZONE)
        await turns(3)
        assert dead.host.stats.events_dropped == dropped
        assert heard[-1] == 3000


@at_once
async def test_a_greedy_one_has_the_share_of_one_connection() -> None:
    clock, limits = Clock(), Limits(max_event_queue_bytes=200_000)
    async with healthy(clock) as heard:
        greedy = Deaf(clock, limits, MAX_SUBSCRIPTIONS + 1)
        await turns(MAX_SUBSCRIPTIONS)
        source = clock.__audience__.source(TICKED)
        assert len(source.feeds_of(None)) == MAX_SUBSCRIPTIONS + 1
        for number in range(20):
            clock.emit_ticked(number=number, zone=ZONE)
            await turns(3)
            assert heard[-1] == number
            assert greedy.waiting_bytes <= 200_000
        assert greedy.host.stats.events_dropped > 0
        greedy.wire.close()
        await asyncio.sleep(limits.close_timeout_s + 1)
        assert len(source.feeds_of(None)) == 1


async def test_on_one_line_a_subscription_with_much_waiting_is_served_in_turn_with_the_others() -> (
    None
):
    clock, told = Clock(), list[str]()
    async with linked_peers([clock]) as (server, listener):
        client = ClockClient(listener)
        async with (
            client.on_ticked(lambda event: told.append(f"tick {event.number}")),
            client.on_rang(lambda event: told.append(f"ring {event.number}")),
        ):
            line_of(server).gate.shut()
            for number in range(60):
                clock.emit_ticked(number=number)
            clock.emit_rang(number=0, zone="utc")
            line_of(server).gate.open()
            await turns(100)
    assert told.index("ring 0") <= 2
    assert len(told) == 61


async def test_a_handler_that_never_returns_delays_no_other_subscription_of_its_peer() -> None:
    clock, heard = Clock(), list[int]()

    async def stuck(_: Ticked) -> None:
        await asyncio.Event().wait()

    async with linked_peers([clock]) as (_, listener):
        client = ClockClient(listener)
        async with (
            client.on_ticked(stuck) as slow,
            client.on_ticked(lambda event: heard.append(event.number)),
        ):
            for number in range(1000):
                clock.emit_ticked(number=number)
                await turns(3)
            assert heard == list(range(1000))
            assert slow.missed == 1000 - 256 - 1
