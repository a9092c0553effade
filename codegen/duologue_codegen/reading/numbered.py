"""What stands at each method and each event: a name, an id, what it is for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypedDict, TypeVar

from ..diagnostics import Position, quoted
from ..model import MAX_ID
from ..text.tree import MapNode, Node, ScalarNode
from .shape import Shapes

T = TypeVar("T")


class Head(TypedDict):
    """What a `Numbered` is made of."""

    name: str
    id: int
    id_at: Position
    doc: str
    deprecated: str | None
    at: Position


class NumberedReader:
    """Reads what a service has under names with ids, whatever that is."""

    def __init__(self, shapes: Shapes, kind: str, keys: Sequence[str]):
        """`kind` is the word for one; `keys` are what it may say."""
        self._shapes = shapes
        self._kind = kind
        self._keys = keys

    def read(
        self,
        node: Node | None,
        service: str,
        example: str,
        finish: Callable[[MapNode, Head, ScalarNode, str], T],
    ) -> dict[str, T]:
        """Everything under `node` of `service`, by name.

        `finish` makes one of its mapping, its head, its name, and what it is called in findings.
        """
        read: dict[str, T] = {}
        for entry in self._shapes.named(node, f"`{self._kind}s` of {service}", example):
            key, what = entry.key, f"{self._kind} {quoted(entry.key.text)}"
            map_ = self._shapes.mapping(entry.value, what, self._keys)
            if map_ is not None:
                read[key.text] = finish(map_, self._head(map_, key, what), key, what)
        return read

    def _head(self, map_: MapNode, key: ScalarNode, what: str) -> Head:
        id_node = map_.get("id")
        number = self._shapes.ranged(id_node, f"the id of {what}", "id-range", 1, MAX_ID)
        return Head(
            name=key.text,
            id=0 if number is None else number,
            id_at=key.at if id_node is None else id_node.at,
            doc=self._shapes.doc(map_, what),
            deprecated=self._shapes.deprecated(map_, what),
            at=key.at,
        )
