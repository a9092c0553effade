"""What stands under `errors` and `services`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, cast

from ..diagnostics import Position, quoted
from ..model import (
    Effect,
    ErrorDef,
    ErrorRef,
    Event,
    EventExample,
    InlineParams,
    InlinePayload,
    MessageTemplate,
    Method,
    MethodExample,
    Placeholder,
    Ref,
    ReservedId,
    ReservedName,
    Retry,
    Service,
)
from ..names import snake
from ..tree import Entry, MapNode, Node, ScalarNode
from .expressions import Expressions
from .shape import Shapes
from .types import TypeReader

_ERROR_KEYS: Final = ("doc", "code", "fields", "message", "retry", "reserved", "deprecated")
_SERVICE_KEYS: Final = ("doc", "base", "errors", "methods", "events", "reserved", "deprecated")
_METHOD_KEYS: Final = (
    "id",
    "doc",
    "effect",
    "timeout",
    "params",
    "args",
    "returns",
    "errors",
    "deprecated",
    "since",
    "examples",
)
_METHOD_KEYS_LATER: Final = ("sends", "yields", "cancel")
_EVENT_KEYS: Final = ("id", "doc", "fields", "payload", "deprecated", "examples")
_EVENT_KEYS_LATER: Final = ("key", "replay", "buffer")
_EXAMPLE_KEYS: Final = ("name", "params", "returns", "error")
_EVENT_EXAMPLE_KEYS: Final = ("name", "payload")
_RETRIES: Final = {
    "never": "it would fail again",
    "now": "it may work at once",
    "later": "it may work after a while",
}
_EFFECTS: Final = {
    "read": "changes nothing",
    "idempotent": "twice is the same as once",
    "write": "each call counts",
}
_ARGS: Final = {"positional": "each field of the params is an argument"}
_DURATION: Final = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(ms|s|m|h)")
_SECONDS: Final[Mapping[str, float]] = {"ms": 0.001, "s": 1, "m": 60, "h": 3600}
MAX_TIMEOUT_S: Final = 24 * 3600
MAX_ID: Final = 16383
MAX_BASE: Final = 2**53 - 1 - MAX_ID
"""Above it, a number on the wire would no longer be exact in JavaScript."""
_TEMPLATE: Final = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")


class ServiceReader:
    """Reads the errors and services of one contract."""

    def __init__(self, shapes: Shapes, expressions: Expressions, types: TypeReader) -> None:
        self._shapes = shapes
        self._expressions = expressions
        self._types = types

    def errors(self, node: Node | None) -> dict[str, ErrorDef]:
        """Everything under `errors`, by name."""
        named = self._shapes.named(node, "`errors`", "RoomFull: {doc: No free seat.}")
        return {entry.key.text: self._error(entry) for entry in named}

    def services(self, node: Node | None) -> dict[str, Service]:
        """Everything under `services`, by name."""
        named = self._shapes.named(node, "`services`", "Rooms: {methods: {…}}")
        read = ((entry.key.text, self._service(entry)) for entry in named)
        return {name: service for name, service in read if service is not None}

    # ---- errors ------------------------------------------------------------------------------

    def _error(self, entry: Entry) -> ErrorDef:
        key, node = entry.key, entry.value
        what = f"error {quoted(key.text)}"
        code = snake(key.text)
        map_ = None
        if not isinstance(node, ScalarNode) or node.data is not None:
            map_ = self._shapes.mapping(node, what, _ERROR_KEYS)
        if map_ is None:
            return ErrorDef(name=key.text, code=code, code_at=key.at, fields={}, at=key.at)
        stated = map_.get("code")
        word = self._shapes.word(stated, f"the code of {what}")
        retry = self._shapes.choice(map_.get("retry"), f"`retry` of {what}", _RETRIES)
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

    def _error_refs(self, node: Node | None, what: str) -> tuple[ErrorRef, ...]:
        nodes = self._shapes.items(node, what, "[RoomFull]")
        words = (self._shapes.word(item, f"an entry of {what}") for item in nodes)
        return tuple(ErrorRef(word.text, word.at) for word in words if word is not None)

    # ---- services ----------------------------------------------------------------------------

    def _service(self, entry: Entry) -> Service | None:
        key, what = entry.key, f"service {quoted(entry.key.text)}"
        map_ = self._shapes.mapping(entry.value, what, _SERVICE_KEYS)
        if map_ is None:
            return None
        methods_node, events_node = map_.get("methods"), map_.get("events")
        if methods_node is None and events_node is None:
            message = f"{what} has no methods"
            self._shapes.fault("node-shape", key.at, message, "add the key `methods`")
        example = "join: {id: 1, returns: bool}"
        named = self._shapes.named(methods_node, f"`methods` of {what}", example)
        read = [(method.key.text, self._method(method)) for method in named]
        example = "closed: {id: 20, fields: {why: string}}"
        named = self._shapes.named(events_node, f"`events` of {what}", example)
        events = [(event.key.text, self._event(event)) for event in named]
        base_node = map_.get("base")
        base = self._ranged(base_node, f"`base` of {what}", "base-range", 0, MAX_BASE)
        ids, names = self._service_reserved(map_.get("reserved"), what)
        return Service(
            name=key.text,
            base=0 if base is None else base,
            base_at=key.at if base_node is None else base_node.at,
            methods={name: method for name, method in read if method is not None},
            events={name: event for name, event in events if event is not None},
            errors=self._error_refs(map_.get("errors"), f"`errors` of {what}"),
            reserved_ids=ids,
            reserved_names=names,
            doc=self._shapes.doc(map_, what),
            deprecated=self._shapes.deprecated(map_, what),
            at=key.at,
        )

    def _service_reserved(
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
            number = self._ranged(item, f"an id of {of}", "id-range", 1, MAX_ID)
            if number is not None:
                ids.append(ReservedId(number, item.at))
        return tuple(ids), self._types.reserved(map_.get("names"), f"`names` of {of}")

    def _ranged(self, node: Node | None, what: str, rule: str, low: int, high: int) -> int | None:
        number = self._shapes.whole(node, what)
        if node is None or number is None or low <= number <= high:
            return number
        self._shapes.fault(
            rule, node.at, f"{what} is {quoted(str(number))}", f"{low:,} to {high:,}"
        )
        return None

    # ---- methods -----------------------------------------------------------------------------

    def _method(self, entry: Entry) -> Method | None:
        key, what = entry.key, f"method {quoted(entry.key.text)}"
        map_ = self._shapes.mapping(entry.value, what, _METHOD_KEYS, _METHOD_KEYS_LATER)
        if map_ is None:
            return None
        id_node = map_.get("id")
        number = self._ranged(id_node, f"the id of {what}", "id-range", 1, MAX_ID)
        effect = self._shapes.choice(map_.get("effect"), f"`effect` of {what}", _EFFECTS)
        returns = map_.get("returns")
        params = self._params(map_.get("params"), what)
        since = self._shapes.word(map_.get("since"), f"`since` of {what}")
        return Method(
            name=key.text,
            id=0 if number is None else number,
            id_at=key.at if id_node is None else id_node.at,
            params=params,
            positional=self._positional(map_, what),
            returns=None
            if returns is None
            else self._expressions.result(returns, f"the result of {what}"),
            errors=self._error_refs(map_.get("errors"), f"`errors` of {what}"),
            effect=cast(Effect, effect or "write"),
            timeout_s=self._timeout(map_.get("timeout"), what),
            doc=self._shapes.doc(map_, what),
            since=None if since is None else since.text,
            deprecated=self._shapes.deprecated(map_, what),
            examples=self._examples(map_.get("examples"), what),
            at=key.at,
        )

    def _params(self, node: Node | None, what: str) -> InlineParams | Ref | None:
        if node is None:
            return None
        if isinstance(node, ScalarNode):
            return self._expressions.name(node, f"`params` of {what}")
        fields = self._types.fields(node, f"`params` of {what}")
        return InlineParams(fields, node.at) if fields else None

    def _positional(self, map_: MapNode, what: str) -> bool:
        entry = map_.entry("args")
        if entry is None:
            return False
        choice = self._shapes.choice(entry.value, f"`args` of {what}", _ARGS)
        params = map_.get("params")
        if params is None or (isinstance(params, MapNode) and not params.entries):
            message = f"{what} has no params to be arguments"
            self._shapes.fault("node-shape", entry.key.at, message, "leave `args` out")
            return False
        return choice is not None

    def _timeout(self, node: Node | None, what: str) -> float | None:
        if node is None:
            return None
        hint = "such as `500ms`, `5s`, `2m` or `1h`"
        found = _DURATION.fullmatch(node.text) if isinstance(node, ScalarNode) else None
        if found is None:
            self._shapes.misshapen(node, f"the timeout of {what}", f"a time with its unit, {hint}")
            return None
        seconds = float(found.group(1)) * _SECONDS[found.group(2)]
        if not 0.001 <= seconds <= MAX_TIMEOUT_S:
            message = f"the timeout of {what} is {found.group()}"
            self._shapes.fault("timeout-sane", node.at, message, "it lies between 1ms and 24h")
            return None
        return seconds

    def _examples(self, node: Node | None, what: str) -> tuple[MethodExample, ...]:
        of = f"the examples of {what}"
        example = "[{name: joins, params: {…}, returns: {…}}]"
        read = (self._example(item, of) for item in self._shapes.items(node, of, example))
        return tuple(found for found in read if found is not None)

    def _example(self, node: Node, of: str) -> MethodExample | None:
        what = f"one of {of}"
        map_ = self._shapes.mapping(node, what, _EXAMPLE_KEYS)
        if map_ is None:
            return None
        name, at = self._example_name(map_, of)
        error, error_fields = self._example_error(map_, what)
        return MethodExample(
            name=name,
            params=map_.get("params"),
            returns=map_.get("returns"),
            error=error,
            error_fields=error_fields,
            at=at,
        )

    def _example_name(self, map_: MapNode, of: str) -> tuple[str, Position]:
        entry, what = map_.entry("name"), f"one of {of}"
        if entry is None:
            self._shapes.fault("node-shape", map_.at, f"{what} has no name", "add the key `name`")
        name = None if entry is None else self._shapes.word(entry.value, f"the name of {what}")
        return ("", map_.at) if name is None else (name.text, name.at)

    # ---- events ------------------------------------------------------------------------------

    def _event(self, entry: Entry) -> Event | None:
        key, what = entry.key, f"event {quoted(entry.key.text)}"
        map_ = self._shapes.mapping(entry.value, what, _EVENT_KEYS, _EVENT_KEYS_LATER)
        if map_ is None:
            return None
        id_node = map_.get("id")
        number = self._ranged(id_node, f"the id of {what}", "id-range", 1, MAX_ID)
        return Event(
            name=key.text,
            id=0 if number is None else number,
            id_at=key.at if id_node is None else id_node.at,
            payload=self._payload(map_, key, what),
            doc=self._shapes.doc(map_, what),
            deprecated=self._shapes.deprecated(map_, what),
            examples=self._event_examples(map_.get("examples"), what),
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

    def _event_examples(self, node: Node | None, what: str) -> tuple[EventExample, ...]:
        of = f"the examples of {what}"
        read: list[EventExample] = []
        for item in self._shapes.items(node, of, "[{name: at night, payload: {…}}]"):
            map_ = self._shapes.mapping(item, f"one of {of}", _EVENT_EXAMPLE_KEYS)
            if map_ is not None:
                name, at = self._example_name(map_, of)
                read.append(EventExample(name=name, payload=map_.get("payload"), at=at))
        return tuple(read)

    def _example_error(self, map_: MapNode, what: str) -> tuple[ErrorRef | None, Node | None]:
        entry = map_.entry("error")
        if entry is None:
            return None, None
        if map_.get("returns") is not None:
            hint = "a call returns, or it fails"
            message = f"{what} has `returns` and `error`"
            self._shapes.fault("node-shape", entry.key.at, message, hint)
        node = entry.value
        if isinstance(node, ScalarNode) and node.text:
            return ErrorRef(node.text, node.at), None
        if not isinstance(node, MapNode) or len(node.entries) != 1:
            hint = "one error and its fields, such as `{RoomFull: {capacity: 4}}`"
            self._shapes.misshapen(node, f"the error in {what}", hint)
            return None, None
        only = node.entries[0]
        return ErrorRef(only.key.text, only.key.at), only.value


def _joined(parts: list[str | Placeholder]) -> tuple[str | Placeholder, ...]:
    """`parts` with neighbouring texts joined, and no empty ones."""
    joined: list[str | Placeholder] = []
    for part in parts:
        if isinstance(part, str) and joined and isinstance(joined[-1], str):
            joined[-1] += part
        elif part:
            joined.append(part)
    return tuple(joined)
