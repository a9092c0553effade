"""How much is read from a connection at once, and when it has to rest: others want a turn too."""

from typing import Final

from duologue.connection.websocket.wire import Wire
from duologue.limits import MAX_MESSAGES_AT_ONCE, MAX_SHORT_FRAGMENTS_PER_S

FIRST_READ_BYTES: Final = 4096
"""Read at a time from who is new."""

FEWEST_READ_BYTES: Final = 1024
"""However small the messages are."""

SHORTEST_REST_S: Final = 0.005
"""Shorter ones add up before one is taken; its timer costs more than a fragment does."""


class ReadingPace:
    """What one connection may have read, by what it has sent.

    What a turn of the loop costs is a matter of frames, not of bytes.
    """

    __slots__ = ("_debt_s", "_most_bytes", "_pieces", "_settled_s", "_short_pieces", "window_bytes")

    def __init__(self, now_s: float, most_bytes: int) -> None:
        """No more than `most_bytes` are ever read at once."""
        self._most_bytes = most_bytes
        self.window_bytes = FIRST_READ_BYTES
        self._pieces = 0
        self._short_pieces = 0
        self._debt_s = 0.0
        """What the short fragments so far should have taken, and did not."""
        self._settled_s = now_s

    def fit(self, wire: Wire, messages: int) -> bool:
        """A read was full, and so many messages were in it. Whether another size fits better."""
        frames = messages + wire.pieces - self._pieces
        self._pieces = wire.pieces
        fitting = max(FEWEST_READ_BYTES, self.window_bytes * MAX_MESSAGES_AT_ONCE // (frames or 1))
        # It grows by doubling at least: messages of one size would change it all the time.
        if self.window_bytes <= fitting < 2 * self.window_bytes:
            return False
        self.window_bytes = min(fitting, self._most_bytes)
        return True

    def rest_due_s(self, wire: Wire, now_s: float) -> float:
        """Count the short fragments since the last time; how long to read nothing, or 0."""
        new = wire.short_pieces - self._short_pieces
        self._short_pieces = wire.short_pieces
        unpaid_s = max(0.0, self._debt_s - (now_s - self._settled_s))
        self._debt_s = unpaid_s + new / MAX_SHORT_FRAGMENTS_PER_S
        self._settled_s = now_s
        return self._debt_s if self._debt_s >= SHORTEST_REST_S else 0.0
