"""Which subscribers have been told something that nobody else was, and may have lost it.

A lineage is one subscription over all its connections. Its number travels in the epoch of its
cursor, which the other side gives back as it came; so no key is needed to know it again.
"""

from collections import OrderedDict
from typing import Final

from duologue.limits import MAX_EVENT_LINEAGES

_MARK: Final = "."


class Lineages:
    """The newest event for each lineage alone. Invariant: what is not known counts as lost."""

    def __init__(self, epoch: str, *, max_remembered: int = MAX_EVENT_LINEAGES) -> None:
        """`epoch` is that of the events, and has no dot."""
        self._epoch = epoch
        self._max_remembered = max_remembered
        self._newest: OrderedDict[int, int] = OrderedDict()
        self._forgotten_seq = 0
        """The newest event of all lineages that are forgotten themselves."""
        self._last = 0

    def begin(self) -> int:
        """The number of another lineage."""
        self._last += 1
        return self._last

    def epoch_of(self, lineage: int) -> str:
        """What its cursors are given as their epoch."""
        return f"{self._epoch}{_MARK}{lineage}"

    def find(self, epoch: str) -> tuple[str, int | None]:
        """The events' epoch and the lineage in what came back; None for one never begun here."""
        own, _, number = epoch.partition(_MARK)
        if own != self._epoch or not (number.isascii() and number.isdecimal()) or len(number) > 15:
            return own, None
        lineage = int(number)
        return own, lineage if 0 < lineage <= self._last else None

    def note(self, lineage: int, seq: int) -> None:
        """An event for it alone has been sent, or would have been."""
        self._newest[lineage] = seq
        self._newest.move_to_end(lineage)
        if len(self._newest) > self._max_remembered:
            _, forgotten_seq = self._newest.popitem(last=False)
            self._forgotten_seq = max(self._forgotten_seq, forgotten_seq)

    def has_lost(self, lineage: int | None, seq: int) -> bool:
        """Whether there was one behind `seq`: it is kept nowhere."""
        if lineage is None:
            return False
        return self._newest.get(lineage, self._forgotten_seq) > seq

    def end(self, lineage: int) -> None:
        """It does not come back."""
        self._newest.pop(lineage, None)
