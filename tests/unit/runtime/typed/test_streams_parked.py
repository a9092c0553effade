"""Items of a call that leaves later, over another connection: none is lost on the way."""

import asyncio

import pytest

from duologue import Limits, WebsocketPromisifier
from duologue.connection.base import Connection
from duologue.connection.memory import connected_pair
from duologue.endpoints.manner import Manner
from duologue.typed.service import Offer
from tests.reconnect_support import lose
from tests.stream_service import Number, Streams, StreamsClient
from tests.support import turns


class Guest:
    """A peer that comes back when it is told to."""

    def __init__(self) -> None:
        self._manner = Manner(offer=Offer(()), limits=Limits())
        self.host: WebsocketPromisifier
        self.wire: Connection
        self.peer = self._manner.begin_lasting(self._connected())

    def _connected(self) -> Connection:
        connection, self.wire = connected_pair()
        manner = Manner(offer=Offer((Streams(),)), limits=Limits())
        self.host = manner.begin(self.wire, "acceptor")
        return connection

    async def come_back(self) -> None:
        await self.peer.went_away()
        await self.peer.go_on(
            self._connected(), lambda peer, line: self._manner.greet(peer, line, "connector")
        )


@pytest.mark.parametrize("how", ["turned away", "lost"])
async def test_what_is_sent_meanwhile_leaves_with_the_call(how: str) -> None:
    guest = Guest()
    await guest.peer.stand()
    if how == "turned away":
        draining = asyncio.create_task(guest.host.drain(5))
    else:
        lose(guest.wire)
        draining = asyncio.create_task(turns())
    await turns()
    async with StreamsClient(guest.peer).sum() as up:
        await turns()
        sending = asyncio.create_task(up.send_all(Number(number=each) for each in range(5)))
        await turns()
        guest.host.close("going")
        await guest.come_back()
        await sending
        assert await up.result() == 10
    await draining
    guest.peer.close()
    await guest.peer.promise.wait()
