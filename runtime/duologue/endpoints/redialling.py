"""Finding another connection for a peer whose connection was lost."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from typing import Final

from duologue.connection.base import Connection
from duologue.errors import (
    DuologueError,
    HandshakeFailed,
    IdentityMismatch,
    ProtocolError,
    RelayRefused,
    UnsafeKey,
)
from duologue.promisifier.reconnecting import Greet, ReconnectingPromisifier
from duologue.protocol.backoff import Backoff

Dial = Callable[[], Awaitable[Connection]]
"""Opens a connection, or raises a `DuologueError`."""

MAX_LOGGED_CHARACTERS: Final = 120

_log: Final = logging.getLogger("duologue")


async def keep_connected(
    peer: ReconnectingPromisifier,
    dial: Dial,
    greet: Greet,
    *,
    chance: Callable[[], float] = random.random,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    clock: Callable[[], float] | None = None,
) -> None:
    """Until it is cancelled, or no further try can do better: `peer` is then given up."""
    clock = clock or asyncio.get_running_loop().time
    backoff = Backoff(peer.limits, chance)
    begun_s = clock()
    while True:
        await peer.went_away()
        backoff.note_life(clock() - begun_s)
        _log.info("connection %d is closed; another one is wanted", peer.conn_id)
        last_fault = ""
        while True:
            now_s = clock()
            await sleep(backoff.next_try_s(now_s) - now_s)
            try:
                connection = await dial()
            except DuologueError as error:
                if is_lasting(error):
                    _log.warning("not connected again: %s", _short(error))
                    peer.give_up(error)
                    return
                # Once for each change: a server that is away for a night must not fill the log.
                if str(error) != last_fault:
                    last_fault = str(error)
                    _log.warning("not connected yet: %s", _short(error))
            else:
                break
        begun_s = clock()
        await peer.go_on(connection, greet)
        _log.info("connection %d has taken its place", peer.conn_id)


def is_lasting(error: DuologueError) -> bool:
    """Whether another try would fail in the same way: we are refused, or speak with the wrong one.

    What could not be reached, was too slow or too busy, or broke off, may do better the next time.
    """
    if isinstance(error, HandshakeFailed):
        return error.fault == "not-allowed"
    if isinstance(error, RelayRefused):
        return not error.may_pass
    return isinstance(error, ProtocolError | IdentityMismatch | UnsafeKey)


def _short(error: DuologueError) -> str:
    return str(error)[:MAX_LOGGED_CHARACTERS]
