"""What peers of one endpoint are owed that take nothing at the moment."""

import asyncio
from collections import Counter
from collections.abc import Hashable
from functools import partial

from duologue.connection.base import Connection
from duologue.errors import LimitExceeded
from duologue.limits import Limits


class Debts:
    """Ends connections while all of an endpoint have more unsent than `max_unsent_bytes_total`.

    Of the key, or without one the address, that has most unsent it ends the connection with most,
    and never the only one that is counted. Counted are connections that take no more at present;
    they are told of as that begins and ends, so that a message costs nothing.
    """

    def __init__(self, limits: Limits) -> None:
        self.bytes = 0
        """What is unsent; more than it really is, until that would be too much."""
        self._max_bytes = limits.max_unsent_bytes_total
        self._sizes: dict[Connection, int] = {}
        self._is_relieving = False

    def watch(self, connection: Connection) -> None:
        """Count a connection from now on."""
        connection.gate.on_unsent = partial(self._note, connection)

    def forget(self, connection: Connection) -> None:
        """It has ended, or is no longer ours."""
        connection.gate.on_unsent = None
        self._note(connection, 0)

    def _note(self, connection: Connection, size_bytes: int) -> None:
        self.bytes += size_bytes - self._sizes.pop(connection, 0)
        if size_bytes:
            self._sizes[connection] = size_bytes
            # Ending one may have others send: whoever began to relieve sees to those, too.
            if self.bytes > self._max_bytes and not self._is_relieving:
                self._is_relieving = True
                try:
                    self._relieve(connection)
                finally:
                    self._is_relieving = False

    def _relieve(self, writing: Connection) -> None:
        """End connections at once, as one turn of the loop may write to all of them.

        But not in the midst of the one that is `writing`: its transport is not done with that.
        """
        for each in self._sizes:
            if each is not writing:
                self._sizes[each] = each.buffered_amount
        self.bytes = sum(self._sizes.values())
        while self.bytes > self._max_bytes and len(self._sizes) > 1:
            failure = LimitExceeded("max_unsent_bytes_total", self._max_bytes, self.bytes)
            loser = self._loser()
            self.bytes -= self._sizes.pop(loser)
            if loser is writing:
                asyncio.get_running_loop().call_soon(_end, loser, failure)
            else:
                _end(loser, failure)

    def _loser(self) -> Connection:
        of_each: Counter[Hashable] = Counter()
        for connection, size_bytes in self._sizes.items():
            of_each[_who(connection)] += size_bytes
        most = max(of_each, key=of_each.__getitem__)
        return max(
            (each for each in self._sizes if _who(each) == most), key=self._sizes.__getitem__
        )


def _who(connection: Connection) -> Hashable:
    return connection.claimed_key or connection.address_group or connection


def _end(connection: Connection, failure: LimitExceeded) -> None:
    if connection.failure is None:
        connection.failure = failure
    connection.terminate(str(failure))
