"""What stands under `events` of a service."""

from __future__ import annotations

from typing import Final

from ..diagnostics import quoted
from ..model import MAX_ID, Event, EventExample, InlinePayload, Ref
from ..text.tree import Entry, MapNode, Node, ScalarNode
from .expressions import Expressions
from .shape import Shapes
from .types import TypeReader

_KEYS: Final = ("id", "doc", "fields", "payload", "deprecated", "examples")
_KEYS_LATER: Final = ("key", "replay", "buffer")
_EXAMPLE_KEYS: Final = ("name", "payload")


class EventReader:
    """Reads the events of one contract."""

    def __init__(self, shapes: Shapes, expressions: Expressions, types: TypeReader) -> None:
        self._shapes = shapes
        self._expressions = expressions
        self._types = types

    def events(self, node: Node | None, service: str) -> dict[str, Event]:
        """Everything under `events` of `service`, by name."""
        example = "closed: {id: 20, fields: {why: string}}"
        named = self._shapes.named(node, f"`events` of {service}", example)
        read = ((entry.key.text, self._event(entry)) for entry in named)
        return {name: event for name, event in read if event is not None}

    def _event(self, entry: Entry) -> Event | None:
        key, what = entry.key, f"event {quoted(entry.key.text)}"
        map_ = self._shapes.mapping(entry.value, what, _KEYS, _KEYS_LATER)
        if map_ is None:
            return None
        id_node = map_.get("id")
        number = self._shapes.ranged(id_node, f"the id of {what}", "id-range", 1, MAX_ID)
        return Event(
            name=key.text,
            id=0 if number is None else number,
            id_at=key.at if id_node is None else id_node.at,
            payload=self._payload(map_, key, what),
            doc=self._shapes.doc(map_, what),
            deprecated=self._shapes.deprecated(map_, what),
            examples=self._examples(map_.get("examples"), what),
            at=key.at,
        )

    def _payload(self, map_: MapNode, key: ScalarNode, what: str) -> InlinePayload | Ref:
        fields, payload = map_.entry("fields"), map_.entry("payload")
        if fields is not None and payload is not None:
            later = max(fields, payload, key=lambda one: (one.key.at.line, one.key.at.column))
            message = f"{what} has `fields` and `payload`"
            self._shapes.fault("node-shape", later.key.at, message, "leave one of the two out")
        if fields is not None:
            read = self._types.fields(fields.value, f"`fields` of {what}")
            return InlinePayload(read, fields.value.at)
        if payload is None:
            hint = "add `fields`, or `payload` with the name of an object type"
            self._shapes.fault("node-shape", key.at, f"{what} does not say what it carries", hint)
        elif isinstance(payload.value, MapNode):
            hint = "expected the name of an object type; fields stand under `fields`"
            message = f"`payload` of {what} is a mapping"
            self._shapes.fault("node-shape", payload.value.at, message, hint)
        elif (ref := self._expressions.name(payload.value, f"`payload` of {what}")) is not None:
            return ref
        return InlinePayload({}, key.at)

    def _examples(self, node: Node | None, what: str) -> tuple[EventExample, ...]:
        of = f"the examples of {what}"
        read: list[EventExample] = []
        for item in self._shapes.items(node, of, "[{name: at night, payload: {…}}]"):
            map_ = self._shapes.mapping(item, f"one of {of}", _EXAMPLE_KEYS)
            if map_ is not None:
                name, at = self._shapes.example_name(map_, of)
                read.append(EventExample(name=name, payload=map_.get("payload"), at=at))
        return tuple(read)
