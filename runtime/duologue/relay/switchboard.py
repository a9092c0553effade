"""Who listens, who waits, who speaks with whom; what to do next comes back as values. Pure.

A connection is only a number here, a `Leg`. Times are seconds of one monotonic clock. Every method
leaves the tables consistent: a leg is at most one of spare, waiting, or half of a pair, and a key
without spares has no entry.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NewType

from duologue.protocol.deadlines import DeadlineWheel
from duologue.relay import messages
from duologue.relay.causes import Cause
from duologue.relay.limits import RelayLimits
from duologue.relay.rates import Rate

Leg = NewType("Leg", int)
"""One connection of the relay."""


@dataclass(frozen=True, slots=True)
class SendPing:
    """Send a ping on this spare; its pong has until `ping_timeout_s`."""

    leg: Leg


@dataclass(frozen=True, slots=True)
class HandOver:
    """Join these two: first switch both to forwarding, then send the two messages of 4.3."""

    caller: Leg
    listener: Leg
    source: bytes
    target: bytes


@dataclass(frozen=True, slots=True)
class Close:
    """Close this leg with `Close called: ` and this text."""

    leg: Leg
    reason: str
    cause: Cause
    limit: str = ""
    """The field of `RelayLimits`, where the cause is LIMIT."""


@dataclass(frozen=True, slots=True)
class Drop:
    """Close this leg without waiting for its answer, `Terminate called: ` and this text."""

    leg: Leg
    reason: str
    cause: Cause


Action = SendPing | HandOver | Close | Drop


@dataclass(slots=True)
class _Spare:
    key: bytes
    address: str
    registered_s: float
    tick: int = -1
    is_pinged: bool = False


@dataclass(slots=True)
class _Waiting:
    source: bytes
    target: bytes
    tick: int


@dataclass(frozen=True, slots=True)
class _Pair:
    caller: Leg
    listener: Leg
    target: bytes


class Switchboard:
    """The tables of one relay."""

    def __init__(self, limits: RelayLimits) -> None:
        self.is_draining = False
        self._limits = limits
        self._deadlines: DeadlineWheel[Leg] = DeadlineWheel()
        self._spares: dict[Leg, _Spare] = {}
        self._spares_of: dict[bytes, list[Leg]] = {}
        """Oldest first. The newest is handed out first: it is the likeliest to be alive."""
        self._waiting: dict[Leg, _Waiting] = {}
        self._waiting_for: dict[bytes, list[Leg]] = {}
        self._pairs: dict[Leg, _Pair] = {}
        """Both legs of every pair."""
        self._pairs_of: dict[bytes, int] = {}
        self._handed_over_s: dict[bytes, float] = {}
        """When a spare of a key was taken last, the longest ago first; for `spare_wait_s` only."""
        self._registers_by_address: Rate[str] = _per_min(limits.registers_per_min_per_address)
        self._registers_by_key: Rate[bytes] = _per_min(limits.registers_per_min_per_key)
        self._requests_by_address: Rate[str] = _per_min(limits.requests_per_min_per_address)
        self._requests_by_target: Rate[bytes] = _per_min(limits.requests_per_min_per_target)
        self._requests_by_both: Rate[tuple[str, bytes]] = Rate(
            limits.requests_per_min_per_address_and_target / 60,
            limits.request_burst_per_address_and_target,
        )

    # -- what there is --------------------------------------------------------------------------

    @property
    def spares(self) -> int:
        """Spare connections of all keys."""
        return len(self._spares)

    @property
    def keys(self) -> int:
        """Keys that have a spare."""
        return len(self._spares_of)

    def count_keys_by_spares(self) -> Counter[int]:
        """How many keys have one spare, how many two, and so on."""
        return Counter(map(len, self._spares_of.values()))

    @property
    def pairs(self) -> int:
        """Joined conversations."""
        return len(self._pairs) // 2

    @property
    def waiting(self) -> int:
        """Requests that wait for a spare."""
        return len(self._waiting)

    def spare_legs(self) -> Iterator[tuple[Leg, bytes]]:
        """Every spare and its key."""
        return ((leg, spare.key) for leg, spare in self._spares.items())

    def next_due_s(self) -> float | None:
        """When `due` has something to do, or None."""
        return self._deadlines.next_due_s()

    # -- listeners ------------------------------------------------------------------------------

    def admit_registration(self, leg: Leg, key: bytes, address: str, now_s: float) -> Close | None:
        """Look at the limits before the challenge is made, which costs; None: go on."""
        if self.is_draining:
            return Close(leg, messages.DRAINING, Cause.DRAINING)
        if not self._registers_by_address.take(address, now_s):
            return _over(leg, "registers_per_min_per_address", "Too many registrations.")
        if not self._registers_by_key.take(key, now_s):
            return _over(leg, "registers_per_min_per_key", "Too many registrations of this key.")
        return self._no_room_for_spare(leg, key)

    def register(self, leg: Leg, key: bytes, address: str, now_s: float) -> list[Action]:
        """A listener has proved its key: it is a spare from now on, or is at once used."""
        if self.is_draining:
            return [Close(leg, messages.DRAINING, Cause.DRAINING)]
        refusal = self._no_room_for_spare(leg, key)
        if refusal is not None:
            return [refusal]
        spare = _Spare(key, address, now_s)
        self._spares[leg] = spare
        self._spares_of.setdefault(key, []).append(leg)
        self._set_ping(leg, spare, now_s)
        return self._serve_waiting(key, now_s)

    def receive_pong(self, leg: Leg, now_s: float) -> list[Action]:
        """A spare has answered its ping."""
        spare = self._spares.get(leg)
        if spare is None or not spare.is_pinged:
            return [Close(leg, "Pong without a ping.", Cause.BAD_MESSAGE)]
        spare.is_pinged = False
        self._deadlines.discard(spare.tick, leg)
        self._set_ping(leg, spare, now_s)
        return self._serve_waiting(spare.key, now_s)

    # -- callers --------------------------------------------------------------------------------

    def request(
        self, leg: Leg, source: bytes, target: bytes, address: str, now_s: float
    ) -> list[Action]:
        """A caller wants to speak with `target`. Both keys must have been checked (4.3).

        Nothing to do means that the request waits: for a spare that has been pinged and has not
        answered yet, or for the refill after a spare was handed over.
        """
        if self.is_draining:
            return [Close(leg, messages.DRAINING, Cause.DRAINING)]
        refusal = self._over_request_limits(leg, target, address, now_s)
        if refusal is not None:
            return [refusal]
        spare = self._newest_spare(target)
        if spare is not None:
            return [self._hand_over(leg, spare, source, target, now_s)]
        handed_over_s = self._handed_over_s.get(target, float("-inf"))
        may_come = target in self._spares_of or now_s - handed_over_s <= self._limits.spare_wait_s
        waiting = self._waiting_for.get(target, [])
        if not may_come:
            return [Close(leg, messages.NO_LISTENER, Cause.NO_SPARE)]
        if len(waiting) >= self._limits.max_waiting_per_target:
            return [Close(leg, messages.NO_LISTENER, Cause.LIMIT, "max_waiting_per_target")]
        tick = self._deadlines.add(leg, now_s + self._limits.spare_wait_s)
        self._waiting[leg] = _Waiting(source, target, tick)
        self._waiting_for.setdefault(target, []).append(leg)
        return []

    # -- time and the end -----------------------------------------------------------------------

    def due(self, now_s: float) -> list[Action]:
        """What the time has brought: pings, pongs that did not come, requests that gave up."""
        actions: list[Action] = []
        for leg in self._deadlines.expired(now_s):
            spare = self._spares.get(leg)
            if spare is not None:
                actions.append(self._due_spare(leg, spare, now_s))
            elif leg in self._waiting:
                self._forget_waiting(leg)
                actions.append(Close(leg, messages.NO_LISTENER, Cause.NO_SPARE))
        return actions

    def leave(self, leg: Leg) -> Leg | None:
        """A connection has ended, or begins to. Returns the one it was joined with."""
        self._forget_spare(leg)
        self._forget_waiting(leg)
        pair = self._pairs.pop(leg, None)
        if pair is None:
            return None
        partner = pair.caller if leg == pair.listener else pair.listener
        del self._pairs[partner]
        self._pairs_of[pair.target] -= 1
        if not self._pairs_of[pair.target]:
            del self._pairs_of[pair.target]
        return partner

    def start_draining(self) -> list[Action]:
        """Take nothing new; waiting requests are refused. Spares and pairs stay."""
        self.is_draining = True
        waiting = list(self._waiting)
        for leg in waiting:
            self._forget_waiting(leg)
        return [Close(leg, messages.DRAINING, Cause.DRAINING) for leg in waiting]

    # -- inside ---------------------------------------------------------------------------------

    def _no_room_for_spare(self, leg: Leg, key: bytes) -> Close | None:
        if len(self._spares_of.get(key, ())) < self._limits.max_spares_per_key:
            return None
        return _over(leg, "max_spares_per_key", "This key has all the spares it may have.")

    def _over_request_limits(
        self, leg: Leg, target: bytes, address: str, now_s: float
    ) -> Close | None:
        limits = self._limits
        # From the narrowest: what one address asks in vain must not count for the target.
        if not self._requests_by_both.take((address, target), now_s):
            return _over(leg, "requests_per_min_per_address_and_target", messages.TOO_MANY_REQUESTS)
        if not self._requests_by_address.take(address, now_s):
            return _over(leg, "requests_per_min_per_address", messages.TOO_MANY_REQUESTS)
        if not self._requests_by_target.take(target, now_s):
            return _over(leg, "requests_per_min_per_target", messages.TOO_MANY_FOR_KEY)
        waiting = len(self._waiting_for.get(target, ()))
        if self._pairs_of.get(target, 0) + waiting >= limits.max_pairs_per_key:
            return _over(leg, "max_pairs_per_key", messages.NO_PAIR_FOR_KEY)
        if self.pairs + self.waiting >= limits.max_pairs:
            return _over(leg, "max_pairs", messages.NO_PAIR)
        return None

    def _newest_spare(self, key: bytes) -> Leg | None:
        # One with a ping out may be dead, and its pong would be taken for the listener's answer.
        legs = reversed(self._spares_of.get(key, []))
        return next((leg for leg in legs if not self._spares[leg].is_pinged), None)

    def _hand_over(
        self, caller: Leg, listener: Leg, source: bytes, target: bytes, now_s: float
    ) -> HandOver:
        spare = self._spares[listener]
        self._forget_spare(listener)
        pair = _Pair(caller, listener, target)
        self._pairs[caller] = self._pairs[listener] = pair
        self._pairs_of[target] = self._pairs_of.get(target, 0) + 1
        self._note_handed_over(target, now_s)
        # The listener will register again, and that one is not its fault.
        self._registers_by_address.give_back(spare.address)
        self._registers_by_key.give_back(spare.key)
        return HandOver(caller, listener, source, target)

    def _note_handed_over(self, key: bytes, now_s: float) -> None:
        self._handed_over_s.pop(key, None)
        self._handed_over_s[key] = now_s
        while True:
            oldest = next(iter(self._handed_over_s))
            if now_s - self._handed_over_s[oldest] <= self._limits.spare_wait_s:
                return
            del self._handed_over_s[oldest]

    def _serve_waiting(self, key: bytes, now_s: float) -> list[Action]:
        actions: list[Action] = []
        while key in self._waiting_for:
            listener = self._newest_spare(key)
            if listener is None:
                break
            caller = self._waiting_for[key][0]
            waiting = self._waiting[caller]
            self._forget_waiting(caller)
            actions.append(self._hand_over(caller, listener, waiting.source, key, now_s))
        return actions

    def _set_ping(self, leg: Leg, spare: _Spare, now_s: float) -> None:
        spare.tick = self._deadlines.add(leg, now_s + self._limits.ping_interval_s)

    def _due_spare(self, leg: Leg, spare: _Spare, now_s: float) -> Action:
        if spare.is_pinged:
            self._forget_spare(leg)
            return Drop(leg, "Ping: Connection timed out", Cause.NO_PONG)
        if now_s - spare.registered_s >= self._limits.spare_age_s:
            self._forget_spare(leg)
            # Its listener comes back at once: whoever asks in between may wait for that.
            self._note_handed_over(spare.key, now_s)
            return Close(leg, "Spare connection is old; register again.", Cause.SPARE_AGE)
        spare.is_pinged = True
        spare.tick = self._deadlines.add(leg, now_s + self._limits.ping_timeout_s)
        return SendPing(leg)

    def _forget_spare(self, leg: Leg) -> None:
        spare = self._spares.pop(leg, None)
        if spare is None:
            return
        self._deadlines.discard(spare.tick, leg)
        legs = self._spares_of[spare.key]
        legs.remove(leg)
        if not legs:
            del self._spares_of[spare.key]

    def _forget_waiting(self, leg: Leg) -> None:
        waiting = self._waiting.pop(leg, None)
        if waiting is None:
            return
        self._deadlines.discard(waiting.tick, leg)
        legs = self._waiting_for[waiting.target]
        legs.remove(leg)
        if not legs:
            del self._waiting_for[waiting.target]


def _per_min(count: float) -> Rate[Any]:
    """A rate that lets half a minute's number come at once."""
    return Rate(count / 60, count / 2)


def _over(leg: Leg, limit: str, reason: str) -> Close:
    return Close(leg, reason, Cause.LIMIT, limit)
