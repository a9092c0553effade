"""Messages about what is over: they may have crossed its end on the way, but not for ever."""

from duologue.errors import LimitExceeded
from duologue.limits import MAX_LATE_MESSAGES


class LateMessages:
    """How many have come since this side last ended something that the other side sends to."""

    __slots__ = ("_came",)

    def __init__(self) -> None:
        self._came = 0

    def renew(self) -> None:
        """This side ends something now: what is on its way to it will be late."""
        self._came = 0

    def count(self) -> None:
        """One has come.

        Raises:
            LimitExceeded: more than can have been on their way; the connection should be closed.
        """
        self._came += 1
        if self._came > MAX_LATE_MESSAGES:
            raise LimitExceeded("MAX_LATE_MESSAGES", MAX_LATE_MESSAGES, self._came)
