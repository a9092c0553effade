"""What an application does each time a conversation stands, before anybody else calls."""

import asyncio
import contextvars
import inspect
import logging
from collections.abc import Callable
from typing import Final

from duologue.errors import DeadlineExceeded, DuologueError
from duologue.promisifier.promisifier import WebsocketPromisifier
from duologue.protocol.wording import words_of

OnConnected = Callable[[WebsocketPromisifier], object]
"""Called with the peer each time a conversation stands; plain, or async and then awaited. It may
take `Limits.connect_timeout_s`."""

_log: Final = logging.getLogger("duologue")

_runs_for: contextvars.ContextVar[int] = contextvars.ContextVar("duologue_on_connected")
"""In whatever `on_connected` runs: the connection that it was called for."""


async def call_on_connected(
    on_connected: OnConnected, peer: WebsocketPromisifier, timeout_s: float
) -> None:
    """Call it, and wait for it.

    Raises:
        DeadlineExceeded: it took longer than `timeout_s`, and was cancelled.
        Exception: whatever it raises.
    """
    patience = asyncio.timeout(timeout_s)
    try:
        async with patience:
            result = on_connected(peer)
            if inspect.isawaitable(result):
                await result
    except TimeoutError as error:
        if not patience.expired():
            raise
        raise DeadlineExceeded(f"on_connected took longer than {timeout_s:g} s") from error


class Registration:
    """The `on_connected` of one peer, called over one connection after the other."""

    def __init__(self, on_connected: OnConnected) -> None:
        self._on_connected = on_connected
        self._running: asyncio.Task[None] | None = None

    def makes_this_call(self, conn_id: int) -> bool:
        """Whether whoever asks runs in `on_connected`, called for this connection."""
        return _runs_for.get(0) == conn_id

    async def succeeds(self, peer: WebsocketPromisifier) -> bool:
        """Call it, and wait for it; if it fails, the log says why."""
        context = contextvars.copy_context()
        context.run(_runs_for.set, peer.conn_id)
        running = asyncio.get_running_loop().create_task(
            call_on_connected(self._on_connected, peer, peer.limits.connect_timeout_s),
            context=context,
        )
        self._running = running
        try:
            await asyncio.wait([running])
        finally:
            self._running = None
            if not running.done():
                running.cancel()
                await asyncio.wait([running])
        if running.cancelled():
            _log.info("on_connected was cancelled")
            return False
        error = running.exception()
        if error is not None:
            # Of our own errors the words say all; of the application's, one wants to know where.
            trace = None if isinstance(error, DuologueError) else error
            why = words_of(error)
            _log.warning("on_connected has failed, and is tried again: %s", why, exc_info=trace)
        return error is None

    def cancel(self) -> None:
        """The connection is lost. What is waited for may be parked, and that waits for the next."""
        if self._running is not None:
            self._running.cancel()
