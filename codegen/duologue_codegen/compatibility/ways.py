"""Who may be older than whom, and which way values go between the two.

A contract changes, and for a while one side has the new one and the other still the old one. Two
pairs are possible, and what goes wrong in them depends on the way a value takes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Pair(StrEnum):
    """Two sides of different age, as a finding calls them."""

    OLD_CALLER = "old caller against new provider"
    """Meet when the provider is upgraded first."""
    OLD_PROVIDER = "new caller against old provider"
    """Meet when the caller is upgraded first."""


class Order(StrEnum):
    """Which side is upgraded first, as far as one can say."""

    ANY = "any"
    PROVIDER_FIRST = "provider-first"
    CALLER_FIRST = "caller-first"

    @property
    def pairs(self) -> frozenset[Pair]:
        """The pairs that come to be."""
        match self:
            case Order.ANY:
                return frozenset(Pair)
            case Order.PROVIDER_FIRST:
                return frozenset({Pair.OLD_CALLER})
            case Order.CALLER_FIRST:
                return frozenset({Pair.OLD_PROVIDER})


class Scope(StrEnum):
    """What a change may break: `--level`."""

    WIRE = "WIRE"
    """Programs that run, and meet others of another age."""
    SOURCE = "SOURCE"
    """Code of one's own, once the packages are generated anew."""
    ALL = "ALL"


class Direction(StrEnum):
    """Which way a value goes."""

    IN = "in"
    """From caller to provider: params, and what is sent."""
    OUT = "out"
    """From provider to caller: results, what is yielded, events, fields of errors."""


class Way(StrEnum):
    """Of a value, between two versions of one contract."""

    FORTH = "old to new"
    """The sender is old, the receiver new."""
    BACK = "new to old"


_PAIRS: Final[Mapping[tuple[Direction, Way], Pair]] = {
    (Direction.IN, Way.FORTH): Pair.OLD_CALLER,
    (Direction.IN, Way.BACK): Pair.OLD_PROVIDER,
    (Direction.OUT, Way.FORTH): Pair.OLD_PROVIDER,
    (Direction.OUT, Way.BACK): Pair.OLD_CALLER,
}


def pair_of(direction: Direction, way: Way) -> Pair:
    """The pair in which values of `direction` go `way`."""
    return _PAIRS[direction, way]


@dataclass(frozen=True, slots=True)
class Flow:
    """That values of a type go one way, and an example of where."""

    direction: Direction
    where: str
    """In words: the params of `Rooms.join`."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A pair of sides, and where one does not take what the other sends."""

    pair: Pair
    where: str


def refusals(flows: Iterable[Flow], ways: Iterable[Way]) -> list[Refusal]:
    """What happens where values take `flows`, and those that go one of `ways` are refused.

    Each pair once, in a fixed order.
    """
    wanted = set(ways)
    found: dict[Pair, str] = {}
    for flow in flows:
        for way in Way:
            if way in wanted:
                found.setdefault(pair_of(flow.direction, way), flow.where)
    return [Refusal(pair, found[pair]) for pair in Pair if pair in found]
