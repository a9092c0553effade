"""Items of a call, in both directions, without I/O (duologue profile 4).

Both directions end independently; the call itself ends with `data` or `error` only.
"""

from collections import deque
from collections.abc import Callable
from typing import Final, NamedTuple

import msgspec

from duologue.errors import BadFrame
from duologue.limits import MAX_SAFE_INTEGER, Limits
from duologue.protocol import codec
from duologue.protocol.counters import Counters
from duologue.protocol.credit import Allowance, Credit, Grants, WindowBudget
from duologue.protocol.late_messages import LateMessages
from duologue.protocol.messages import Refused
from duologue.protocol.parcels import Payload, size_of, split

ITEMS: Final = "items"
"""The feature, and the `type` of a message with some."""

ITEM_KINDS: Final = ("items", "items-end", "credit", "blocked")

MAX_LIST_ITEMS: Final = 256
MAX_LIST_BYTES: Final = 16_000
"""What one message holds at most, unless one item alone is larger: encrypted, it then is one frame,
and whoever else has something to say is not kept waiting."""


class Batch(NamedTuple):
    """What one message has brought."""

    data: Payload
    """A JSON list of items; or, with `is_bytes`, one item as it is."""
    items: int
    size: int
    """Bytes, as both sides count them for the window."""
    is_bytes: bool = False


_decode_list: Final = msgspec.json.Decoder(list[msgspec.Raw]).decode


def read_list(data: Payload | None) -> Batch:
    """The items in the `data` of a message.

    Raises:
        BadFrame: it is no list, or an empty one.
    """
    if data is None:
        raise BadFrame("`items` without a list")
    try:
        number = len(_decode_list(data if type(data) is bytes else split(data)[0]))
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise BadFrame("`items` whose `data` is no list") from None
    if not number:
        raise BadFrame("`items` with an empty list")
    return Batch(data, number, len(data) if type(data) is bytes else size_of(data))


def cut(batch: Batch, before: Credit) -> tuple[Batch, Batch | None]:
    """The items until `before` is reached in one or the other, one at least; and those behind.

    Items with parts stay together: which part belongs to which of them nobody knows here.
    """
    data = batch.data
    is_wanted = before.items >= batch.items and before.bytes >= batch.size
    if is_wanted or type(data) is not bytes:
        return batch, None
    texts = [bytes(each) for each in _decode_list(data)]
    number = size = 0
    while not number or (number < min(before.items, batch.items) and size < before.bytes):
        size += len(texts[number]) + 1
        number += 1
    if number == batch.items:
        return batch, None
    first, rest = (b"[%b]" % b",".join(each) for each in (texts[:number], texts[number:]))
    return Batch(first, number, size), Batch(rest, batch.items - number, batch.size - size)


class _Totals(msgspec.Struct):
    items: int | float
    bytes: int | float


_decode_totals: Final = msgspec.json.Decoder(_Totals).decode


def read_totals(text: str) -> Credit:
    """What a `credit` or `blocked` message says.

    Raises:
        BadFrame: its totals are no integers from 0 to 2^53-1.
    """
    try:
        totals = _decode_totals(text)
    except (msgspec.DecodeError, UnicodeEncodeError):
        raise BadFrame("totals that are no numbers") from None
    return Credit(_total(totals.items), _total(totals.bytes))


def _total(number: int | float) -> int:
    if not 0 <= number <= MAX_SAFE_INTEGER or number != int(number):
        raise BadFrame("a total must be an integer from 0 to 2^53-1")
    return int(number)


class IncomingItems:
    """The direction that comes: what has come and was not taken yet, within what was granted."""

    __slots__ = (
        "_grants",
        "_waiting",
        "failure",
        "has_begun",
        "has_ended",
        "is_closed",
        "on_change",
        "on_grant",
    )

    def __init__(self, budget: WindowBudget) -> None:
        self.has_begun = False
        """Whether an item has come."""
        self.has_ended = False
        """Whether the other side has said that no more will come."""
        self.is_closed = False
        """Whether nobody waits for more: what comes is dropped."""
        self.failure = ""
        """Why what came is no use; nothing behind it is taken."""
        self.on_change: Callable[[], None] = _ignore
        """Told when something has come that a reader may wait for."""
        self.on_grant: Callable[[Credit], None] = _ignore
        """Told what to grant when that has waited for another call."""
        self._grants = Grants(budget, self._on_turn)
        self._waiting: deque[Batch] = deque()

    def receive(self, batch: Batch) -> bool:
        """Items have come; returns whether they are taken.

        Raises:
            LimitExceeded: more than was granted; the connection should be closed.
        """
        if self.has_ended:
            return False
        # Also what nobody waits for: more was not granted.
        self._grants.take(batch.items, batch.size)
        if self.is_closed:
            return False
        self.has_begun = True
        self._waiting.append(batch)
        self.on_change()
        return True

    def end(self) -> bool:
        """No more will come; returns whether that is new."""
        if self.has_ended:
            return False
        self.has_ended = True
        if self.is_closed:
            return False
        self._grants.end()
        self.on_change()
        return True

    def break_off(self, why: str) -> None:
        """What came cannot be read."""
        if not self.failure:
            self.failure = why
            self.on_change()

    def take(self) -> Batch | None:
        """What has come first; None if there is nothing. `read` it when it has been used.

        Only as much as may be read before more is granted: a list that were read as a whole would
        make a slow reader look like one that has taken everything, and its window grow.
        """
        if not self._waiting:
            return None
        batch = self._waiting.popleft()
        if batch.items > 1 and not self.is_closed:
            batch, rest = cut(batch, self._grants.until_grant)
            if rest is not None:
                self._waiting.appendleft(rest)
        return batch

    def read(self, batch: Batch) -> Credit | None:
        """The reader has used it up, and comes for more; what to grant now, or None."""
        if self.is_closed:
            return None
        granted = self._grants.read(batch.items, batch.size)
        return None if self.has_ended else granted

    def ask(self, wanted: Credit) -> Credit | None:
        """The sender is held back; what to grant now, or None."""
        return None if self.is_closed else self._grants.ask(wanted)

    def _on_turn(self) -> None:
        granted = self._grants.retry()
        if granted is not None:
            self.on_grant(granted)

    @property
    def is_held_back(self) -> bool:
        """Whether the sender has said so, and could not be granted what it needs yet."""
        return self._grants.is_asked

    def finish(self) -> None:
        """The call is over: no more is taken, and what came stays for its reader."""
        self.is_closed = True
        self._grants.close()

    def close(self) -> None:
        """Nobody reads any more. May be called again."""
        self.finish()
        self._waiting.clear()


