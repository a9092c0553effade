"""What peers of one endpoint are owed that take nothing at the moment."""

import asyncio
from functools import partial

from duologue.connection.base import Connection
from duologue.errors import LimitExceeded
from duologue.limits import Limits


class Debts:
    """Bounded for all of them together: above it, whoever is owed most is ended.

    What a peer is owed is counted at the moment in which its connection takes no more. What may
    come to that, such as answers that wait, has bounds of its own.
    """

    __slots__ = ("_is_ending", "_most_bytes", "_owed", "bytes")

    def __init__(self, limits: Limits) -> None:
        self.bytes = 0
        """Together."""
        self._most_bytes = limits.max_unsent_bytes_total
        self._owed: dict[Connection, int] = {}
        self._is_ending = False

    def watch(self, connection: Connection) -> None:
        """Count what it is owed from now on, whenever it takes no more."""
        connection.gate.on_turn = partial(self._note, connection)

    def _note(self, connection: Connection, is_shut: bool) -> None:
        self.bytes -= self._owed.pop(connection, 0)
        if not is_shut:
            return
        size_bytes = self._owed[connection] = connection.buffered_amount
        self.bytes += size_bytes
        if self.bytes > self._most_bytes and not self._is_ending:
            # Later: it may be in the middle of a write to the one that is to be ended.
            self._is_ending = True
            asyncio.get_running_loop().call_soon(self._end_some)

    def _end_some(self) -> None:
        self._is_ending = False
        while self.bytes > self._most_bytes:
            connection = max(self._owed, key=self._owed.__getitem__)
            reason = LimitExceeded("max_unsent_bytes_total", self._most_bytes, self.bytes)
            self._note(connection, is_shut=False)
            connection.terminate(str(reason))
