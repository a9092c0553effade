"""How generated Python calls and words what a contract says."""

from __future__ import annotations

from ....model import Event, Method, Service
from ....names import pascal, upper_snake
from ....text.tree import Data


def literal(data: Data) -> str:
    """A plain value as Python."""
    return repr(data)


def enum_member(name: str) -> str:
    """What Python calls a value of an enum."""
    return name.upper()


def constant(*names: str) -> str:
    """`Rooms`, `join` as `ROOMS_JOIN`."""
    return "_".join(upper_snake(name) for name in names)


def class_prefix(service: Service, one: Method | Event) -> str:
    """`Rooms`, `join` as `RoomsJoin`: what names made for a method begin with; an event's class."""
    return f"{service.name}{pascal(one.name)}"


def with_deprecation(doc: str, deprecated: str | None) -> str:
    """`doc`, and what became of the thing it describes."""
    if deprecated is None:
        return doc
    return f"{doc}\n\nDeprecated: {deprecated}".strip()
