"""What stands under `methods` of a service."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, cast

from ..model import Effect, ErrorRef, InlineParams, Method, MethodExample, Ref, TypeExpr
from ..text.tree import MapNode, Node, ScalarNode
from .errors import ErrorReader
from .expressions import Expressions
from .numbered import Head, NumberedReader
from .shape import Shapes
from .types import TypeReader

KEYS: Final = (
    "id",
    "doc",
    "effect",
    "cancel",
    "timeout",
    "idle_timeout",
    "params",
    "args",
    "sends",
    "yields",
    "returns",
    "errors",
    "deprecated",
    "since",
    "examples",
)
EXAMPLE_KEYS: Final = ("name", "params", "sends", "yields", "returns", "error")
EFFECTS: Final = {
    "read": "changes nothing",
    "idempotent": "twice is the same as once",
    "write": "each call counts",
}
CANCEL: Final = {"ignore": "a call that has begun runs to its end"}
_ARGS: Final = {"positional": "each field of the params is an argument"}
_DURATION: Final = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(ms|s|m|h)")
_SECONDS: Final[Mapping[str, float]] = {"ms": 0.001, "s": 1, "m": 60, "h": 3600}
MAX_TIMEOUT_S: Final = 24 * 3600


class MethodReader:
    """Reads the methods of one contract."""

    def __init__(
        self, shapes: Shapes, expressions: Expressions, types: TypeReader, errors: ErrorReader
    ) -> None:
        self._shapes = shapes
        self._expressions = expressions
        self._types = types
        self._errors = errors

    def methods(self, node: Node | None, service: str) -> dict[str, Method]:
        """Everything under `methods` of `service`, by name."""
        numbered = NumberedReader(self._shapes, "method", KEYS)
        return numbered.read(node, service, "join: {id: 1, returns: bool}", self._method)

    def _method(self, map_: MapNode, head: Head, _: ScalarNode, what: str) -> Method:
        effect = self._shapes.choice(map_.get("effect"), f"`effect` of {what}", EFFECTS)
        returns = map_.get("returns")
        params = self._params(map_.get("params"), what)
        since = self._shapes.word(map_.get("since"), f"`since` of {what}")
        return Method(
            **head,
            params=params,
            positional=self._positional(map_, what),
            sends=self._item(map_.get("sends"), f"what {what} sends"),
            yields=self._item(map_.get("yields"), f"what {what} yields"),
            returns=None
            if returns is None
            else self._expressions.result(returns, f"the result of {what}"),
            errors=self._errors.refs(map_.get("errors"), f"`errors` of {what}"),
            effect=cast(Effect, effect or "write"),
            timeout_s=self._timeout(map_.get("timeout"), f"the timeout of {what}"),
            ignores_cancel=self._shapes.choice(map_.get("cancel"), f"`cancel` of {what}", CANCEL)
            is not None,
            idle_timeout_s=self._idle_timeout(map_, what),
            since=None if since is None else since.text,
            examples=self._examples(map_.get("examples"), what),
        )

    def _item(self, node: Node | None, what: str) -> TypeExpr | None:
        return None if node is None else self._expressions.item(node, what)

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
            self._shapes.misshapen(node, what, f"a time with its unit, {hint}")
            return None
        seconds = float(found.group(1)) * _SECONDS[found.group(2)]
        if not 0.001 <= seconds <= MAX_TIMEOUT_S:
            message = f"{what} is {found.group()}"
            self._shapes.fault("timeout-sane", node.at, message, "it lies between 1ms and 24h")
            return None
        return seconds

    def _idle_timeout(self, map_: MapNode, what: str) -> float | None:
        entry = map_.entry("idle_timeout")
        if entry is None:
            return None
        if map_.entry("sends") is None and map_.entry("yields") is None:
            message = f"{what} has no items that could be waited for"
            hint = "write `timeout`, or say what it `sends` or `yields`"
            self._shapes.fault("node-shape", entry.key.at, message, hint)
            return None
        return self._timeout(entry.value, f"the idle timeout of {what}")

    def _examples(self, node: Node | None, what: str) -> tuple[MethodExample, ...]:
        of = f"the examples of {what}"
        example = "[{name: joins, params: {…}, returns: {…}}]"
        read = (self._example(item, of) for item in self._shapes.items(node, of, example))
        return tuple(found for found in read if found is not None)

    def _example(self, node: Node, of: str) -> MethodExample | None:
        what = f"one of {of}"
        map_ = self._shapes.mapping(node, what, EXAMPLE_KEYS)
        if map_ is None:
            return None
        name, at = self._shapes.example_name(map_, of)
        error, error_fields = self._example_error(map_, what)
        return MethodExample(
            name=name,
            params=map_.get("params"),
            sends=self._example_items(map_, "sends", what),
            yields=self._example_items(map_, "yields", what),
            returns=map_.get("returns"),
            error=error,
            error_fields=error_fields,
            at=at,
        )

    def _example_items(self, map_: MapNode, key: str, what: str) -> tuple[Node, ...] | None:
        entry = map_.entry(key)
        if entry is None:
            return None
        return self._shapes.items(entry.value, f"`{key}` of {what}", "[first, second]")

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
