"""How much may be sent of a stream of items, and how much is let come (duologue profile 4).

Each direction of a call has a window, in items and in bytes, both as totals that only grow. Whoever
sends keeps an `Allowance`, whoever receives keeps `Grants`, and the windows of many calls share a
`WindowBudget`. No clock is needed: a window grows where the line is slow, not the reader.
"""

from collections import deque
from collections.abc import Callable
from typing import Final, NamedTuple

from duologue.errors import LimitExceeded
from duologue.limits import MAX_SAFE_INTEGER

FIRST_WINDOW_ITEMS: Final = 64
FIRST_WINDOW_BYTES: Final = 8_192
MAX_WINDOW_ITEMS: Final = 16_384
MAX_WINDOW_BYTES: Final = 1_048_576


class Credit(NamedTuple):
    """Totals since the call began."""

    items: int
    bytes: int


class Allowance:
    """What may be sent. Invariant: no more items and bytes are out than were granted."""

    __slots__ = ("_asked_for", "granted_bytes", "granted_items", "sent_bytes", "sent_items")

    def __init__(self) -> None:
        self.granted_items = FIRST_WINDOW_ITEMS
        self.granted_bytes = FIRST_WINDOW_BYTES
        self.sent_items = 0
        self.sent_bytes = 0
        self._asked_for: tuple[int, int] | None = None
        """What was granted when more was last asked for: once for each grant."""

    def may_send(self, items: int, size: int) -> bool:
        """Whether so many items, of `size` bytes together, may leave now."""
        return (
            self.sent_items + items <= self.granted_items
            and self.sent_bytes + size <= self.granted_bytes
        )

    @property
    def left(self) -> Credit:
        """How much may leave now."""
        return Credit(self.granted_items - self.sent_items, self.granted_bytes - self.sent_bytes)

    def take(self, items: int, size: int) -> None:
        """They leave; `may_send` has said that they may."""
        self.sent_items += items
        self.sent_bytes += size

    def grant(self, credit: Credit) -> bool:
        """The other side lets more come; returns whether it is more. Less changes nothing."""
        is_more = credit.items > self.granted_items or credit.bytes > self.granted_bytes
        self.granted_items = max(self.granted_items, credit.items)
        self.granted_bytes = max(self.granted_bytes, credit.bytes)
        return is_more

    def ask(self, size: int) -> Credit | None:
        """An item of `size` bytes is ready and may not leave: the totals that it needs.

        None if they were asked for, and nothing has been granted since.
        """
        granted = (self.granted_items, self.granted_bytes)
        if self._asked_for == granted:
            return None
        self._asked_for = granted
        return Credit(self.sent_items + 1, self.sent_bytes + size)


class WindowBudget:
    """What the windows of many calls may hold together, in bytes.

    First windows are always had; growing, and single items that are larger than a window may be,
    need room here. Of those one at a time is let in.
    """

    def __init__(self, max_bytes: int, max_item_bytes: int) -> None:
        """No item is larger than `max_item_bytes`, whatever its sender asks for."""
        self._max_bytes = max_bytes
        self.max_item_bytes = max_item_bytes
        self._held_bytes = 0
        self.large: Grants | None = None
        """Whose item, larger than its window, is let in; to be asked, not to be changed."""
        self._waiting: deque[Grants] = deque()

    @property
    def held_bytes(self) -> int:
        """What the windows hold together."""
        return self._held_bytes

    def hold(self, size: int) -> None:
        """A first window is opened."""
        self._held_bytes += size

    def may_grow(self, size: int) -> bool:
        """Hold so much more, if there is room for it."""
        if self._held_bytes + size > self._max_bytes:
            return False
        self._held_bytes += size
        return True

    @property
    def is_exhausted(self) -> bool:
        """Whether no first window would have room: those that have grown are to shrink."""
        return self._held_bytes + FIRST_WINDOW_BYTES > self._max_bytes

    def give_back(self, size: int) -> None:
        """A window is closed, or has shrunk."""
        self._held_bytes -= size

    def let_in_large(self, grants: "Grants") -> bool:
        """Whether an item that is larger than its window may come now; else it is told later."""
        if self.large is None:
            self.large = grants
        elif self.large is not grants and grants not in self._waiting:
            self._waiting.append(grants)
        return self.large is grants

    def large_is_in(self, grants: "Grants") -> None:
        """It has been read, or never will be: the next may come."""
        if self.large is grants:
            self.large = None
            while self._waiting and self.large is None:
                self._waiting.popleft().on_turn()


