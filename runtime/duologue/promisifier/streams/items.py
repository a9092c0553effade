"""Items of one call, for who reads them and who sends them (duologue profile 4).

Both ends know JSON and bytes only; what the items mean is for the typed layer.
"""

import asyncio
import contextlib
import math
from collections.abc import Callable, Sequence
from typing import Any, Final

from duologue.connection.base import Connection
from duologue.errors import Cancelled, ConnectionClosed, DeadlineExceeded
from duologue.protocol import codec
from duologue.protocol.counters import Counters
from duologue.protocol.credit import Credit
from duologue.protocol.items import (
    MAX_LIST_BYTES,
    MAX_LIST_ITEMS,
    Batch,
    IncomingItems,
    ItemCalls,
    OutgoingItems,
)
from duologue.protocol.parcels import Payload, split
from duologue.protocol.stream_kinds import binary_prefix, sender_prefix

ITEM_CHUNK_BYTES: Final = 65_528
"""What a file is cut into: with the id in front, one frame also where it is encrypted."""

_LIST_OVERHEAD_BYTES: Final = 2
_MESSAGE_OVERHEAD_BYTES: Final = 200
"""What stands around a list of items in its message is never longer."""


class ItemSource:
    """Items that come, a message at a time; one reader.

    What came before the end is read before the end is told, whatever that is.
    """

    def __init__(self, what: str, *, idle_timeout_s: float = math.inf) -> None:
        """`idle_timeout_s` is how long nothing may come while the reader waits."""
        self._what = what
        self._idle_timeout_s = idle_timeout_s
        self._incoming: IncomingItems | None = None
        self._grant: Callable[[Credit], None] = _ignore
        self._taken: Batch | None = None
        self._ended = False
        self._failure: BaseException | None = None
        self._waiter: asyncio.Future[None] | None = None
        self.on_begun: Callable[[], None] = _ignore
        """Told once, when the first item has come."""

    def bind(self, incoming: IncomingItems, grant: Callable[[Credit], None]) -> None:
        """Read from `incoming`; `grant` tells the other side that more may come."""
        self._incoming = incoming
        self._grant = grant
        incoming.on_change = self._on_change
        incoming.on_grant = grant
        if incoming.has_begun or incoming.has_ended:
            self._on_change()

    @property
    def has_begun(self) -> bool:
        """Whether an item has come."""
        return self._incoming is not None and self._incoming.has_begun

    async def take(self) -> Batch:
        """What came next.

        Raises:
            StopAsyncIteration: there are no more.
            DuologueError: why there are no more.
        """
        incoming = self._incoming
        if incoming is None:
            raise self._failure or StopAsyncIteration
        if self._taken is not None:
            # Only now has the reader used it up: it has come back.
            taken, self._taken = self._taken, None
            granted = incoming.read(taken)
            if granted is not None:
                self._grant(granted)
        while True:
            batch = incoming.take()
            if batch is not None:
                self._taken = batch
                return batch
            if self._failure is not None:
                raise self._failure
            if self._ended or incoming.has_ended:
                raise StopAsyncIteration
            await self._wait(incoming)

    def finish(self) -> None:
        """The call has its result: no more will come."""
        self._ended = True
        self._wake()

    def fail(self, failure: BaseException) -> None:
        """The call has failed: no more will come, and this is why."""
        if self._failure is None:
            self._failure = failure
        self._wake()

    def discard(self) -> None:
        """Let what still comes go, so that its sender comes to an end."""
        if self._incoming is not None:
            self._incoming.on_change = self._drain
            self._drain()

    def close(self) -> None:
        """Nobody reads any more. Who does all the same is told that something is missing."""
        incoming = self._incoming
        if incoming is not None:
            is_whole = (self._ended or incoming.has_ended) and incoming.take() is None
            if not is_whole:
                self.fail(Cancelled(f"the rest of {self._what} was dropped unread, here"))
            incoming.close()
        self.finish()

    def _drain(self) -> None:
        incoming = self._incoming
        while incoming is not None and (batch := self._taken or incoming.take()) is not None:
            self._taken = None
            granted = incoming.read(batch)
            if granted is not None:
                self._grant(granted)

    async def _wait(self, incoming: IncomingItems) -> None:
        if self._waiter is not None:
            raise RuntimeError(f"the items of {self._what} have one reader; two tasks read them")
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            if self._idle_timeout_s == math.inf:
                await self._waiter
            else:
                await self._wait_within(incoming, self._waiter)
        finally:
            self._waiter = None

    async def _wait_within(self, incoming: IncomingItems, waiter: asyncio.Future[None]) -> None:
        while not waiter.done():
            done, _ = await asyncio.wait([waiter], timeout=self._idle_timeout_s)
            # What holds the sender back is ours: no silence of its.
            if not done and not incoming.is_held_back:
                raise DeadlineExceeded(
                    f"no item of {self._what} came within {self._idle_timeout_s:g} s"
                )

    def _on_change(self) -> None:
        on_begun, self.on_begun = self.on_begun, _ignore
        on_begun()
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class ItemSink:
    """Items that leave, no faster than the other side lets them come.

    What one turn of the loop produces leaves in one message. One writer.
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._loop = asyncio.get_running_loop()
        self._outgoing: OutgoingItems | None = None
        self._connection: Connection | None = None
        self._counters = Counters()
        self._request_id = 0
        self._is_own = False
        self._prefix = b""
        self._pending: list[bytes] = []
        self._pending_bytes = 0
        self._max_list_bytes = MAX_LIST_BYTES
        self._flush_is_due = False
        self._is_over = False
        self._failure: BaseException | None = None
        self._waiter: asyncio.Future[None] | None = None
        self.on_begun: Callable[[], None] = _ignore
        """Told once, when the first item has left."""

    def bind(
        self,
        outgoing: OutgoingItems,
        connection: Connection,
        counters: Counters,
        request_id: int,
        *,
        is_own: bool,
    ) -> None:
        """Send over `connection` from now on; `is_own` says that this side has made the call."""
        self._outgoing = outgoing
        self._connection = connection
        self._counters = counters
        self._request_id = request_id
        self._is_own = is_own
        self._prefix = sender_prefix(request_id) if is_own else binary_prefix(request_id)
        self._max_list_bytes = min(
            MAX_LIST_BYTES, connection.max_send_bytes - _MESSAGE_OVERHEAD_BYTES
        )
        outgoing.on_change = self._wake
        self._wake()

    @property
    def has_begun(self) -> bool:
        """Whether an item has been taken."""
        return bool(self._pending) or (self._outgoing is not None and self._outgoing.has_begun)

    async def send(self, item: Payload) -> None:
        """Send one item, JSON; returns when it has been taken.

        Once the call has its result, items are of no use any more and go nowhere.

        Raises:
            LimitExceeded: it is larger than a message may be; that item alone was not taken.
            DuologueError: the call has failed, and this is why.
        """
        if type(item) is not bytes:
            await self._send_alone(item)
            return
        size = len(item) + 1
        if self._pending and not self._fits(size):
            self.flush()
        if not self._may_send(len(self._pending) + 1, self._pending_bytes + size + 1):
            if self._is_over:
                await asyncio.sleep(0)
                return
            await self._wait_for_credit(size + 1)
        if size > self._max_list_bytes:
            self._check_size(size)
        self._pending.append(item)
        self._pending_bytes += size
        if not self._flush_is_due:
            self._loop.call_soon(self._flush_soon)
            self._flush_is_due = True
        if self._connection is not None and self._connection.gate.is_shut:
            self.flush()
            await self._connection.gate.wait()

    async def send_bytes(self, item: bytes) -> None:
        """Send one item that is bytes; as `send`."""
        if not self._may_send(1, len(item)):
            if self._is_over:
                await asyncio.sleep(0)
                return
            await self._wait_for_credit(len(item))
        connection, outgoing = self._connection, self._outgoing
        if connection is None or outgoing is None:
            return
        message = self._prefix + item
        connection.send(message)
        outgoing.take(1, len(item))
        self._counters.bytes_sent += len(message)
        self._note_begun()
        if connection.gate.is_shut:
            await connection.gate.wait()

    def flush(self) -> None:
        """Send what is pending now, in one message. Without a connection it goes nowhere."""
        if not self._pending or self._is_over:
            return
        items, self._pending = self._pending, []
        self._pending_bytes = 0
        # Whoever lost the connection fails the call, and that fails the next `send`.
        with contextlib.suppress(ConnectionClosed):
            self._send_list(b"[%b]" % b",".join(items), len(items), ())

    def end(self) -> None:
        """There are no more items: what is pending leaves, and nothing after it."""
        self.flush()
        outgoing, connection = self._outgoing, self._connection
        if outgoing is None or connection is None or outgoing.has_ended or self._is_over:
            return
        outgoing.has_ended = True
        if self._is_own:
            self._say(codec.items_end(self._request_id))

    def finish(self, failure: BaseException | None = None) -> None:
        """The call is over; with a failure, `send` raises it from now on."""
        if failure is None:
            self.flush()
        self._is_over = True
        self._failure = failure
        self._pending.clear()
        self._wake()

    # -- inside ---------------------------------------------------------------------------------

    def _flush_soon(self) -> None:
        self._flush_is_due = False
        self.flush()

    def _fits(self, size: int) -> bool:
        return (
            len(self._pending) < MAX_LIST_ITEMS
            and self._pending_bytes + size <= self._max_list_bytes
        )

    def _may_send(self, items: int, size: int) -> bool:
        if self._failure is not None:
            raise self._failure
        return (
            not self._is_over
            and self._outgoing is not None
            and self._outgoing.may_send(items, size)
        )

    async def _wait_for_credit(self, size: int) -> None:
        """Until an item of `size` bytes, alone in its message, may leave."""
        self.flush()
        while not self._may_send(1, size) and not self._is_over:
            outgoing = self._outgoing
            wanted = None if outgoing is None else outgoing.ask(size)
            if wanted is not None:
                self._say(codec.blocked(self._request_id, wanted, is_own=self._is_own))
            if self._waiter is not None:
                raise RuntimeError(f"the items of {self._what} have one sender; two tasks send")
            self._waiter = self._loop.create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None

    async def _send_alone(self, item: Payload) -> None:
        """An item with parts beside it is a message of its own: its parts are numbered in it."""
        text, parts = split(item)
        size = len(text) + _LIST_OVERHEAD_BYTES + sum(map(len, parts))
        self.flush()
        if not self._may_send(1, size):
            await self._wait_for_credit(size)
        self._check_size(size)
        self._send_list(b"[%b]" % text, 1, parts)

    def _check_size(self, size: int) -> None:
        connection = self._connection
        size += _MESSAGE_OVERHEAD_BYTES
        if connection is not None and size > connection.max_send_bytes:
            raise connection.too_large(size)

    def _send_list(self, data: bytes, number: int, parts: Sequence[bytes]) -> None:
        connection, outgoing = self._connection, self._outgoing
        if connection is None or outgoing is None:
            return
        text = codec.items(self._request_id, data, parts, is_own=self._is_own)
        connection.send_utf8(text)
        for part in parts:
            connection.send(part)
        size = len(data) + sum(map(len, parts))
        outgoing.take(number, size)
        self._counters.bytes_sent += len(text) + size - len(data)
        self._note_begun()

    def _say(self, text: bytes) -> None:
        if self._connection is not None:
            self._connection.send_utf8(text)
            self._counters.bytes_sent += len(text)

    def _note_begun(self) -> None:
        on_begun, self.on_begun = self.on_begun, _ignore
        on_begun()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


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


def _ignore(*_: object) -> None:
    pass
