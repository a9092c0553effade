"""Several relays to one peer."""

import asyncio

import pytest

from duologue.connection.base import Connection
from duologue.connection.memory import connected_pair
from duologue.endpoints.one_of_several import OneOfSeveral
from duologue.errors import (
    DeadlineExceeded,
    DuologueError,
    HandshakeFailed,
    PeerNotFound,
    RelayRefused,
    RelayUnreachable,
)
from tests.virtual_time import at_once

DOWN = RelayUnreachable("nobody is there")


class Relays:
    """What each says; None is a connection."""

    def __init__(self, **faults: DuologueError | None) -> None:
        self.faults = faults
        self.asked: list[str] = []
        self.several = OneOfSeveral(list(faults), self._dial_one, timeout_s=12)

    async def _dial_one(self, relay: str, /, *, timeout_s: float) -> Connection:
        self.asked.append(relay)
        fault = self.faults[relay]
        if isinstance(fault, DeadlineExceeded):
            await asyncio.sleep(timeout_s)
        if fault is not None:
            raise fault
        return connected_pair()[0]


async def test_the_first_that_leads_there_is_taken_and_asked_first_from_then_on() -> None:
    relays = Relays(a=DOWN, b=PeerNotFound("nobody listens"), c=None, d=None)
    await relays.several.dial()
    assert relays.asked == ["a", "b", "c"]
    relays.faults["c"] = DOWN
    await relays.several.dial()
    assert relays.asked[3:] == ["c", "a", "b", "d"]


@at_once
async def test_each_has_its_share_of_the_time() -> None:
    loop = asyncio.get_running_loop()
    begun_s = loop.time()
    relays = Relays(a=DeadlineExceeded("silent"), b=DOWN, c=DeadlineExceeded("silent"))
    with pytest.raises(DeadlineExceeded):
        await relays.several.dial()
    assert loop.time() - begun_s == pytest.approx(4 + 8)


async def test_if_none_does_what_may_pass_is_told() -> None:
    refused, absent = RelayRefused("You may not."), PeerNotFound("nobody listens")
    with pytest.raises(PeerNotFound):
        await Relays(a=refused, b=absent).several.dial()
    with pytest.raises(RelayRefused, match="You may not"):
        await Relays(a=refused, b=RelayRefused("Nor here.")).several.dial()


async def test_what_the_peer_itself_refuses_no_other_relay_can_change() -> None:
    relays = Relays(a=HandshakeFailed("This key is not allowed here", "not-allowed"), b=None)
    with pytest.raises(HandshakeFailed):
        await relays.several.dial()
    assert relays.asked == ["a"]
