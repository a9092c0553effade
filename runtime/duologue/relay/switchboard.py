"""Who listens, who waits, who speaks with whom; what to do next comes back as values. Pure.

A connection is only a number here, a `Leg`. Times are seconds of one monotonic clock. Every method
leaves the tables consistent: a leg is at most one of spare, waiting, or half of a pair, and a key
without spares has no entry.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from math import inf
from typing import Any, Final

from duologue.protocol.deadline_wheel import DeadlineWheel
from duologue.relay import messages
from duologue.relay.actions import (
    Action,
    Close,
    Drop,
    HandOver,
    KeyWatcher,
    Seek,
    SendPing,
)
from duologue.relay.events import Cause, Leg
from duologue.relay.limits import RelayLimits
from duologue.relay.rates import Rate
from duologue.relay.shares import Shares
from duologue.relay.spares import Spare, Spares
from duologue.relay.waiting_line import Request, WaitingLine

AT_ONCE_S: Final = 0.0
"""As a time when something is due."""


@dataclass(frozen=True, slots=True)
class _Pair:
    caller: Leg
    listener: Leg
    target: bytes
    address: str
    """Of the caller."""
    joined_s: float


class Switchboard:
    """The tables of one relay."""

    def __init__(self, limits: RelayLimits, *, started_s: float = -inf) -> None:
        """`started_s` is when the relay was started; without it, long ago."""
        self.is_draining = False
        self.has_other_nodes = False
        """Who is not served here may be served there: see `Seek`."""
        self._limits = limits
        self._listeners_are_back_s = started_s + limits.startup_grace_s
        self._are_back: set[bytes] = set()
        """Keys that have registered since the start; until then only."""
        self._deadlines: DeadlineWheel[Leg] = DeadlineWheel()
        self._spares = Spares()
        self._freed: set[bytes] = set()
        """Keys that have lost a pair while somebody waited for one."""
        self._pairs: dict[Leg, _Pair] = {}
        """Both legs of every pair."""
        self._shares = Shares(limits)
        self._waiting = WaitingLine(self._shares.held)
        self._handed_over_s: dict[bytes, float] = {}
        """When a spare of a key was taken last, the longest ago first; for `spare_wait_s` only."""
        self._registers_by_address: Rate[str] = _per_min(limits.registers_per_min_per_address)
        self._registers_by_key: Rate[bytes] = _per_min(limits.registers_per_min_per_key)
        self._requests_by_address: Rate[str] = _per_min(limits.requests_per_min_per_address)
        self._requests_by_both: Rate[tuple[str, bytes]] = Rate(
            limits.requests_per_min_per_address_and_target / 60,
            limits.request_burst_per_address_and_target,
        )

    @property
    def watcher(self) -> KeyWatcher | None:
        """Who is told which keys have a spare."""
        return self._spares.watcher

    @watcher.setter
    def watcher(self, watcher: KeyWatcher | None) -> None:
        self._spares.watcher = watcher

    # -- what there is --------------------------------------------------------------------------

    @property
    def spares(self) -> int:
        """Spare connections of all keys."""
        return len(self._spares)

    @property
    def keys(self) -> int:
        """Keys that have a spare."""
        return self._spares.keys

    def count_keys_by_spares(self) -> Counter[int]:
        """How many keys have one spare, how many two, and so on."""
        return self._spares.count_keys()

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
        return self._spares.legs()

    def next_due_s(self) -> float | None:
        """When `due` has something to do, or None."""
        if self._freed:
            return AT_ONCE_S
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
        spare = Spare(key, address, now_s)
        self._spares.add(leg, spare)
        if now_s < self._listeners_are_back_s:
            self._are_back.add(key)
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
        self,
        leg: Leg,
        source: bytes,
        target: bytes,
        address: str,
        now_s: float,
        *,
        visit_wait_s: float | None = None,
    ) -> list[Action]:
        """A caller wants to speak with `target`. Both keys must have been checked (4.3).

        Nothing to do means that the request waits: for a spare that has been pinged and has not
        answered yet, for the refill after a spare was handed over, for the end of a pair, or, just
        after the start, for a listener to come back.

        `visit_wait_s` is given for who comes from another node, which has applied the limits of the
        address: how long it may wait at most.
        """
        if self.is_draining:
            return [Close(leg, messages.DRAINING, Cause.DRAINING)]
        request = Request(leg, source, target, address, self._shares.had(address, target, now_s))
        is_visit = visit_wait_s is not None
        seeks = self.has_other_nodes and not is_visit
        refusal = None if is_visit else self._over_address_limits(request, now_s)
        if refusal is not None:
            return [refusal]
        waits_until_s = self._waits_until_s(target, now_s)
        if seeks and waits_until_s is None:
            # The limits of a key are up to those who have it.
            return [
                Seek(leg, source, target, None, Close(leg, messages.NO_LISTENER, Cause.NO_SPARE))
            ]
        refusal = self._over_target_limits(request, now_s)
        if refusal is not None:
            return [Seek(leg, source, target, None, refusal) if seeks else refusal]
        spare = self._spares.newest(target)
        is_full = bool(self._shares.find_full(address, target, now_s))
        if spare is not None and not is_full:
            return [self._hand_over(request, spare, now_s)]
        if is_full:
            waits_until_s = now_s + self._limits.spare_wait_s
        if waits_until_s is None:
            return [Close(leg, messages.NO_LISTENER, Cause.NO_SPARE)]
        if visit_wait_s is not None:
            waits_until_s = min(waits_until_s, now_s + visit_wait_s)
        actions = self._wait(request, waits_until_s)
        if seeks and self.is_waiting(leg):
            actions.append(Seek(leg, source, target, waits_until_s, None))
        return actions

    def is_waiting(self, leg: Leg) -> bool:
        """Whether it has a place in the line."""
        return leg in self._waiting

    def leave_line(self, leg: Leg) -> None:
        """Give up its place, to be served at another node."""
        self._forget_waiting(leg)

    def rejoin(
        self, leg: Leg, source: bytes, target: bytes, address: str, until_s: float, now_s: float
    ) -> list[Action]:
        """Serve who was not served at another node, or let it wait, if anybody would."""
        if self.is_draining or self._waits_until_s(target, now_s) is None:
            return []
        request = Request(leg, source, target, address, self._shares.had(address, target, now_s))
        if self._over_target_limits(request, now_s) is not None:
            return []
        spare = self._spares.newest(target)
        if spare is not None and not self._shares.find_full(address, target, now_s):
            return [self._hand_over(request, spare, now_s)]
        return self._wait(request, until_s)

    def look_at(self, key: bytes, now_s: float) -> tuple[int, bool]:
        """How many spares of a key could be taken, and whether it has all its pairs."""
        is_full = self._shares.find_full("", key, now_s) == "max_pairs_per_key"
        return self._spares.count_free(key), is_full or self.pairs >= self._limits.max_pairs

    # -- time and the end -----------------------------------------------------------------------

    def due(self, now_s: float) -> list[Action]:
        """What the time has brought: pings, pongs that did not come, requests that gave up."""
        actions: list[Action] = []
        while self._freed:
            actions += self._serve_waiting(self._freed.pop(), now_s)
        for leg in self._deadlines.expired(now_s):
            spare = self._spares.get(leg)
            if spare is not None:
                actions.append(self._due_spare(leg, spare, now_s))
                continue
            request = self._forget_waiting(leg)
            if request is not None:
                actions.append(self._refuse_late(request))
        return actions

    def leave(self, leg: Leg, now_s: float) -> Leg | None:
        """A connection has ended, or begins to. Returns the one it was joined with.

        If somebody waited for that, `due` has something to do at once.
        """
        self._forget_spare(leg, comes_back=self.is_draining)
        self._forget_waiting(leg)
        pair = self._pairs.pop(leg, None)
        if pair is None:
            return None
        partner = pair.caller if leg == pair.listener else pair.listener
        del self._pairs[partner]
        self._shares.let_go(pair.address, pair.target, now_s - pair.joined_s, now_s)
        if self._waiting.count_for(pair.target):
            self._freed.add(pair.target)
        return partner

    def start_draining(self) -> list[Action]:
        """Take nothing new; waiting requests are refused. Spares and pairs stay."""
        self.is_draining = True
        waiting = self._waiting.callers()
        for leg in waiting:
            self._forget_waiting(leg)
        return [Close(leg, messages.DRAINING, Cause.DRAINING) for leg in waiting]

    # -- inside ---------------------------------------------------------------------------------

    def _no_room_for_spare(self, leg: Leg, key: bytes) -> Close | None:
        if self._spares.count(key) < self._limits.max_spares_per_key:
            return None
        return _over(leg, "max_spares_per_key", "This key has all the spares it may have.")

    def _waits_until_s(self, target: bytes, now_s: float) -> float | None:
        """How long to wait for a spare of a key, or None if none is expected."""
        handed_over_s = self._handed_over_s.get(target, float("-inf"))
        if self._spares.has(target) or now_s - handed_over_s <= self._limits.spare_wait_s:
            return now_s + self._limits.spare_wait_s
        if now_s >= self._listeners_are_back_s:
            self._are_back.clear()
            return None
        return None if target in self._are_back else self._listeners_are_back_s

    def _over_address_limits(self, request: Request, now_s: float) -> Close | None:
        leg, address, target = request.caller, request.address, request.target
        # From the narrowest: what one address asks in vain must not count for the target.
        if not self._requests_by_both.take((address, target), now_s):
            return _over(leg, "requests_per_min_per_address_and_target", messages.TOO_MANY_REQUESTS)
        if not self._requests_by_address.take(address, now_s):
            return _over(leg, "requests_per_min_per_address", messages.TOO_MANY_REQUESTS)
        return None

    def _over_target_limits(self, request: Request, now_s: float) -> Close | None:
        leg, address, target = request.caller, request.address, request.target
        full = self._shares.find_full(address, target, now_s)
        if full and self._shares.held(address, target):
            # Who has none may wait for one that ends.
            return _over(leg, full, messages.NO_PAIR_FOR_KEY)
        if self.pairs + self.waiting >= self._limits.max_pairs:
            return _over(leg, "max_pairs", messages.NO_PAIR)
        met = self._shares.take_request(address, target, now_s)
        return _over(leg, met, messages.TOO_MANY_FOR_KEY) if met else None

    def _wait(self, request: Request, due_s: float) -> list[Action]:
        actions: list[Action] = []
        if self._waiting.count_for(request.target) >= self._limits.max_waiting_per_target:
            greediest = self._waiting.find_greediest(request)
            actions = [_over(greediest.caller, "max_waiting_per_target", messages.NO_LISTENER)]
            if greediest is request:
                return actions
            self._forget_waiting(greediest.caller)
        tick = self._deadlines.add(request.caller, due_s)
        self._waiting.add(request, tick)
        return actions

    def _refuse_late(self, request: Request) -> Close:
        if self._spares.newest(request.target) is None:
            return Close(request.caller, messages.NO_LISTENER, Cause.NO_SPARE)
        return _over(request.caller, "max_pairs_per_key", messages.NO_PAIR_FOR_KEY)

    def _hand_over(self, request: Request, listener: Leg, now_s: float) -> HandOver:
        caller, target, spare = request.caller, request.target, self._spares[listener]
        self._forget_spare(listener, comes_back=True)
        self._shares.hold(request.address, target)
        pair = _Pair(caller, listener, target, request.address, now_s)
        self._pairs[caller] = self._pairs[listener] = pair
        self._note_handed_over(target, now_s)
        # The listener will register again, and that one is not its fault.
        self._registers_by_address.give_back(spare.address)
        self._registers_by_key.give_back(spare.key)
        return HandOver(caller, listener, request.source, target)

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
        while (listener := self._spares.newest(key)) is not None:
            request = self._waiting.find_next(
                key, lambda address: not self._shares.find_full(address, key, now_s)
            )
            if request is None:
                break
            self._forget_waiting(request.caller)
            actions.append(self._hand_over(request, listener, now_s))
        return actions

    def _set_ping(self, leg: Leg, spare: Spare, now_s: float) -> None:
        spare.tick = self._deadlines.add(leg, now_s + self._limits.ping_interval_s)

    def _due_spare(self, leg: Leg, spare: Spare, now_s: float) -> Action:
        if spare.is_pinged:
            self._forget_spare(leg)
            return Drop(leg, "Ping: Connection timed out", Cause.NO_PONG)
        if now_s - spare.registered_s >= self._limits.spare_age_s:
            self._forget_spare(leg, comes_back=True)
            # Its listener comes back at once: whoever asks in between may wait for that.
            self._note_handed_over(spare.key, now_s)
            return Close(leg, "Spare connection is old; register again.", Cause.SPARE_AGE)
        spare.is_pinged = True
        spare.tick = self._deadlines.add(leg, now_s + self._limits.ping_timeout_s)
        return SendPing(leg)

    def _forget_spare(self, leg: Leg, *, comes_back: bool = False) -> None:
        spare = self._spares.remove(leg, comes_back=comes_back)
        if spare is not None:
            self._deadlines.discard(spare.tick, leg)

    def _forget_waiting(self, leg: Leg) -> Request | None:
        found = self._waiting.remove(leg)
        if found is None:
            return None
        request, tick = found
        self._deadlines.discard(tick, leg)
        return request


def _per_min(count: float) -> Rate[Any]:
    """A rate that lets half a minute's number come at once."""
    return Rate(count / 60, count / 2)


def _over(leg: Leg, limit: str, reason: str) -> Close:
    return Close(leg, reason, Cause.LIMIT, limit)
