"""Items of one call, for who sends them (duologue profile 4)."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import Final

from duologue.connection.base import Connection
from duologue.errors import ConnectionClosed
from duologue.protocol import codec
from duologue.protocol.counters import Counters
from duologue.protocol.items import MAX_LIST_BYTES, MAX_LIST_ITEMS, OutgoingItems
from duologue.protocol.parcels import Payload, split
from duologue.protocol.stream_kinds import binary_prefix, sender_prefix

ITEM_CHUNK_BYTES: Final = 65_528
"""What a file is cut into: with the id in front, one frame also where it is encrypted."""

_LIST_OVERHEAD_BYTES: Final = 2
_MESSAGE_OVERHEAD_BYTES: Final = 200
"""What stands around a list of items in its message is never longer."""


class ItemSink:
    """Items that leave, no faster than the other side lets them come.

    The first item of an idle turn of the loop leaves at once, what else the turn brings in one
    message. One writer.
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._loop = asyncio.get_running_loop()
        self._outgoing: OutgoingItems | None = None
        self._connection: Connection | None = None
        self._counters = Counters()
        self._request_id = 0
        self._is_own = False
        self._prefix = self._head = b""
        self._pending: list[bytes] = []
        """The items of the next message, which leaves at the end of this turn."""
        self._room_items = self._room_bytes = 0
        """What still fits into that message, and may leave; 0 if none is begun."""
        self._max_list_bytes = MAX_LIST_BYTES
        self._turn_is_watched = self._has_flushed = False
        self._has_ended = False
        self._is_over = False
        self._failure: BaseException | None = None
        self._waiter: asyncio.Future[None] | None = None
        self.on_begun: Callable[[], None] | None = None
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
        self._head = codec.items_head(request_id, is_own=is_own)
        self._max_list_bytes = min(
            MAX_LIST_BYTES, connection.max_send_bytes - _MESSAGE_OVERHEAD_BYTES
        )
        outgoing.on_change = self._wake
        self._wake()
        if self._has_ended:
            # While the call waited in line; its request leaves first.
            self._loop.call_soon(self.end)

    def unbind(self) -> None:
        """Take no item until `bind`: it would go where the call is not any more."""
        self._outgoing = self._connection = None
        self._room_items = 0

    @property
    def has_begun(self) -> bool:
        """Whether an item has been taken."""
        return bool(self._pending) or (self._outgoing is not None and self._outgoing.has_begun)

    def put(self, item: bytes) -> bool:
        """Let one item, JSON, leave now or with those of this turn of the loop; False: `send` it.

        Most items come this way.
        """
        size = len(item) + 1
        if size > self._room_bytes or not self._room_items:
            return self._begin_message(item)
        self._room_bytes -= size
        self._room_items -= 1
        self._pending.append(item)
        return True

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
        size = len(item) + _LIST_OVERHEAD_BYTES
        while not self.put(item):
            if self._pending:
                # The message is full. Whoever else has something to do comes first: an item that
                # is always ready must not keep the loop to itself.
                self.flush()
                await asyncio.sleep(0)
            elif not self._may_send(1, size):
                if self._is_over:
                    await asyncio.sleep(0)
                    return
                await self._wait_for_credit(size)
            elif self._connection is not None and self._connection.gate.is_shut:
                await self._connection.gate.wait()
            else:
                self._check_size(size)
                self._send_list(item, 1)
                return

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
        try:
            connection.send(message)
        except ConnectionClosed:
            # See `_send_list`. That this item was not sent says nothing of the call.
            return
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
        self._room_items = 0
        self._has_flushed = True
        self._send_list(b",".join(items), len(items))

    def end(self) -> None:
        """There are no more items: what is pending leaves, and nothing after it."""
        self._has_ended = True
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
        self._room_items = 0
        self._wake()

    # -- inside ---------------------------------------------------------------------------------

    def _begin_message(self, item: bytes) -> bool:
        """With an item, if nothing is in its way. In an idle turn it does not wait for others."""
        outgoing, connection = self._outgoing, self._connection
        size = len(item) + _LIST_OVERHEAD_BYTES
        if (
            outgoing is None
            or connection is None
            or self._pending
            or self._is_over
            or self._has_ended
            or size > self._max_list_bytes
            or not outgoing.may_send(1, size)
            or connection.gate.is_shut
        ):
            return False
        if not self._turn_is_watched:
            self._loop.call_soon(self._end_turn)
            self._turn_is_watched = True
            self._send_list(item, 1)
            return True
        self._pending.append(item)
        left_items, left_bytes = outgoing.left
        self._room_items = min(left_items, MAX_LIST_ITEMS) - 1
        self._room_bytes = min(left_bytes, self._max_list_bytes) - size
        return True

    def _end_turn(self) -> None:
        self.flush()
        if self._has_flushed:
            # Whoever sends without a pause goes on in the next turn: that is no idle one.
            self._has_flushed = False
            self._loop.call_soon(self._end_turn)
        else:
            self._turn_is_watched = False

    def _may_send(self, items: int, size: int) -> bool:
        if self._failure is not None:
            raise self._failure
        if self._has_ended and not self._is_over:
            raise self._too_late()
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
        if self._connection is not None and self._connection.gate.is_shut:
            await self._connection.gate.wait()
        self._send_list(text, 1, parts)

    def _too_late(self) -> RuntimeError:
        if not self._is_own:
            return RuntimeError(f"the items of {self._what} have ended: its method has returned")
        return RuntimeError(
            f"the items of {self._what} have ended: send before `end`, `result` and the end of "
            "another `send_all`"
        )

    def _check_size(self, size: int) -> None:
        connection = self._connection
        size += _MESSAGE_OVERHEAD_BYTES
        if connection is not None and size > connection.max_send_bytes:
            raise connection.too_large(size)

    def _send_list(self, items: bytes, number: int, parts: Sequence[bytes] = ()) -> None:
        """Send so many `items`, JSON with commas between, in one message."""
        connection, outgoing = self._connection, self._outgoing
        if connection is None or outgoing is None:
            return
        text = codec.items(self._head, items, parts)
        size = len(items) + _LIST_OVERHEAD_BYTES
        self._counters.bytes_sent += len(text)
        try:
            connection.send_utf8(text)
            for part in parts:
                connection.send(part)
                size += len(part)
                self._counters.bytes_sent += len(part)
        except ConnectionClosed:
            # Whoever lost the connection fails the call, and that fails the next `send`.
            return
        outgoing.take(number, size)
        if self.on_begun is not None:
            self._note_begun()

    def _say(self, text: bytes) -> None:
        if self._connection is None:
            return
        # What was not sent is no word about the call, which fails when its connection is closed.
        with contextlib.suppress(ConnectionClosed):
            self._connection.send_utf8(text)
            self._counters.bytes_sent += len(text)

    def _note_begun(self) -> None:
        on_begun, self.on_begun = self.on_begun, None
        if on_begun is not None:
            on_begun()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