class OutgoingItems(Allowance):
    """The direction that leaves: what may be sent, and whether it is over."""

    __slots__ = ("has_ended", "on_change")

    def __init__(self) -> None:
        super().__init__()
        self.has_ended = False
        """Whether this side has said that no more will come."""
        self.on_change: Callable[[], None] = _ignore
        """Told when more may be sent."""

    @property
    def has_begun(self) -> bool:
        """Whether an item has left."""
        return self.sent_items > 0

    def grant(self, credit: Credit) -> bool:
        """As `Allowance.grant`, and tell of it."""
        is_more = super().grant(credit)
        if is_more:
            self.on_change()
        return is_more


class ItemsOfCall:
    """Both directions of one call. Without `takes_items` none may come: they are dropped."""

    __slots__ = ("incoming", "outgoing")

    def __init__(self, budget: WindowBudget, *, takes_items: bool) -> None:
        self.incoming = IncomingItems(budget)
        self.outgoing = OutgoingItems()
        if not takes_items:
            self.incoming.close()


class ItemCalls:
    """The calls of one side that have items, by request id; `is_own` says whose they are."""

    __slots__ = ("_budget", "_counters", "_is_own", "_late", "_limits", "calls")

    def __init__(
        self, limits: Limits, counters: Counters, late: LateMessages, *, is_own: bool
    ) -> None:
        self._counters = counters
        self._late = late
        self._is_own = is_own
        self._limits = limits
        self._budget: WindowBudget | None = None
        self.calls: dict[float, ItemsOfCall] = {}
        """To be asked, not to be changed. An id that came as `1.0` finds the call of 1."""

    def open(self, request_id: int, *, takes_items: bool) -> ItemsOfCall:
        """Let items travel for a call, until it is closed; the same again if they may already."""
        items = self.calls.get(request_id)
        if items is None:
            # Made late: most conversations have no items.
            if self._budget is None:
                self._budget = WindowBudget(
                    self._limits.max_stream_window_bytes, self._limits.max_message_bytes
                )
            items = self.calls[request_id] = ItemsOfCall(self._budget, takes_items=takes_items)
        return items

    def close(self, request_id: float) -> None:
        """The call is over."""
        items = self.calls.pop(request_id, None)
        if items is not None:
            items.incoming.finish()
            self._late.came = 0

    def close_all(self) -> None:
        """There are no calls any more."""
        for request_id in tuple(self.calls):
            self.close(request_id)

    def receive(
        self, request_id: int, kind: str, text: str, data: Payload | None
    ) -> Refused | None:
        """A message about the items of a call that is open, or was; what is to be said to it.

        Raises:
            BadFrame: it is unreadable.
            LimitExceeded: more came than was granted, or too much for calls that are over; the
                connection should be closed.
        """
        items = self.calls.get(request_id)
        if kind == ITEMS:
            self.receive_list(items, data)
        elif kind == "items-end":
            if items is None or items.incoming.has_ended:
                self._count_late()
            elif not items.incoming.end():
                self._counters.messages_dropped += 1
        else:
            totals = read_totals(text)
            if items is None:
                self._count_late()
            elif kind == "credit":
                items.outgoing.grant(totals)
            else:
                return self._reply(request_id, items.incoming.ask(totals))
        return None

    def receive_list(self, items: ItemsOfCall | None, data: Payload | None) -> None:
        """A list of items, of a call that is open, or was; raises as `receive`."""
        self._receive_batch(items, read_list(data))

    def break_off(self, request_id: int, why: str) -> None:
        """Items of a call have come that cannot be read."""
        items = self.calls.get(request_id)
        if items is None:
            self._count_late()
        else:
            items.incoming.break_off(why)

    def receive_bytes(self, request_id: int, item: bytes) -> None:
        """An item that is bytes; raises as `receive`."""
        batch = Batch(item, 1, len(item), is_bytes=True)
        self._receive_batch(self.calls.get(request_id), batch)

    def credit(self, request_id: int, totals: Credit) -> bytes:
        """The text that lets more come."""
        return codec.credit(request_id, totals, is_own=self._is_own)

    def _reply(self, request_id: int, granted: Credit | None) -> Refused | None:
        return None if granted is None else Refused(self.credit(request_id, granted))

    def _receive_batch(self, items: ItemsOfCall | None, batch: Batch) -> None:
        if items is None or items.incoming.has_ended:
            self._count_late()
        elif not items.incoming.receive(batch):
            self._counters.messages_dropped += 1

    def _count_late(self) -> None:
        self._counters.messages_dropped += 1
        self._late.count()


def _ignore(*_: object) -> None:
    pass
