"""How what there is of one key is divided among the addresses that ask for it. Pure.

A key has a budget of requests and a number of places for pairs. First come, first served would let
fifty addresses that ask without end have all of it. So each address must leave a part to the others
that grows with what it has had: nothing at first, half at `half_share`. Who comes seldom finds what
the greedy had to leave; an address that is alone hardly notices.
"""

from collections import Counter
from typing import TypeVar

from duologue.relay.limits import RelayLimits
from duologue.relay.rates import Rate, Usage

K = TypeVar("K")
AddressAndKey = tuple[str, bytes]


class Shares:
    """What each key has left, and which address has had how much of it."""

    def __init__(self, limits: RelayLimits) -> None:
        self._limits = limits
        per_min = limits.requests_per_min_per_target
        self._budget: Rate[bytes] = Rate(per_min / 60, per_min / 2)
        self._had: Usage[AddressAndKey] = Usage(limits.share_half_life_s)
        self._held: Counter[bytes] = Counter()
        """Places for pairs that are taken, of each key."""
        self._held_by: Counter[AddressAndKey] = Counter()
        self._used: Usage[AddressAndKey] = Usage(limits.share_half_life_s)
        """Pairs that have ended, each by how much of `share_half_life_s` it took, at most 1."""

    def had(self, address: str, key: bytes, now_s: float) -> float:
        """How many requests for `key` this address was granted lately; who has less goes first."""
        return self._had.of((address, key), now_s)

    def take_request(self, address: str, key: bytes, now_s: float) -> str:
        """Count one request; if that is too much, do not, and return the limit it meets."""
        part = self._part_to_leave(self.had(address, key, now_s))
        if self._budget.take(key, now_s, leaving=part):
            self._had.add((address, key), now_s)
            return ""
        return "half_share" if self._budget.has(key) else "requests_per_min_per_target"

    def find_full(self, address: str, key: bytes, now_s: float) -> str:
        """The limit that one more pair would meet, or nothing."""
        most = self._limits.max_pairs_per_key
        free = most - self._held[key]
        if free < 1:
            return "max_pairs_per_key"
        # Who has a pair for an hour has it all the time, whenever it was granted. For what it had
        # before, an address leaves half at most: it may be a busy one that is alone. And who has
        # none now is asked how long it had some, not how often: who comes often and goes soon
        # leaves the places to others.
        held = self._held_by[address, key]
        before = self._had if held else self._used
        has_had = max(min(before.of((address, key), now_s), self._limits.half_share), held)
        to_leave = int((most - 1) * self._part_to_leave(has_had))
        return "half_share" if free <= to_leave else ""

    def held(self, address: str, key: bytes) -> int:
        """How many pairs with this key the address has."""
        return self._held_by[address, key]

    def hold(self, address: str, key: bytes) -> None:
        """A pair takes a place."""
        self._held[key] += 1
        self._held_by[address, key] += 1

    def let_go(self, address: str, key: bytes, held_s: float, now_s: float) -> None:
        """It has ended, after `held_s`."""
        part = min(1.0, held_s / self._limits.share_half_life_s)
        self._used.add((address, key), now_s, part)
        _count_down(self._held, key)
        _count_down(self._held_by, (address, key))

    def _part_to_leave(self, had: float) -> float:
        return had / (had + self._limits.half_share)


def _count_down(counts: Counter[K], key: K) -> None:
    counts[key] -= 1
    if not counts[key]:
        del counts[key]
