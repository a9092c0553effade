"""What a node has seen of the others that its operator should know: for `/readyz` and the log."""

import logging
from collections.abc import Callable
from typing import Final

NAME_TAKEN: Final = "node name taken"
RULES_DIFFER: Final = "rules differ"
COMPLAINT_EVERY_S: Final = 60.0
"""How often the same complaint is logged at most."""
MOST_COMPLAINTS: Final = 1_000
NODE_SEEN_S: Final = 300.0
"""How long the rules of a node that was met are held against ours."""

_log: Final = logging.getLogger("duologue.relay")


class OtherNodes:
    """The other nodes of a cluster, as one of them has met them."""

    def __init__(self, own_name: str, clock: Callable[[], float]) -> None:
        """`clock` is in seconds, with any beginning."""
        self._own_name = own_name
        self._clock = clock
        self._seen: dict[str, tuple[str, float]] = {}
        """Rules of other nodes, and when they were met."""
        self._complained_s: dict[str, float] = {}
        self._is_name_taken = False

    def words(self, own_rules: str, now_s: float) -> list[str]:
        """What is not as it should be, for `/readyz`."""
        found = [NAME_TAKEN] if self._is_name_taken else []
        if any(
            rules != own_rules and now_s - seen_s < NODE_SEEN_S
            for rules, seen_s in self._seen.values()
        ):
            found.append(RULES_DIFFER)
        return found

    def note_rules(self, node: str, rules: str, own_rules: str) -> None:
        """A node was met that has these access rules and limits."""
        self._seen[node] = rules, self._clock()
        if rules != own_rules:
            self.complain(
                f"{node} rules", "node %s has other access rules or limits than this one", node
            )

    def note_name_taken(self) -> None:
        """Somebody else has this node's name; only a restart under another one mends it."""
        self._is_name_taken = True
        name = self._own_name
        self.complain("name", "another node is called %s too; each name once", name)

    def complain_of(self, node: str, text: str) -> None:
        """Log a fault of this node."""
        self.complain(f"{node}: {text}", "node %s: %s", node, text)

    def complain(self, what: str, text: str, *values: object) -> None:
        """Log it, unless `what` was logged lately."""
        now_s = self._clock()
        if now_s - self._complained_s.get(what, float("-inf")) < COMPLAINT_EVERY_S:
            return
        if len(self._complained_s) >= MOST_COMPLAINTS:
            self._complained_s.clear()
        self._complained_s[what] = now_s
        _log.warning(text, *values)

    def sweep(self, now_s: float) -> None:
        """Forget those that were not met for long."""
        self._seen = {
            node: seen for node, seen in self._seen.items() if now_s - seen[1] < NODE_SEEN_S
        }
