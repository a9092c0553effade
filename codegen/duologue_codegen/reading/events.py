"""What stands under `events` of a service."""

from __future__ import annotations

from typing import Final, cast

from ..model import Buffer, Event, EventExample, EventKey, InlinePayload, Ref, WhenFull
from ..text.tree import MapNode, Node, ScalarNode
from .expressions import Expressions
from .numbered import Head, NumberedReader
from .shape import Shapes
from .types import TypeReader

KEYS: Final = (
    "id",
    "doc",
    "fields",
    "payload",
    "key",
    "replay",
    "buffer",
    "deprecated",
    "examples",
)
BUFFER_KEYS: Final = ("max", "when_full")
WHEN_FULL: Final = {
    "drop_oldest": "the oldest event is left out, and counted",
    "close": "the subscription ends, and says so",
}
MAX_REMEMBERED_EVENTS: Final = 10_000
"""Each costs at least 128 bytes, of 4 MiB that a service keeps of an event."""
EXAMPLE_KEYS: Final = ("name", "payload")


class EventReader:
    """Reads the events of one contract."""

    def __init__(self, shapes: Shapes, expressions: Expressions, types: TypeReader) -> None:
        self._shapes = shapes
        self._expressions = expressions
        self._types = types

    def events(self, node: Node | None, service: str) -> dict[str, Event]:
        """Everything under `events` of `service`, by name."""
        numbered = NumberedReader(self._shapes, "event", KEYS)
        return numbered.read(node, service, "closed: {id: 20, fields: {why: string}}", self._event)

    def _event(self, map_: MapNode, head: Head, key: ScalarNode, what: str) -> Event:
        replay = self._count(map_.get("replay"), f"`replay` of {what}")
        return Event(
            **head,
            payload=self._payload(map_, key, what),
            key=self._key(map_.get("key"), what),
            replay=0 if replay is None else replay,
            buffer=self._buffer(map_.get("buffer"), what),
            examples=self._examples(map_.get("examples"), what),
        )

    def _key(self, node: Node | None, what: str) -> EventKey | None:
        name = self._shapes.word(node, f"`key` of {what}")
        return None if name is None else EventKey(name.text, name.at)

    def _buffer(self, node: Node | None, what: str) -> Buffer:
        of = f"`buffer` of {what}"
        map_ = None if node is None else self._shapes.mapping(node, of, BUFFER_KEYS)
        if map_ is None:
            return Buffer()
        most = self._count(map_.get("max"), f"`max` of {of}")
        when_full = self._shapes.choice(map_.get("when_full"), f"`when_full` of {of}", WHEN_FULL)
        usual = Buffer()
        return Buffer(
            usual.max if most is None else most, cast(WhenFull, when_full or usual.when_full)
        )

    def _count(self, node: Node | None, what: str) -> int | None:
        return self._shapes.ranged(node, what, "event-memory", 1, MAX_REMEMBERED_EVENTS)

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
            map_ = self._shapes.mapping(item, f"one of {of}", EXAMPLE_KEYS)
            if map_ is not None:
                name, at = self._shapes.example_name(map_, of)
                read.append(EventExample(name=name, payload=map_.get("payload"), at=at))
        return tuple(read)
