"""Builders that several tests share."""

import asyncio
import json
from types import TracebackType
from typing import Any, Final, Self, TypeVar, cast

from duologue.connection.memory import connected_pair
from duologue.errors import CallError, DuologueError, InvalidResult
from duologue.limits import Limits
from duologue.promisifier.greeting import Greeting
from duologue.promisifier.promisifier import WebsocketPromisifier, create_websocket_promisifier
from duologue.promisifier.served_call import ServedCall
from duologue.promisifier.streams.items import ItemDesk
from duologue.promisifier.streams.stream import ByteStream, TextStream
from duologue.protocol.hello import (
    CalledContract,
    Contracts,
    Counterpart,
    OfferedService,
    encode_hello,
)
from duologue.protocol.messages import Failure, RequestReceived
from duologue.protocol.parcels import Payload, split

PeerT = TypeVar("PeerT")

NO_DESK: Final = cast(ItemDesk, None)
"""For calls without items."""


async def turns(number: int = 12) -> None:
    """Let the loop do what is due: a message crosses a connection in memory in one turn."""
    for _ in range(number):
        await asyncio.sleep(0)


def has_timer(peer: WebsocketPromisifier) -> bool:
    """Whether the deadline of some call keeps a timer of the loop running."""
    calling = peer._conversation.calling  # pyright: ignore[reportPrivateUsage]
    return calling._deadlines.is_armed  # pyright: ignore[reportPrivateUsage]


def square(number: int) -> int:
    """A service."""
    return number * number


def echo(*args: Any) -> list[Any]:
    """A service that gives its arguments back."""
    return list(args)


def itself(value: Any) -> Any:
    """A service that gives its one argument back."""
    return value


class Conversation:
    """A promisifier, and by hand the other end of its connection.

    `said` holds what the promisifier has sent, read from its JSON.
    """

    def __init__(self, limits: Limits | None = None, *, other_limits: Limits | None = None) -> None:
        self.connection, self.wire = connected_pair(limits, other_limits=other_limits)
        self.peer = create_websocket_promisifier(self.connection, limits=limits)
        self.said: list[Any] = []
        self.wire.on_message.listen(lambda message: self.said.append(json.loads(message)))

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

    async def hear(self, *messages: str | bytes) -> list[Any]:
        """Hand messages to the promisifier; returns what it has said since."""
        before = len(self.said)
        for message in messages:
            self.wire.send(message)
        await turns()
        return self.said[before:]

    def request(self, request_id: int, service_id: int, *args: Any) -> str:
        """The text of a call."""
        fields = {"requestId": request_id, "type": "request", "serviceId": service_id}
        return json.dumps(fields | {"args": args})


class PlainReading:
    """Calls a service by number, and reads an answer as the bytes it is."""

    full_name = "Rooms/join"
    takes_parts = False
    may_wait = True

    def __init__(self, service_id: int = 3) -> None:
        self.id = service_id

    @property
    def contract(self) -> CalledContract | None:
        return None

    @property
    def may_be_repeated(self) -> bool:
        return False

    def decode_result(self, data: Payload | None) -> bytes | None:
        return None if data is None else split(data)[0]

    def decode_stream(self, stream: ByteStream | TextStream) -> bytes | None:
        raise InvalidResult("no stream was expected")

    def decode_failure(self, failure: Failure) -> DuologueError:
        return CallError(failure.message or "", code=failure.code)


def greeting(
    *services: OfferedService,
    own_key: bytes | None = None,
    remote_key: bytes | None = None,
    contracts: Contracts = "any",
    limits: Limits | None = None,
) -> Greeting:
    """A hello that is still to be said."""
    hello = encode_hello(
        role="connector",
        own_key=own_key,
        remote_key=remote_key,
        services=services,
        limits=limits or Limits(),
        agent="test",
    )
    return Greeting(hello, Counterpart(own_key, remote_key, contracts=contracts))


def served(args: Payload | None, peer: PeerT, *, takes_parts: bool = False) -> ServedCall[PeerT]:
    """A call as a handler gets it."""
    return ServedCall(RequestReceived(0, 3, args, takes_parts), peer, NO_DESK)


class Panic(BaseException):
    """As extensions in Rust raise them: no `Exception`."""
