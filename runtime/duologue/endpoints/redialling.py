"""Finding one connection after the other for a peer that outlives them."""

import asyncio
import contextlib
import logging
import random
from collections.abc import Awaitable, Callable
from math import inf
from typing import Final

from duologue.connection.base import Connection
from duologue.endpoints.verdicts import MAX_REFUSALS, Verdict, judge
from duologue.errors import DuologueError
from duologue.promisifier.reconnecting import Greet, ReconnectingPromisifier
from duologue.protocol.backoff import Backoff, Tries, obeyed_s, wished_pause_s
from duologue.protocol.goaway import GoAway
from duologue.protocol.wording import words_of

Dial = Callable[[], Awaitable[Connection]]
"""Opens a connection, or raises a `DuologueError`."""

Explain = Callable[[DuologueError], DuologueError]
"""Makes of a failure one that says more; gives it back, if it says all there is."""


def itself(error: DuologueError) -> DuologueError:
    """The `Explain` that knows nothing more."""
    return error


MAX_LOGGED_CHARACTERS: Final = 120

WARNING_INTERVAL_S: Final = 60.0
"""A warning so often: a server that is away for a night must not fill the log."""

_log: Final = logging.getLogger("duologue")


class Redialling:
    """Tries to connect for one peer, again and again, until another try could not do better.

    Time is that of the running loop; `chance` gives 0 up to 1.
    """

    def __init__(
        self,
        dial: Dial,
        backoff: Backoff,
        *,
        explain: Explain = itself,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.last_fault: DuologueError | None = None
        """Why the last try failed; None if it did not."""
        self._dial = dial
        self._explain = explain
        self._loop = asyncio.get_running_loop()
        self._tries = Tries(backoff, chance)
        self._has_worked = False
        """Whether a conversation has stood: then this is the right address."""
        self._refusals = 0
        """In a row."""
        self._warned_s = -inf
        self._is_pausing = False
        self._hastened = asyncio.Event()
        self._note_trying: Callable[[bool], None] = _ignore

    async def first(self) -> Connection:
        """A connection, however long it takes.

        Raises:
            DuologueError: waiting does not help: a refusal, or nothing of ours is at the address.
            ValueError: the address is none.
        """
        return await self._find()

    async def keep(self, peer: ReconnectingPromisifier, greet: Greet) -> None:
        """Until it is cancelled, or no further try can do better: `peer` is then given up."""
        self._note_trying = peer.note_trying
        peer.on_call_parked = self._hasten
        peer.on_going_away_told = self._obey
        try:
            await self._keep(peer, greet)
        finally:
            # They hold each other: peers that come and go would keep the collector busy.
            self._note_trying = peer.on_call_parked = _ignore
            peer.on_going_away_told = _ignore_words

    async def _keep(self, peer: ReconnectingPromisifier, greet: Greet) -> None:
        begun_s = self._loop.time()
        await peer.stand()
        while True:
            await peer.went_away()
            self._has_worked = self._has_worked or peer.has_stood.is_set()
            self._tries.note_life(self._loop.time() - begun_s)
            lost, end = peer.conn_id, peer.last_end
            _log.info("connection %d: %s; another one is wanted", lost, _words(end))
            try:
                explained = self._explain(end)
                if explained is not end:
                    # It says that it is somebody else: as if it could not be dialled.
                    self._note_failure(explained)
                await self._pause()
                connection = await self._find()
            except DuologueError as error:
                _log.warning("not connected again: %s", _words(error))
                peer.give_up(error)
                return
            begun_s = self._loop.time()
            await peer.go_on(connection, greet)
            _log.info("connection %d has taken the place of %d", connection.id, lost)

    async def _find(self) -> Connection:
        while True:
            self._note_trying(True)
            self._tries.begin(self._loop.time())
            try:
                connection = await self._dial()
            except DuologueError as error:
                self._note_failure(error)
            else:
                self._refusals = 0
                self.last_fault = None
                self._warned_s = -inf
                return connection
            await self._pause()

    def _note_failure(self, error: DuologueError) -> None:
        """Go on, or raise it."""
        self.last_fault = error
        verdict = judge(error)
        self._refusals = self._refusals + 1 if verdict is Verdict.DENIED else 0
        if verdict is Verdict.LASTING or self._refusals >= MAX_REFUSALS:
            raise error
        if verdict is not Verdict.NOT_NOW and not self._has_worked:
            raise error
        now_s = self._loop.time()
        self._tries.wait_for(wished_pause_s(error), now_s)
        level = logging.INFO
        if now_s - self._warned_s >= WARNING_INTERVAL_S:
            self._warned_s = now_s
            level = logging.WARNING
        _log.log(level, "not connected yet: %s", _words(error))

    async def _pause(self) -> None:
        """Until the next try is due, or a call makes it come at once."""
        due_s = self._tries.next_try_s(self._loop.time())
        self._note_trying(False)
        self._hastened.clear()
        self._is_pausing = True
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(due_s):
                    await self._hastened.wait()
        finally:
            self._is_pausing = False

    def _obey(self, said: GoAway) -> None:
        pause_s = obeyed_s(said.reconnect_after_ms / 1000)
        self._tries.wait_for(pause_s, self._loop.time())
        words = said.reason[:MAX_LOGGED_CHARACTERS]
        _log.info("the other side is going away: %r; it is tried in %.1f s", words, pause_s)

    def _hasten(self, others_wait: bool) -> None:
        if self._is_pausing and self._tries.may_hasten(self._loop.time(), others_wait=others_wait):
            self._hastened.set()


def _words(error: DuologueError) -> str:
    return words_of(error)[:MAX_LOGGED_CHARACTERS]


def _ignore(_is_trying: bool) -> None:
    pass


def _ignore_words(_said: GoAway) -> None:
    pass
