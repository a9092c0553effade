"""JSON inside of a text, as nodes: what `text of T` holds."""

from __future__ import annotations

import json
from typing import NoReturn

from ..diagnostics import Position
from ..text.source import MAX_DEPTH
from ..text.tree import Data, Entry, ListNode, MapNode, Node, ScalarNode


def node_of_json(text: str, at: Position) -> Node | None:
    """The value that `text` is the JSON of, all of it standing `at`.

    None when it is no JSON, or has more than `MAX_DEPTH` collections inside each other.
    """
    try:
        data = json.loads(text, parse_constant=_refuse)
        # Half of a character, as an escape can write it, is none that could be sent.
        json.dumps(data, ensure_ascii=False).encode()
        return _node(data, at, MAX_DEPTH)
    except (ValueError, RecursionError):
        return None


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _node(data: Data, at: Position, depth: int) -> Node:
    if depth == 0 and isinstance(data, dict | list):
        raise ValueError("too deep")
    match data:
        case dict():
            return MapNode(tuple(_entry(*each, at, depth - 1) for each in data.items()), at)
        case list():
            return ListNode(tuple(_node(item, at, depth - 1) for item in data), at)
        case str():
            return ScalarNode(data, data, at, quotes=None)
        case _:
            return ScalarNode(data, json.dumps(data), at, quotes=None)


def _entry(key: str, value: Data, at: Position, depth: int) -> Entry:
    return Entry(ScalarNode(key, key, at, quotes=None), _node(value, at, depth))
