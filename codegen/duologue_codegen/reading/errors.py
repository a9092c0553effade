"""What stands under `errors`, and the lists that name errors."""

from __future__ import annotations

import re
from typing import Final, cast

from ..diagnostics import quoted
from ..model import ErrorDef, ErrorRef, MessageTemplate, Placeholder, Retry
from ..names import snake
from ..text.tree import Entry, Node, ScalarNode
from .shape import Shapes
from .types import TypeReader

KEYS: Final = ("doc", "code", "fields", "message", "retry", "reserved", "deprecated")
RETRIES: Final = {
    "never": "it would fail again",
    "now": "it may work at once",
    "later": "it may work after a while",
}
_TEMPLATE: Final = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")


class ErrorReader:
    """Reads the errors of one contract."""

    def __init__(self, shapes: Shapes, types: TypeReader) -> None:
        self._shapes = shapes
        self._types = types

    def errors(self, node: Node | None) -> dict[str, ErrorDef]:
        """Everything under `errors`, by name."""
        named = self._shapes.named(node, "`errors`", "RoomFull: {doc: No free seat.}")
        return {entry.key.text: self._error(entry) for entry in named}

    def refs(self, node: Node | None, what: str) -> tuple[ErrorRef, ...]:
        """The errors that a list names."""
        nodes = self._shapes.items(node, what, "[RoomFull]")
        words = (self._shapes.word(item, f"an entry of {what}") for item in nodes)
        return tuple(ErrorRef(word.text, word.at) for word in words if word is not None)

    def _error(self, entry: Entry) -> ErrorDef:
        key, node = entry.key, entry.value
        what = f"error {quoted(key.text)}"
        code = snake(key.text)
        map_ = None
        if not isinstance(node, ScalarNode) or node.data is not None:
            map_ = self._shapes.mapping(node, what, KEYS)
        if map_ is None:
            return ErrorDef(name=key.text, code=code, code_at=key.at, fields={}, at=key.at)
        stated = map_.get("code")
        word = self._shapes.word(stated, f"the code of {what}")
        retry = self._shapes.choice(map_.get("retry"), f"`retry` of {what}", RETRIES)
        return ErrorDef(
            name=key.text,
            code=code if word is None else word.text,
            code_at=key.at if word is None else word.at,
            fields=self._types.fields(map_.get("fields"), f"`fields` of {what}"),
            message=self._message(map_.get("message"), what),
            retry=cast(Retry, retry or "never"),
            doc=self._shapes.doc(map_, what),
            deprecated=self._shapes.deprecated(map_, what),
            reserved=self._types.reserved(map_.get("reserved"), f"`reserved` of {what}"),
            at=key.at,
        )

    def _message(self, node: Node | None, what: str) -> MessageTemplate | None:
        text = self._shapes.text(node, f"the message of {what}")
        if not isinstance(node, ScalarNode) or text is None:
            return None
        parts: list[str | Placeholder] = []
        end = 0
        for found in _TEMPLATE.finditer(text):
            parts.append(text[end : found.start()])
            end = found.end()
            at = node.part_at(found.start(), end - found.start())
            name = cast(str | None, found.group(1))
            if name is not None:
                parts.append(Placeholder(name, at))
                continue
            parts.append(found.group()[0])
            if len(found.group()) == 1:
                message = f"a single {quoted(found.group())} in the message of {what}"
                hint = f"a field is `{{name}}`; a brace is `{found.group() * 2}`"
                self._shapes.fault("message-template-fields", at, message, hint)
        parts.append(text[end:])
        return MessageTemplate(_joined(parts), node.at)


def _joined(parts: list[str | Placeholder]) -> tuple[str | Placeholder, ...]:
    """`parts` with neighbouring texts joined, and no empty ones."""
    joined: list[str | Placeholder] = []
    for part in parts:
        if isinstance(part, str) and joined and isinstance(joined[-1], str):
            joined[-1] += part
        elif part:
            joined.append(part)
    return tuple(joined)
