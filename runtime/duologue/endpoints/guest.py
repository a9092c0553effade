"""The side that calls: one conversation, over one connection or over one after the other."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from contextvars import copy_context
from dataclasses import dataclass
from typing import Final

from duologue.connection.base import Connection
from duologue.endpoints.manner import Manner
from duologue.endpoints.redialling import Dial, Redialling
from duologue.errors import ConnectionClosed, DeadlineExceeded
from duologue.promisifier.deadline_scope import lift_deadlines
from duologue.promisifier.on_connected import OnConnected, call_on_connected
from duologue.promisifier.promisifier import WebsocketPromisifier
from duologue.promisifier.reconnecting import ReconnectingPromisifier
from duologue.protocol.backoff import Backoff
from duologue.protocol.wording import words_of

_log: Final = logging.getLogger("duologue")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lasting:
    """What is to be done when there is no connection, at first or later."""

    reconnect: bool = False
    backoff: Backoff | None = None
    open_timeout_s: float | None = None
    """For entering; None waits as long as another try may do better."""
    on_connected: OnConnected | None = None

    def __post_init__(self) -> None:
        if self.backoff is not None and not self.reconnect:
            raise ValueError("backoff= says how one comes back: it needs reconnect=True")


@asynccontextmanager
async def conversation(
    dial: Dial, manner: Manner, lasting: Lasting
) -> AsyncGenerator[WebsocketPromisifier]:
    """Dials, greets, calls `on_connected`, and closes when the block is left.

    With `reconnect` it dials again until it succeeds, and whenever the connection is lost. The task
    that does so belongs to the block. Whatever `dial` or `on_connected` raises comes out of here,
    unless it is tried again.
    """
    redialling: Redialling | None = None
    if lasting.reconnect:
        limits = manner.limits
        usual = Backoff(limits.reconnect_pause_s, limits.max_reconnect_pause_s)
        redialling = Redialling(dial, lasting.backoff or usual)
    async with AsyncExitStack() as stack:
        seconds = lasting.open_timeout_s
        patience = asyncio.timeout(seconds)
        try:
            async with patience:
                if redialling is None:
                    entered = _once(dial, manner, lasting.on_connected)
                else:
                    entered = _again_and_again(redialling, manner, lasting.on_connected)
                peer = await stack.enter_async_context(entered)
        except TimeoutError as error:
            if seconds is None or not patience.expired():
                raise
            fault = None if redialling is None else redialling.last_fault
            why = "" if fault is None else f"; {words_of(fault)}"
            raise DeadlineExceeded(f"no conversation within {seconds:g} s{why}") from fault or error
        yield peer


@asynccontextmanager
async def _once(
    dial: Dial, manner: Manner, on_connected: OnConnected | None
) -> AsyncGenerator[WebsocketPromisifier]:
    async with _until_left(manner.begin(await dial(), "connector")) as peer:
        await peer.introduced()
        if on_connected is not None:
            await call_on_connected(on_connected, peer, manner.limits.connect_timeout_s)
        yield peer


@asynccontextmanager
async def _again_and_again(
    redialling: Redialling, manner: Manner, on_connected: OnConnected | None
) -> AsyncGenerator[WebsocketPromisifier]:
    lasting = manner.begin_lasting(await redialling.first(), on_connected)

    def greet(peer: WebsocketPromisifier, connection: Connection) -> None:
        manner.greet(peer, connection, "connector")

    # It goes on after the block, if any, whose deadline bounds calls here.
    context = copy_context()
    context.run(lift_deadlines)
    keeper = asyncio.create_task(redialling.keep(lasting, greet), context=context)

    def note_end(keeper: asyncio.Task[None]) -> None:
        error = None if keeper.cancelled() else keeper.exception()
        if error is not None:
            _log.error("connections are not made anew any more", exc_info=error)
            lasting.give_up(error)

    def stop(_peer: WebsocketPromisifier) -> None:
        keeper.cancel()

    keeper.add_done_callback(note_end)
    lasting.on_closed(stop)
    try:
        async with _until_left(lasting) as peer:
            await _stands(lasting)
            yield peer
    finally:
        keeper.cancel()
        await asyncio.wait([keeper])


async def _stands(peer: ReconnectingPromisifier) -> None:
    """Wait until the first conversation stands; raises why if none ever will."""
    stood = asyncio.ensure_future(peer.has_stood.wait())
    over = asyncio.ensure_future(peer.promise.wait())
    try:
        await asyncio.wait((stood, over), return_when=asyncio.FIRST_COMPLETED)
    finally:
        stood.cancel()
        over.cancel()
    if not peer.has_stood.is_set():
        outcome = await peer.promise.wait()
        if isinstance(outcome, ConnectionClosed):
            raise outcome.__cause__ or outcome


@asynccontextmanager
async def _until_left(peer: WebsocketPromisifier) -> AsyncGenerator[WebsocketPromisifier]:
    try:
        yield peer
    finally:
        peer.close()
        await peer.promise.wait()
