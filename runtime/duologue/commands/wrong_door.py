"""What stands at an address where a conversation has failed: a relay, or a service, and which."""

import asyncio
import ssl as tls
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from enum import Enum
from typing import Final

from duologue.connection.addresses import ProxyChoice
from duologue.connection.next_message import next_message
from duologue.connection.websocket.dial import dial_websocket
from duologue.errors import (
    ConnectionClosed,
    DeadlineExceeded,
    DuologueError,
    HandshakeFailed,
    HttpRefused,
    HttpUnavailable,
    KeyNotAllowed,
    ProtocolError,
    Unimplemented,
)
from duologue.limits import Limits
from duologue.promisifier.promisifier import WebsocketPromisifier
from duologue.protocol.handshake import ANOTHER_TARGET
from duologue.relay.messages import NOT_A_MESSAGE

LOOK_S: Final = 3.0
"""For the look, beside the time for reaching the address. Who waits for it has just failed."""

_CLOSE_CALLED: Final = "Close called: "


class Door(Enum):
    """Who is there, by the first thing it says."""

    RELAY = "relay"
    SERVICE = "service"
    """One that says hello, and encrypts nothing."""
    ENCRYPTED_SERVICE = "encrypted service"


class WrongDoor(DuologueError):
    """Something else is there than the address says; the text says what to write instead."""


async def look(
    url: str,
    *,
    context: tls.SSLContext | None,
    proxy: ProxyChoice = True,
    timeout_s: float,
) -> Door | None:
    """Ask at `url`, over a connection that is then closed; None: it could not be told.

    An object that is no command: a relay and a service that encrypts both refuse it, each in the
    words of the base profile, and a service without encryption says hello.
    """
    try:
        connection = await dial_websocket(
            url, Limits(), ssl=context, proxy=proxy, timeout_s=timeout_s
        )
    except (DuologueError, OSError):
        return None
    try:
        connection.send("{}")
        async with asyncio.timeout(min(LOOK_S, timeout_s)):
            said = await next_message(connection)
    except (TimeoutError, DuologueError):
        return None
    finally:
        connection.terminate("the look is over")
    if said is not None:
        return Door.SERVICE if isinstance(said, str) and '"profile":"duologue/' in said else None
    match connection.close_reason.removeprefix(_CLOSE_CALLED).removeprefix("Error: "):
        case str(text) if not text.startswith(NOT_A_MESSAGE):
            return None
        case _ if connection.close_reason.startswith(f"{_CLOSE_CALLED}Error: "):
            return Door.ENCRYPTED_SERVICE
        case _:
            return Door.RELAY


def advice(door: Door | None, url: str, *, has_key: bool, is_direct: bool) -> str | None:
    """What to write instead, in one sentence; None if the address is not what is wrong."""
    match door:
        case Door.RELAY if not has_key:
            return (
                f"{url} is a relay: write {url}#KEY, with the key of the service behind it "
                "(duologue keygen --show FILE prints it)"
            )
        case Door.RELAY if is_direct:
            return f"{url} is a relay: leave out --direct, which is for a service at HOST itself"
        case Door.SERVICE if has_key:
            return (
                f"{url} is a service without encryption, and no relay: write {url}, without #KEY"
                + (" and --direct" if is_direct else "")
            )
        case Door.ENCRYPTED_SERVICE if not has_key:
            return (
                f"{url} is a service that encrypts: write {url}#KEY --direct, with its key "
                "(duologue keygen --show FILE prints it)"
            )
        case Door.ENCRYPTED_SERVICE:
            return (
                f"{url} is a service, and no relay, and has another key than this one: write "
                f"{url}#KEY --direct, with its key"
            )
        case _:
            return None


@asynccontextmanager
async def told_in_words(
    conversation: AbstractAsyncContextManager[WebsocketPromisifier],
    ask: Callable[[], Awaitable[Door | None]],
    url: str,
    *,
    has_key: bool,
    is_direct: bool,
) -> AsyncGenerator[WebsocketPromisifier]:
    """The conversation; where it comes to nothing, `ask` who is there.

    Raises:
        WrongDoor: it is somebody else than the address says.
        Whatever else the conversation and the block raise.
    """
    peer: WebsocketPromisifier | None = None
    try:
        async with conversation as peer:
            yield peer
    except (KeyNotAllowed, HttpRefused, HttpUnavailable):
        raise
    except (
        HandshakeFailed,
        ConnectionClosed,
        DeadlineExceeded,
        ProtocolError,
        Unimplemented,
    ) as error:
        if peer is not None and peer.speaks_duologue:
            raise
        door = await ask()
        if door is Door.ENCRYPTED_SERVICE and has_key and not str(error).endswith(ANOTHER_TARGET):
            # The right door; it went wrong behind it.
            raise
        text = advice(door, url, has_key=has_key, is_direct=is_direct)
        if text is None:
            raise
        raise WrongDoor(text) from error
