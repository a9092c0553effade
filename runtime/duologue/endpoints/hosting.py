"""The side that is called: its conversations, from its first moment to its last."""

import asyncio
import logging
import random
from abc import ABC, abstractmethod
from collections.abc import Callable
from types import TracebackType
from typing import ClassVar, Final, Self

from duologue.connection.base import Connection, ConnectionState
from duologue.endpoints.manner import Manner
from duologue.promisifier.budget import Budget
from duologue.promisifier.own_call import check_thread
from duologue.promisifier.promisifier import WebsocketPromisifier
from duologue.protocol.goaway import GoAway, spread_ms
from duologue.protocol.wording import words_of

_log: Final = logging.getLogger("duologue")


class Conversations:
    """The side that is called: all conversations that are open now."""

    def __init__(self, manner: Manner, *, chance: Callable[[], float] = random.random) -> None:
        """`chance` gives 0 up to 1."""
        self._manner = manner
        self._chance = chance
        self._budget = Budget(manner.limits)
        self._peers: set[WebsocketPromisifier] = set()
        self._speaking: set[asyncio.Task[None]] = set()
        """Those with whom no call can be made yet."""

    @property
    def peers(self) -> frozenset[WebsocketPromisifier]:
        """Whom one speaks with now."""
        return frozenset(self._peers)

    def __len__(self) -> int:
        return len(self._peers)

    def welcome(self, connection: Connection) -> None:
        """Begin a conversation on an open connection, once what comes before it has been said."""
        if self._manner.before is None:
            self._begin(connection)
            return
        task = asyncio.create_task(self._speak_first(connection))
        self._speaking.add(task)
        task.add_done_callback(self._speaking.discard)

    async def _speak_first(self, connection: Connection) -> None:
        try:
            await self._manner.speak_first(connection, is_connector=False)
        except (KeyboardInterrupt, SystemExit, asyncio.CancelledError):
            raise
        except BaseException as error:
            # The application's own code judges who may come in: whatever it raises refuses.
            where = connection.remote_address or "an unknown address"
            # What is no `Exception` is nobody's judgement, but a fault, as is a wrong `before`.
            is_fault = isinstance(error, TypeError) or not isinstance(error, Exception)
            level, trace = (logging.ERROR, error) if is_fault else (logging.INFO, None)
            _log.log(
                level, "connection from %s refused: %s", where, words_of(error), exc_info=trace
            )
            return
        if connection.state.current_state is ConnectionState.OPEN:
            self._begin(connection)

    def _begin(self, connection: Connection) -> None:
        try:
            peer = self._manner.begin(connection, "acceptor", self._budget)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:
            # The application's own `on_peer`, whatever it raises: it ends this connection alone.
            _log.error("a connection could not be taken in", exc_info=error)
            return
        self._peers.add(peer)
        peer.on_closed(self._peers.discard)

    async def end(self, reason: str) -> None:
        """Let running calls finish within `Limits.drain_timeout_s`, then close them all.

        Each is told first, and when it may come back: at moments that are spread over that time and
        somewhat more.
        """
        for task in self._speaking:
            task.cancel()
        if self._speaking:
            await asyncio.wait(self._speaking)
        await asyncio.gather(*(self._dismiss(peer, reason) for peer in self._peers))

    async def _dismiss(self, peer: WebsocketPromisifier, reason: str) -> None:
        drain_timeout_s = self._manner.limits.drain_timeout_s
        peer.say_goaway(GoAway(reason, spread_ms(drain_timeout_s, self._chance)))
        await peer.drain(drain_timeout_s)
        peer.close(reason)
        await peer.ended()


class Host(ABC):
    """What is called, at an address or through relays; runs inside `async with`.

    Leaving the block ends it gracefully. It runs once: for another time, make another one.
    """

    kind: ClassVar[str]
    """How texts name it."""

    def __init__(self, manner: Manner) -> None:
        self._conversations = Conversations(manner)
        self._is_entered = False
        self._closed = asyncio.Event()
        self._closing: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def peers(self) -> frozenset[WebsocketPromisifier]:
        """The conversations that are open now.

        Raises:
            RuntimeError: it has not been entered.
        """
        self._check_entered()
        return self._conversations.peers

    def __repr__(self) -> str:
        if self._closed.is_set():
            state = "closed"
        elif self._closing is not None:
            state = "closing"
        else:
            state = "running" if self._is_entered else "not entered"
        return f"<{type(self).__name__} {self._where()} {state} peers={len(self._conversations)}>"

    @abstractmethod
    def _where(self) -> str:
        """Where it is called, and as whom, for people."""

    async def wait_closed(self) -> None:
        """Wait until it has been closed; `await` it to serve for ever.

        Raises:
            RuntimeError: it has not been entered.
        """
        self._check_entered()
        await self._closed.wait()

    async def close(self) -> None:
        """End gracefully; returns when every connection is closed. May be called again.

        Raises:
            RuntimeError: this is another thread than that of its event loop.
        """
        if self._loop is not None:
            check_thread(self._loop)
        if self._closing is None:
            self._closing = asyncio.create_task(self._close_once())
        # Shielded: whoever waits may be cancelled, the closing goes on.
        await asyncio.shield(self._closing)

    async def __aenter__(self) -> Self:
        if self._is_entered or self._closing is not None:
            how = "has been entered before" if self._is_entered else "has been closed"
            raise RuntimeError(f"the {self.kind} {how}; make another one for another time")
        self._is_entered = True
        self._loop = asyncio.get_running_loop()
        is_open = False
        try:
            await self._open()
            is_open = True
        finally:
            # What could not be had may be had later.
            self._is_entered = is_open
        if self._closing is not None:
            # Closed meanwhile, perhaps before there was anything to close.
            await asyncio.shield(self._closing)
            await self._close()
            raise RuntimeError(f"the {self.kind} was closed while it was entered")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def _close_once(self) -> None:
        await self._close()
        self._closed.set()

    def _check_entered(self) -> None:
        if not self._is_entered and self._closing is None:
            raise RuntimeError(f"the {self.kind} is not running; use it in `async with`")

    @abstractmethod
    async def _open(self) -> None:
        """Be there to be called."""

    @abstractmethod
    async def _close(self) -> None:
        """Stop being called, and end what is under way."""
