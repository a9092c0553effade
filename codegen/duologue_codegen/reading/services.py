"""What stands under `services`."""

from __future__ import annotations

from typing import Final

from ..diagnostics import quoted
from ..model import MAX_BASE, MAX_ID, ReservedId, ReservedName, Service
from ..text.tree import Entry, Node
from .errors import ErrorReader
from .events import EventReader
from .methods import MethodReader
from .shape import Shapes
from .types import TypeReader

KEYS: Final = ("doc", "base", "errors", "methods", "events", "reserved", "deprecated")


class ServiceReader:
    """Reads the services of one contract."""

    def __init__(
        self,
        shapes: Shapes,
        types: TypeReader,
        errors: ErrorReader,
        methods: MethodReader,
        events: EventReader,
    ) -> None:
        self._shapes = shapes
        self._types = types
        self._errors = errors
        self._methods = methods
        self._events = events

    def services(self, node: Node | None) -> dict[str, Service]:
        """Everything under `services`, by name."""
        named = self._shapes.named(node, "`services`", "Rooms: {methods: {…}}")
        read = ((entry.key.text, self._service(entry)) for entry in named)
        return {name: service for name, service in read if service is not None}

    def _service(self, entry: Entry) -> Service | None:
        key, what = entry.key, f"service {quoted(entry.key.text)}"
        map_ = self._shapes.mapping(entry.value, what, KEYS)
        if map_ is None:
            return None
        methods_node, events_node = map_.get("methods"), map_.get("events")
        if methods_node is None and events_node is None:
            message = f"{what} has no methods"
            self._shapes.fault("node-shape", key.at, message, "add the key `methods`")
        methods = self._methods.methods(methods_node, what)
        events = self._events.events(events_node, what)
        base_node = map_.get("base")
        base = self._shapes.ranged(base_node, f"`base` of {what}", "base-range", 0, MAX_BASE)
        ids, names = self._reserved(map_.get("reserved"), what)
        return Service(
            name=key.text,
            base=0 if base is None else base,
            base_at=key.at if base_node is None else base_node.at,
            methods=methods,
            events=events,
            errors=self._errors.refs(map_.get("errors"), f"`errors` of {what}"),
            reserved_ids=ids,
            reserved_names=names,
            doc=self._shapes.doc(map_, what),
            deprecated=self._shapes.deprecated(map_, what),
            at=key.at,
        )

    def _reserved(
        self, node: Node | None, what: str
    ) -> tuple[tuple[ReservedId, ...], tuple[ReservedName, ...]]:
        if node is None:
            return (), ()
        of = f"`reserved` of {what}"
        map_ = self._shapes.mapping(node, of, ("ids", "names"))
        if map_ is None:
            return (), ()
        ids: list[ReservedId] = []
        for item in self._shapes.items(map_.get("ids"), f"`ids` of {of}", "[6, 7]"):
            number = self._shapes.ranged(item, f"an id of {of}", "id-range", 1, MAX_ID)
            if number is not None:
                ids.append(ReservedId(number, item.at))
        return tuple(ids), self._types.reserved(map_.get("names"), f"`names` of {of}")
