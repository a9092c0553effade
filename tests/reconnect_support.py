"""Peers that lose their connection and find another one, in memory."""

import asyncio
import json
from types import TracebackType
from typing import Any, Self

from duologue.connection.base import Connection
from duologue.connection.memory import connected_pair
from duologue.endpoints.manner import Manner
from duologue.limits import Limits
from duologue.promisifier.on_connected import OnConnected
from duologue.promisifier.own_call import NO_DEADLINE, Call, CallOptions
from duologue.promisifier.promisifier import WebsocketPromisifier
from duologue.promisifier.reconnecting import ReconnectingPromisifier
from duologue.protocol.hello import Contracts
from duologue.typed.service import Offer, Service
from tests.stopwatch import PATIENCE_S
from tests.support import PlainReading, turns


class Repeatable(PlainReading):
    """What a `read` or `idempotent` method says of itself."""

    @property
    def may_be_repeated(self) -> bool:
        return True


class MovingContract:
    """A contract, as far as it says where to count from."""

    name = "chat.v1.Rooms"
    base = 100
    digest = ""

    def differences(self, described: bytes) -> tuple[str, ...]:
        return ()


class Counted(PlainReading):
    """A method of a service that the other side counts from elsewhere on each connection."""

    def __init__(self, service_id: int) -> None:
        super().__init__(service_id)
        self.contract_of_service = MovingContract()

    @property
    def contract(self) -> MovingContract:
        return self.contract_of_service


def lose(connection: Connection) -> None:
    """Cut a connection in memory, without a close frame."""
    connection._lose()  # type: ignore[attr-defined]  # pyright: ignore


class Line:
    """A reconnecting peer; the other end of each of its connections is played by hand.

    `said` holds what the peer has sent over the present connection, read from its JSON.
    """

    def __init__(
        self, limits: Limits | None = None, on_connected: OnConnected | None = None
    ) -> None:
        self.limits = limits or Limits()
        self.wire: Connection
        self.said: list[Any] = []
        self.peer = ReconnectingPromisifier(self.pair(), self.limits, on_connected)
        self._going_on = asyncio.ensure_future(self.peer.stand())

    def pair(self) -> Connection:
        """A new connection for the peer; its other end becomes `wire`."""
        connection, self.wire = connected_pair(self.limits)
        said: list[Any] = []
        self.said = said
        self.wire.on_message.listen(lambda message: said.append(json.loads(message)))
        return connection

    async def lose(self) -> None:
        """Cut the connection, without a close frame."""
        lose(self.wire)
        await turns()

    async def shut(self) -> None:
        """Close the connection in good order from the other side."""
        self.wire.close()
        await turns()

    async def come_back(self, manner: Manner | None = None) -> None:
        """Give the peer another connection; without `manner` nobody says hello."""

        def greet(peer: WebsocketPromisifier, connection: Connection) -> None:
            if manner is not None:
                manner.greet(peer, connection, "connector")

        self._going_on = asyncio.ensure_future(self.peer.go_on(self.pair(), greet))
        await turns()

    def start(
        self,
        service_id: int = 3,
        reading: PlainReading | None = None,
        timeout_s: float | None = None,
        args: bytes = b"[]",
    ) -> Call[bytes | None]:
        """Start a call; `reading` says whether it may be repeated."""
        reading = reading or PlainReading()
        reading.id = service_id
        options = NO_DEADLINE if timeout_s is None else CallOptions(timeout_s)
        return self.peer.start_call(reading, args, reading, options)

    async def answer(self, *request_ids: int) -> None:
        """Answer requests of the present connection with their id."""
        for each in request_ids:
            self.wire.send(json.dumps({"responseId": each, "type": "data", "data": each}))
        await turns()

    @property
    def called(self) -> list[int]:
        """Numbers that were called over the present connection."""
        return [each["serviceId"] for each in self.said if each["type"] == "request"]

    async def __aenter__(self) -> Self:
        await turns(2)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.peer.close()
        await self.peer.promise.wait()
        await self._going_on


class Home:
    """A reconnecting peer, and a host that is started anew for each of its connections."""

    def __init__(
        self,
        *services: Service,
        offer: tuple[Service, ...] = (),
        contracts: Contracts = "any",
    ) -> None:
        self.guest = Manner(offer=Offer(offer), limits=Limits(), contracts=contracts)
        self.host: WebsocketPromisifier
        self._wire: Connection
        self.peer = self.guest.begin_lasting(self._host(services))

    def _host(self, services: tuple[Service, ...]) -> Connection:
        connection, self._wire = connected_pair()
        manner = Manner(offer=Offer(services), limits=Limits())
        self.host = manner.begin(self._wire, "acceptor")
        return connection

    async def lose(self) -> None:
        """The host is gone without a word."""
        lose(self._wire)
        await turns()

    async def come_back(self, *services: Service) -> None:
        """Another host, which offers these."""

        def greet(peer: WebsocketPromisifier, connection: Connection) -> None:
            self.guest.greet(peer, connection, "connector")

        async with asyncio.timeout(PATIENCE_S):
            await self.peer.go_on(self._host(services), greet)
            await self.host.introduced()

    async def __aenter__(self) -> Self:
        await self.peer.introduced()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.peer.close()
        await self.peer.promise.wait()
