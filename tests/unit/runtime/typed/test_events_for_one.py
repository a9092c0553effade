"""Events for one peer alone, which loses its connection and comes back (PROTOCOL 14.4)."""

import asyncio
from types import TracebackType
from typing import Self

import pytest

from duologue import Limits
from duologue.connection.base import Connection
from duologue.connection.memory import connected_pair
from duologue.endpoints.manner import Manner
from duologue.promisifier.promisifier import WebsocketPromisifier
from duologue.typed.service import Offer
from tests.clock_service import Clock, ClockClient
from tests.reconnect_support import lose
from tests.support import turns


class Guest:
    """A peer that comes back when it is told to, and what it heard of one kind of event."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._manner = Manner(offer=Offer(()), limits=Limits())
        self.wire: Connection
        self.host: WebsocketPromisifier
        self.peer = self._manner.begin_lasting(self._connected())
        self.heard: list[int] = []

    def _connected(self) -> Connection:
        connection, self.wire = connected_pair()
        manner = Manner(offer=Offer((self._clock,)), limits=Limits())
        self.host = manner.begin(self.wire, "acceptor")
        return connection

    async def __aenter__(self) -> Self:
        await self.peer.stand()
        self.ticks = ClockClient(self.peer).on_ticked(lambda event: self.heard.append(event.number))
        self.rings = ClockClient(self.peer).on_rang(
            lambda event: self.heard.append(event.number), key="utc"
        )
        await self.ticks.__aenter__()
        await self.rings.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.peer.close()
        await self.peer.promise.wait()

    async def lose(self) -> None:
        lose(self.wire)
        await turns()

    async def come_back(self) -> None:
        await self.peer.go_on(
            self._connected(), lambda peer, line: self._manner.greet(peer, line, "connector")
        )
        await turns()


async def test_what_was_for_another_peer_is_no_gap() -> None:
    clock = Clock()
    async with Guest(clock) as guest, Guest(clock) as other:
        clock.emit_rang(number=1, zone="utc")
        await turns()
        await guest.lose()
        clock.emit_rang(other.host, number=2, zone="utc")
        clock.emit_rang(number=3, zone="utc")
        await guest.come_back()
        assert guest.heard == [1, 3]
        assert other.heard == [1, 2, 3]
        assert guest.rings.gaps == other.rings.gaps == 0


async def test_what_was_lost_on_the_way_to_it_alone_is_a_gap_to_it_and_to_nobody_else() -> None:
    clock = Clock()
    async with Guest(clock) as guest, Guest(clock) as other:
        clock.emit_rang(guest.host, number=1, zone="utc")
        await guest.lose()
        await other.lose()
        await guest.come_back()
        await other.come_back()
        assert guest.heard == other.heard == []
        assert (guest.rings.gaps, other.rings.gaps) == (1, 0)


async def test_what_it_had_before_it_was_lost_is_no_gap() -> None:
    clock = Clock()
    async with Guest(clock) as guest:
        clock.emit_rang(guest.host, number=1, zone="utc")
        await turns()
        await guest.lose()
        await guest.come_back()
        assert guest.heard == [1]
        assert guest.rings.gaps == 0


@pytest.mark.parametrize(("zone", "gaps"), [("utc", 1), ("cet", 0)])
async def test_what_was_for_the_peer_that_it_no_longer_is_is_a_gap(zone: str, gaps: int) -> None:
    clock = Clock()
    async with Guest(clock) as guest:
        gone = guest.host
        await guest.lose()
        clock.emit_rang(gone, number=1, zone=zone)
        await guest.come_back()
        assert guest.rings.gaps == gaps


async def test_what_was_for_it_before_it_has_subscribed_anew_is_a_gap() -> None:
    clock = Clock()
    async with Guest(clock) as guest:
        await guest.lose()
        coming = asyncio.ensure_future(guest.come_back())
        await turns(1)
        clock.emit_rang(guest.host, number=1, zone="utc")
        await coming
        assert guest.heard == []
        assert guest.rings.gaps == 1
        assert guest.ticks.gaps == 0
