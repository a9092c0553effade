"""How many questions on the bus a node looks at. Pure: time is an argument.

A node that asks too much loses its own questions first, and what it has lost is not counted against
the others.
"""

from typing import Final

from duologue.relay.cluster_limits import ClusterLimits
from duologue.relay.rates import Rate

MOST_ASKERS: Final = 1_024
"""Nodes whose questions are counted one by one; those that were silent long enough make room."""


class QuestionRates:
    """Those of each asking node, and those of all together."""

    def __init__(self, limits: ClusterLimits) -> None:
        one, everyone = limits.answers_per_s_per_node, limits.answers_per_s
        self._of_one: Rate[str] = Rate(one, one, max_keys=MOST_ASKERS)
        self._of_all: Rate[None] = Rate(everyone, everyone)

    def exceeded(self, asker: str, now_s: float) -> str | None:
        """Count one question; the limit that forbids to look at it, or None.

        What is refused to one asker is not counted for all.
        """
        if not self._of_one.take(asker, now_s):
            return "answers_per_s_per_node"
        if not self._of_all.take(None, now_s):
            return "answers_per_s"
        return None
