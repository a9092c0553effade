"""Messages about what is over: they may have crossed its end on the way, but not for ever."""

from duologue.errors import LimitExceeded
from duologue.limits import MAX_LATE_MESSAGES


class LateMessages:
    """How many have come since this side last ended something that the other side sends to."""

    __slots__ = ("came",)

    def __init__(self) -> None:
        self.came = 0
        """To be set to 0 when this side ends something: what is on its way to it will be late."""

    def count(self) -> None:
        """One has come.

        Raises:
            LimitExceeded: more than can have been on their way; the connection should be closed.
        """
        self.came += 1
        if self.came > MAX_LATE_MESSAGES:
            raise LimitExceeded("MAX_LATE_MESSAGES", MAX_LATE_MESSAGES, self.came)
