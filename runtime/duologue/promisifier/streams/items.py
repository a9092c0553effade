"""The items of one call, bound to it: of calls that this side makes, and of those it serves.

Both ends know JSON and bytes only; what the items mean is for the typed layer.
"""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

from duologue.connection.base import Connection
from duologue.errors import Cancelled, ConnectionClosed
from duologue.promisifier.streams.item_sink import ItemSink
from duologue.promisifier.streams.item_source import ItemSource
from duologue.protocol.counters import Counters
from duologue.protocol.credit import Credit
from duologue.protocol.items import ItemCalls


class OwnItems:
    """The items of one call that this side makes: bound to a connection when the call leaves."""

    def __init__(self, what: str, source: ItemSource | None, sink: ItemSink | None) -> None:
        """None: none come, or none leave."""
        self._what = what
        self.source = source
        self.sink = sink
        self._calls: ItemCalls | None = None
        self._request_id = 0

    @property
    def has_begun(self) -> bool:
        """Whether items have travelled: then the call cannot be made once more."""
        return (self.source is not None and self.source.has_begun) or (
            self.sink is not None and self.sink.has_begun
        )

    def bind(
        self, calls: ItemCalls, connection: Connection, counters: Counters, request_id: int
    ) -> None:
        """The request is about to leave under this id."""
        self._calls = calls
        self._request_id = request_id
        items = calls.open(request_id, takes_items=self.source is not None)
        if self.source is not None:
            self.source.bind(items.incoming, granter(calls, connection, counters, request_id))
        if self.sink is not None:
            self.sink.bind(items.outgoing, connection, counters, request_id, is_own=True)

    def unbind(self) -> None:
        """The call leaves later, over another connection. Until then no item of it does."""
        if self.sink is not None:
            self.sink.unbind()

    def note_settled(self, call: "asyncio.Future[Any]") -> None:
        """The call is over, one way or another: so are its items."""
        failure: BaseException | None
        if call.cancelled():
            failure = Cancelled(f"{self._what} was cancelled here")
        else:
            failure = call.exception()
        if self.source is not None:
            if failure is None:
                self.source.finish()
            else:
                self.source.fail(failure)
        if self.sink is not None:
            self.sink.finish(failure)
        if self._calls is not None:
            self._calls.close(self._request_id)


class ItemDesk:
    """Opens the items of calls that this side serves, over one connection."""

    def __init__(self, calls: ItemCalls, connection: Connection, counters: Counters) -> None:
        self._calls = calls
        self._connection = connection
        self._counters = counters

    def open(self, request_id: int, source: ItemSource | None, sink: ItemSink | None) -> None:
        """Let a handler read from `source` and write to `sink`; None: none come, or none leave."""
        items = self._calls.open(request_id, takes_items=source is not None)
        connection, counters = self._connection, self._counters
        if source is None:
            items.incoming.close()
        else:
            source.bind(items.incoming, granter(self._calls, connection, counters, request_id))
        if sink is not None:
            sink.bind(items.outgoing, connection, counters, request_id, is_own=False)


def granter(
    calls: ItemCalls, connection: Connection, counters: Counters, request_id: int
) -> Callable[[Credit], None]:
    """What tells the other side that more items of a call may come."""

    def grant(totals: Credit) -> None:
        text = calls.credit(request_id, totals)
        with contextlib.suppress(ConnectionClosed):
            connection.send_utf8(text)
            counters.bytes_sent += len(text)

    return grant
