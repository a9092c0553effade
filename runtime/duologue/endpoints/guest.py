"""The side that calls: one conversation, over one connection or over one after the other."""

import asyncio
import logging
from contextvars import copy_context
from dataclasses import dataclass
from typing import Final

from duologue.connection.base import Connection
from duologue.endpoints.manner import Manner
from duologue.endpoints.redialling import Dial, Explain, Redialling, itself
from duologue.errors import ConnectionClosed, DeadlineExceeded, DuologueError
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


class Visit:
    """One conversation of the side that calls, for `async with`.

    Entering dials, greets and calls `on_connected`; leaving closes. With `reconnect` it dials again
    until it succeeds, and whenever the connection is lost: the task that does so belongs to the
    block. Whatever `dial` or `on_connected` raises comes out of entering, unless it is tried again.
    """

    # No generator: of generators inside one another that a program leaves open at its end, asyncio
    # closes each by itself, and complains that they are running already.

    def __init__(
        self, dial: Dial, manner: Manner, lasting: Lasting, explain: Explain = itself
    ) -> None:
        """`explain` makes of a failure one that says more."""
        self._dial = dial
        self._explain = explain
        self._manner = manner
        self._lasting = lasting
        self._peer: WebsocketPromisifier | None = None
        self._redialling: Redialling | None = None
        self._keeper: asyncio.Task[None] | None = None

    async def __aenter__(self) -> WebsocketPromisifier:
        seconds = self._lasting.open_timeout_s
        if seconds is None:
            return await self._enter()
        patience = asyncio.timeout(seconds)
        try:
            async with patience:
                return await self._enter()
        except TimeoutError as error:
            if not patience.expired():
                raise
            fault = None if self._redialling is None else self._redialling.last_fault
            why = "" if fault is None else f"; {words_of(fault)}"
            raise DeadlineExceeded(f"no conversation within {seconds:g} s{why}") from fault or error

    async def __aexit__(self, *_exception: object) -> None:
        await self._leave()

    async def _enter(self) -> WebsocketPromisifier:
        try:
            return await (self._again_and_again() if self._lasting.reconnect else self._once())
        except BaseException:
            # Cancellation included: `async with` calls no `__aexit__` then.
            await self._leave()
            raise

    async def _found(self) -> Connection:
        """A connection on which calls may begin."""
        try:
            connection = await self._dial()
        except DuologueError as error:
            explained = self._explain(error)
            if explained is error:
                raise
            raise explained from error
        return await self._manner.speak_first(connection, is_connector=True)

    async def _once(self) -> WebsocketPromisifier:
        """Over one connection."""
        self._peer = peer = self._manner.begin(await self._found(), "connector")
        await peer.introduced()
        if not peer.is_connected and not peer.speaks_duologue:
            # Whoever is there has closed at our first word.
            raise self._explain(await _end_of(peer))
        if self._lasting.on_connected is not None:
            seconds = self._manner.limits.connect_timeout_s
            await call_on_connected(self._lasting.on_connected, peer, seconds)
        return peer

    async def _again_and_again(self) -> WebsocketPromisifier:
        """Over one connection after the other."""
        limits = self._manner.limits
        usual = Backoff(limits.reconnect_pause_s, limits.max_reconnect_pause_s)
        redialling = self._redialling = Redialling(
            self._found, self._lasting.backoff or usual, explain=self._explain
        )
        connection = await redialling.first()
        peer = self._manner.begin_lasting(connection, self._lasting.on_connected)
        self._peer = peer
        self._keeper = _keep(peer, redialling, self._manner)
        await _stands(peer)
        return peer

    async def _leave(self) -> None:
        try:
            if self._peer is not None:
                self._peer.close()
                await self._peer.ended()
        finally:
            if self._keeper is not None:
                self._keeper.cancel()
                await asyncio.wait([self._keeper])


def _keep(
    peer: ReconnectingPromisifier, redialling: Redialling, manner: Manner
) -> asyncio.Task[None]:
    """The task that makes the peer's connections anew."""

    def greet(peer: WebsocketPromisifier, connection: Connection) -> None:
        manner.greet(peer, connection, "connector")

    # It goes on after the block, if any, whose deadline bounds calls here.
    context = copy_context()
    context.run(lift_deadlines)
    keeper = asyncio.create_task(redialling.keep(peer, greet), context=context)

    def note_end(keeper: asyncio.Task[None]) -> None:
        error = None if keeper.cancelled() else keeper.exception()
        if error is not None:
            _log.error("connections are not made anew any more", exc_info=error)
            peer.give_up(error)

    def stop(_peer: WebsocketPromisifier) -> None:
        keeper.cancel()

    keeper.add_done_callback(note_end)
    peer.on_closed(stop)
    return keeper


async def _end_of(peer: WebsocketPromisifier) -> ConnectionClosed:
    """How the conversation has ended, as an error."""
    outcome = await peer.promise.wait()
    if isinstance(outcome, ConnectionClosed):
        return outcome
    return ConnectionClosed(outcome.code, outcome.reason, sent="no")


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
