"""One of several ways to the same peer: the first that leads there."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Final, Protocol

from duologue.connection.base import Connection
from duologue.endpoints.verdicts import Verdict, judge
from duologue.errors import DuologueError, RelayError
from duologue.protocol.wording import words_of

_log: Final = logging.getLogger("duologue")


class DialOne(Protocol):
    """Opens a connection by way of one relay."""

    async def __call__(self, relay: str, /, *, timeout_s: float) -> Connection:
        """Raises a `DuologueError` if it cannot."""
        ...


class OneOfSeveral:
    """Relays that lead to the same peer. The one that did last is asked first."""

    def __init__(self, relays: Sequence[str], dial_one: DialOne, *, timeout_s: float) -> None:
        """`timeout_s` is for one connection, whichever way: each relay has its share of what is
        left, so that one which does not answer leaves time for the others."""
        self._relays = list(relays)
        self._dial_one = dial_one
        self._timeout_s = timeout_s

    async def dial(self) -> Connection:
        """A connection by way of the first relay that has us joined.

        Raises:
            DuologueError: of what the relays said, the first that is not a lasting refusal; what
                the peer itself refuses is raised at once.
        """
        loop = asyncio.get_running_loop()
        due_s = loop.time() + self._timeout_s
        faults: list[DuologueError] = []
        for position, relay in enumerate(self._relays):
            share_s = (due_s - loop.time()) / (len(self._relays) - position)
            try:
                connection = await self._dial_one(relay, timeout_s=max(share_s, 0.0))
            except DuologueError as error:
                if judge(error) is Verdict.LASTING and not isinstance(error, RelayError):
                    raise
                faults.append(error)
                if position + 1 < len(self._relays):
                    _log.info("the next relay is asked, because %s", words_of(error))
            else:
                self._relays.insert(0, self._relays.pop(position))
                return connection
        raise min(faults, key=lambda fault: judge(fault) is not Verdict.NOT_NOW)
