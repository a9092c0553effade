"""What stands under `dialogues`."""

from __future__ import annotations

from typing import Final

from ..diagnostics import quoted
from ..model import Dialogue, Role, ServiceRef
from ..text.tree import Entry, ListNode, MapNode, Node
from .shape import Shapes

KEYS: Final = ("doc", "deprecated")
_EXAMPLE: Final = "`host: [Rooms]` and `guest: [Presence]`"


class DialogueReader:
    """Reads the dialogues of one contract."""

    def __init__(self, shapes: Shapes) -> None:
        self._shapes = shapes

    def dialogues(self, node: Node | None) -> dict[str, Dialogue]:
        """Everything under `dialogues`, by name."""
        example = "ChatSession: {host: [Rooms], guest: [Presence]}"
        named = self._shapes.named(node, "`dialogues`", example)
        read = ((entry.key.text, self._dialogue(entry)) for entry in named)
        return {name: dialogue for name, dialogue in read if dialogue is not None}

    def _dialogue(self, entry: Entry) -> Dialogue | None:
        key, what = entry.key, f"dialogue {quoted(entry.key.text)}"
        if not isinstance(entry.value, MapNode):
            self._shapes.misshapen(entry.value, what, f"two roles, such as {_EXAMPLE}")
            return None
        roles = [each for each in entry.value.entries if each.key.text not in KEYS]
        if len(roles) != 2:
            at = roles[2].key.at if len(roles) > 2 else key.at
            message = f"{what} has {len(roles)} role{'s' if len(roles) != 1 else ''}"
            self._shapes.fault("node-shape", at, message, f"a dialogue has two, such as {_EXAMPLE}")
        return Dialogue(
            name=key.text,
            roles=tuple(self._role(each, what) for each in roles),
            doc=self._shapes.doc(entry.value, what),
            deprecated=self._shapes.deprecated(entry.value, what),
            at=key.at,
        )

    def _role(self, entry: Entry, of: str) -> Role:
        what = f"role {quoted(entry.key.text)} of {of}"
        if not isinstance(entry.value, ListNode):
            hint = "the services that this side offers, such as `[Rooms]`"
            self._shapes.misshapen(entry.value, what, hint)
            return Role(entry.key.text, (), entry.key.at)
        words = (self._shapes.word(item, f"a service of {what}") for item in entry.value.items)
        services = tuple(ServiceRef(word.text, word.at) for word in words if word is not None)
        return Role(entry.key.text, services, entry.key.at)
