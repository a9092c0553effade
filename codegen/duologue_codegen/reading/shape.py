"""The shapes a node may have: reads them off, and notes where the contract has another one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from ..diagnostics import Diagnostic, Position, is_hidden, quoted
from ..spelling import nearest
from ..text.tree import Entry, ListNode, MapNode, Node, ScalarNode

_INVISIBLE = frozenset("\n\u200c\u200d")
"""Line ends, and the joiners that scripts and emoji are written with."""


def kind_of(node: Node) -> str:
    """What a node is, in the words of a finding."""
    match node:
        case MapNode():
            return "a mapping"
        case ListNode():
            return "a list"
        case ScalarNode(data=None):
            return "nothing"
        case ScalarNode(data=bool()):
            return f"the truth value {quoted(node.text)}"
        case ScalarNode(data=int() | float()):
            return f"the number {quoted(node.text)}"
        case _:
            return f"the text {quoted(node.text)}"


class Shapes:
    """Reads shapes off the nodes of one file, and collects what is wrong with them.

    Each method gives None, or what it could save, for a node of another shape; the finding has then
    been noted.
    """

    def __init__(self) -> None:
        self.faults: list[Diagnostic] = []

    def fault(self, rule: str, at: Position, message: str, hint: str = "") -> None:
        """Note a finding."""
        self.faults.append(Diagnostic(rule, at, message, hint))

    def misshapen(self, node: Node, what: str, expected: str) -> None:
        """Note that `what` is not of the shape `expected`."""
        self.fault("node-shape", node.at, f"{what} is {kind_of(node)}", f"expected {expected}")

    def mapping(self, node: Node, what: str, keys: Sequence[str]) -> MapNode | None:
        """A mapping with fixed keys. Others are noted."""
        if not isinstance(node, MapNode):
            self.misshapen(node, what, "a mapping")
            return None
        for entry in node.entries:
            if entry.key.text not in keys:
                self._unknown_key(entry, what, keys)
        return node

    def _unknown_key(self, entry: Entry, what: str, keys: Sequence[str]) -> None:
        key, at = entry.key.text, entry.key.at
        if " " in key and entry.value.data is None:
            hint = "a comma ends a value inside `{…}`: put the text in quotes"
            self.fault("known-keys", at, f"{what} has no key {quoted(key)}", hint)
            return
        meant = nearest(key, keys)
        allowed = ", ".join(keys)
        hint = f"did you mean {quoted(meant)}? Allowed here: {allowed}" if meant else ""
        self.fault(
            "known-keys", at, f"{what} has no key {quoted(key)}", hint or f"allowed here: {allowed}"
        )

    def named(self, node: Node | None, what: str, example: str) -> Iterator[Entry]:
        """The entries of a mapping whose keys are names of the author's choice."""
        if node is None:
            return
        if not isinstance(node, MapNode):
            self.misshapen(node, what, f"a mapping, such as {quoted(example)}")
            return
        yield from node.entries

    def items(self, node: Node | None, what: str, example: str) -> tuple[Node, ...]:
        """The items of a list."""
        if node is None:
            return ()
        if not isinstance(node, ListNode):
            self.misshapen(node, what, f"a list, such as {quoted(example)}")
            return ()
        return node.items

    def text(self, node: Node | None, what: str) -> str | None:
        """Text. A number or truth value is none: quoted, it would be."""
        if node is None:
            return None
        if isinstance(node, ScalarNode) and isinstance(node.data, str):
            return node.data
        hint = "text"
        if isinstance(node, ScalarNode) and node.data is not None:
            hint = f'text: write "{node.text}"'
        self.misshapen(node, what, hint)
        return None

    def word(self, node: Node | None, what: str) -> ScalarNode | None:
        """A scalar that is read as it was written, such as a name: `on` and `5` are words too."""
        if node is None:
            return None
        if isinstance(node, ScalarNode) and node.text:
            return node
        self.misshapen(node, what, "a word")
        return None

    def doc(self, map_: MapNode, what: str) -> str:
        """The text under `doc`, without space around it; empty when there is none."""
        return self.prose(map_.get("doc"), f"the doc of {what}") or ""

    def prose(self, node: Node | None, what: str) -> str | None:
        """Text for people, without space around it. It becomes part of generated files."""
        text = self.text(node, what)
        if node is None or text is None:
            return None
        for index, char in enumerate(text):
            if char not in _INVISIBLE and is_hidden(char):
                at = node.part_at(index, 1) if isinstance(node, ScalarNode) else node.at
                message = f"{what} holds the invisible character U+{ord(char):04X}"
                self.fault(
                    "node-shape", at, message, "write spaces" if char == "\t" else "leave it out"
                )
                return None
        return text.strip()

    def deprecated(self, map_: MapNode, what: str) -> str | None:
        """The text under `deprecated`. A bare `true` does not tell what to use instead."""
        node = map_.get("deprecated")
        if node is None:
            return None
        if isinstance(node, ScalarNode) and isinstance(node.data, str) and node.data.strip():
            return self.prose(node, f"the deprecation of {what}")
        if isinstance(node, ScalarNode):
            message = f"{what} is deprecated without a reason"
            self.fault("deprecated-has-text", node.at, message, "say what to use instead")
            return None
        self.misshapen(node, f"the deprecation of {what}", "text")
        return None

    def whole(self, node: Node | None, what: str) -> int | None:
        """A whole number."""
        if node is None:
            return None
        if (
            isinstance(node, ScalarNode)
            and isinstance(node.data, int)
            and not isinstance(node.data, bool)
        ):
            return node.data
        self.misshapen(node, what, "a whole number")
        return None

    def ranged(self, node: Node | None, what: str, rule: str, low: int, high: int) -> int | None:
        """A whole number from `low` to `high`; `rule` is the one that another breaks."""
        number = self.whole(node, what)
        if node is None or number is None or low <= number <= high:
            return number
        self.fault(rule, node.at, f"{what} is {quoted(str(number))}", f"{low:,} to {high:,}")
        return None

    def number(self, node: Node, what: str) -> int | float | None:
        """A finite number."""
        match node:
            case ScalarNode(data=bool()):
                pass
            case ScalarNode(data=int() | float() as number) if number - number == 0:
                if isinstance(number, float) and Decimal(node.text) != Decimal(repr(number)):
                    self.misshapen(node, what, f"fewer digits, such as `{number!r}`")
                    return None
                return number
            case _:
                pass
        self.misshapen(node, what, "a number")
        return None

    def truth(self, node: Node | None, what: str) -> bool | None:
        """`true` or `false`."""
        if node is None:
            return None
        if isinstance(node, ScalarNode) and isinstance(node.data, bool):
            return node.data
        self.misshapen(node, what, "`true` or `false`")
        return None

    def choice(self, node: Node | None, what: str, options: Mapping[str, str]) -> str | None:
        """One of a few words, each with what it means."""
        if node is None:
            return None
        if isinstance(node, ScalarNode) and node.text in options:
            return node.text
        said = ", ".join(f"{quoted(option)} ({meaning})" for option, meaning in options.items())
        self.misshapen(node, what, said)
        return None

    def example_name(self, map_: MapNode, of: str) -> tuple[str, Position]:
        """The name of one of the examples `of` something, and where it stands."""
        entry, what = map_.entry("name"), f"one of {of}"
        if entry is None:
            self.fault("node-shape", map_.at, f"{what} has no name", "add the key `name`")
        name = None if entry is None else self.word(entry.value, f"the name of {what}")
        return ("", map_.at) if name is None else (name.text, name.at)