class Grants:
    """What is let come. Invariant: what has come and was not read fits the window.

    The window doubles when the reader has taken all that came and the sender has said since the
    last doubling that it was held back; else it is opened anew when half of it has been read.
    """

    __slots__ = (
        "_asked",
        "_budget",
        "_came_bytes",
        "_came_items",
        "_granted_bytes",
        "_granted_items",
        "_is_closed",
        "_read_bytes",
        "_read_items",
        "_window_bytes",
        "_window_items",
        "on_turn",
    )

    def __init__(self, budget: WindowBudget, on_turn: Callable[[], None]) -> None:
        """`on_turn` is told when an item that had to wait for another call's may come: `retry`."""
        self.on_turn = on_turn
        self._budget = budget
        self._granted_items = self._window_items = FIRST_WINDOW_ITEMS
        self._granted_bytes = self._window_bytes = FIRST_WINDOW_BYTES
        self._came_items = self._came_bytes = 0
        self._read_items = self._read_bytes = 0
        self._asked: Credit | None = None
        self._is_closed = False
        budget.hold(FIRST_WINDOW_BYTES)

    @property
    def window(self) -> Credit:
        """How much may be unread at once."""
        return Credit(self._window_items, self._window_bytes)

    @property
    def is_read(self) -> bool:
        """Whether all that came has been read."""
        return self._read_items == self._came_items

    @property
    def is_asked(self) -> bool:
        """Whether the sender is held back, and was not granted what it needs yet."""
        return self._asked is not None

    def take(self, items: int, size: int) -> None:
        """So many items have come, of `size` bytes together.

        Raises:
            LimitExceeded: more than was granted.
        """
        self._came_items += items
        self._came_bytes += size
        if self._came_items > self._granted_items:
            raise LimitExceeded("granted items", self._granted_items, self._came_items)
        if self._came_bytes > self._granted_bytes:
            raise LimitExceeded("granted bytes", self._granted_bytes, self._came_bytes)

    def ask(self, wanted: Credit) -> Credit | None:
        """The sender is held back and would need these totals; what to grant, or None for now."""
        if wanted.items > MAX_SAFE_INTEGER or wanted.bytes > MAX_SAFE_INTEGER:
            return None
        self._asked = wanted
        return self._open_anew() if self.is_read else None

    def retry(self) -> Credit | None:
        """What to grant an item that had to wait for another call's; None if it waits no more."""
        if self._is_closed or self._asked is None or not self.is_read:
            return None
        return self._answer(self._asked)

    @property
    def until_grant(self) -> Credit:
        """How much is to be read until more is granted: half of the window, of one or the other."""
        return Credit(
            self._granted_items - self._read_items - self._window_items // 2,
            self._granted_bytes - self._read_bytes - self._window_bytes // 2,
        )

    def read(self, items: int, size: int) -> Credit | None:
        """The reader has taken so many items; what to grant now, or None."""
        self._read_items += items
        self._read_bytes += size
        if self._read_items == self._came_items:
            if self._budget.large is self:
                self._budget.large_is_in(self)
            if self._asked is not None:
                return self._open_anew()
        left_items = self._granted_items - self._read_items
        left_bytes = self._granted_bytes - self._read_bytes
        if left_items * 2 <= self._window_items or left_bytes * 2 <= self._window_bytes:
            self._shrink_if_needed()
            return self._grant(0)
        return None

    def end(self) -> None:
        """Nothing more will come: what was let in for it may be had by others."""
        self._asked = None
        if self.is_read:
            self._budget.large_is_in(self)

    def close(self) -> None:
        """Nothing more is let come: the window is given back. May be called again."""
        if not self._is_closed:
            self._is_closed = True
            self._budget.large_is_in(self)
            self._budget.give_back(self._window_bytes)

    def _open_anew(self) -> Credit | None:
        """The reader has everything, and the sender was held back: it is the line that is slow."""
        asked = self._asked
        assert asked is not None
        self._double()
        return self._answer(asked)

    def _answer(self, asked: Credit) -> Credit | None:
        # In items the window is enough: the reader has taken all, and one more is ready.
        self._asked = None
        need_bytes = min(asked.bytes - self._read_bytes, self._budget.max_item_bytes)
        if need_bytes > self._window_bytes and not self._budget.let_in_large(self):
            self._asked = asked
            need_bytes = 0
        return self._grant(need_bytes)

    def _double(self) -> None:
        more = min(self._window_bytes * 2, MAX_WINDOW_BYTES) - self._window_bytes
        # Both or none: items take memory as well, even if they are empty.
        if self._budget.may_grow(more):
            self._window_bytes += more
            self._window_items = min(self._window_items * 2, MAX_WINDOW_ITEMS)

    def _shrink_if_needed(self) -> None:
        if self._budget.is_exhausted and self._window_bytes > FIRST_WINDOW_BYTES:
            self._budget.give_back(self._window_bytes - FIRST_WINDOW_BYTES)
            self._window_items = FIRST_WINDOW_ITEMS
            self._window_bytes = FIRST_WINDOW_BYTES

    def _grant(self, least_bytes: int) -> Credit | None:
        items = self._read_items + self._window_items
        size = self._read_bytes + max(self._window_bytes, least_bytes)
        if items <= self._granted_items and size <= self._granted_bytes:
            return None
        self._granted_items = max(self._granted_items, items)
        self._granted_bytes = max(self._granted_bytes, size)
        return Credit(self._granted_items, self._granted_bytes)
