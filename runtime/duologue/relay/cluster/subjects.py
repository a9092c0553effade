"""The subjects on the bus. Nothing that a client sends is ever part of one. Pure."""

import re
from typing import Final

from duologue.relay.cluster.bus_messages import NAME_PATTERN
from duologue.relay.cluster.cluster_keys import ClusterKeys

_PREFIX: Final = "dl"
_NODE: Final = re.compile(NAME_PATTERN.replace("$", r"\Z"))


class Subjects:
    """Those of one cluster, as one of its nodes uses them."""

    def __init__(self, name: str, node: str) -> None:
        self._begin = f"{_PREFIX}.{name}.1"
        self._replies = f"{self._begin}.re.{node}."
        self.nodes = f"{self._begin}.nodes"
        """Where all nodes are asked."""
        self.all_replies = f"{self._replies}*"
        """Everything that is answered to this node."""

    def has(self, keys: ClusterKeys, public_key: bytes) -> str:
        """Where those are asked who have this key."""
        return f"{self._begin}.has.{keys.token(public_key)}"

    def reply(self, number: int) -> str:
        """Where the answers to question `number` of this node go."""
        return f"{self._replies}{number}"

    def number_of(self, subject: str) -> int | None:
        """The number in a subject of `reply`; None if it is none."""
        text = subject.removeprefix(self._replies)
        return int(text) if text != subject and text.isascii() and text.isdigit() else None

    def asker_of(self, subject: str) -> str | None:
        """The node of this cluster to which answers on `subject` go; None if it is none. We never
        answer elsewhere."""
        begin, _, rest = subject.partition(".re.")
        node, _, number = rest.partition(".")
        is_right = begin == self._begin and number.isascii() and number.isdigit()
        return node if is_right and _NODE.match(node) else None
