"""Many ask for one key: who gets what there is of it. On a clock that is an argument."""

import heapq
import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from duologue.relay.actions import Action, Close, HandOver, SendPing
from duologue.relay.events import Cause, Leg
from duologue.relay.limits import RelayLimits
from duologue.relay.shares import Shares
from duologue.relay.switchboard import Switchboard

KEY = b"P" * 32
OTHER_KEY = b"O" * 32
SOURCE = b"C" * 32
GREEDY, MODEST = "192.0.2.1", "198.51.100.7"


# -- the budget of requests ---------------------------------------------------------------------


def granted(shares: Shares, address: str, count: int, now_s: float = 0.0) -> int:
    return sum(not shares.take_request(address, KEY, now_s) for _ in range(count))


def test_who_has_had_half_a_share_must_leave_half_to_others() -> None:
    # 41 come at once. Half of the 40 beside the one that is asked for are left after 20.
    shares = Shares(RelayLimits(requests_per_min_per_target=82, half_share=20))
    assert granted(shares, GREEDY, 21) == 21
    assert shares.take_request(GREEDY, KEY, 0) == "half_share"
    assert granted(shares, MODEST, 1) == 1


def test_who_asks_seldom_finds_what_the_greedy_had_to_leave() -> None:
    shares = Shares(RelayLimits())
    for _ in range(20):
        for number in range(50):
            shares.take_request(f"192.0.2.{number}", KEY, 0)
    assert shares.take_request("192.0.2.1", KEY, 0) == "half_share"
    assert all(not shares.take_request(f"198.51.100.{number}", KEY, 0) for number in range(50))


def test_the_budget_is_the_last_word_for_those_who_have_had_nothing() -> None:
    shares = Shares(RelayLimits(requests_per_min_per_target=8))
    met = [shares.take_request(f"192.0.2.{number}", KEY, 0) for number in range(5)]
    assert met == ["", "", "", "", "requests_per_min_per_target"]


def test_what_was_had_counts_half_after_a_half_life() -> None:
    shares = Shares(RelayLimits(share_half_life_s=60))
    granted(shares, GREEDY, 8)
    assert shares.had(GREEDY, KEY, 0) == pytest.approx(8)
    assert shares.had(GREEDY, KEY, 60) == pytest.approx(4)
    assert shares.had(GREEDY, KEY, 120) == pytest.approx(2)
    assert shares.had(GREEDY, OTHER_KEY, 0) == shares.had(MODEST, KEY, 0) == 0


def test_alone_an_address_gets_all_that_its_own_limit_allows() -> None:
    switchboard = Switchboard(RelayLimits())
    legs = itertools.count(1)
    taken = 0
    for number in range(600):
        now_s = number / 2
        register(switchboard, next(legs), now_s)
        caller = next(legs)
        taken += is_joined(switchboard.request(Leg(caller), SOURCE, KEY, GREEDY, now_s))
        switchboard.leave(Leg(caller), now_s)
    assert taken >= 300


# -- the places of pairs ------------------------------------------------------------------------


def places(shares: Shares, address: str) -> tuple[int, str]:
    """As many as it gets, and the limit that it meets then."""
    taken = 0
    while not (met := shares.find_full(address, KEY, 0)):
        shares.hold(address, KEY)
        taken += 1
    return taken, met


def test_one_address_leaves_places_to_the_others() -> None:
    shares = Shares(RelayLimits())
    assert places(shares, GREEDY) == (22, "half_share")
    assert shares.find_full(MODEST, KEY, 0) == ""
    shares.let_go(GREEDY, KEY, 0.0, 0.0)
    assert shares.find_full(GREEDY, KEY, 0) == ""


def test_who_has_half_a_share_of_pairs_must_leave_half_to_others() -> None:
    shares = Shares(RelayLimits(half_share=10))
    for _ in range(10):
        shares.hold(GREEDY, KEY)
    for number in range(22):
        assert shares.find_full(GREEDY, KEY, 0) == ""
        shares.hold(f"198.51.100.{number}", KEY)
    # Of 64 places 32 are free: one to be asked for, and half of the other 63. Not with one less.
    assert shares.find_full(GREEDY, KEY, 0) == ""
    shares.hold(MODEST, KEY)
    assert shares.find_full(GREEDY, KEY, 0) == "half_share"
    assert shares.find_full("198.51.100.99", KEY, 0) == ""


def test_a_busy_address_that_is_alone_has_as_many_pairs_as_one_that_is_not_busy() -> None:
    shares = Shares(RelayLimits())
    for number in range(300):
        assert shares.take_request(GREEDY, KEY, number) == ""
    assert shares.had(GREEDY, KEY, 300) > 80
    taken = 0
    while not shares.find_full(GREEDY, KEY, 300):
        shares.hold(GREEDY, KEY)
        taken += 1
    assert taken == 22


def with_free(places: int) -> Shares:
    """So many of the 64 places are free; the others have one each."""
    shares = Shares(RelayLimits(half_share=9, share_half_life_s=60))
    for number in range(64 - places):
        shares.hold(f"192.0.3.{number}", KEY)
    return shares


def test_who_has_no_pair_is_asked_how_long_it_had_some() -> None:
    # 63 places beside the one that is asked for, of which a tenth must be left, then none.
    for free, held_s, met in ((7, 60.0, ""), (6, 60.0, "half_share"), (1, 0.1, "")):
        shares = with_free(free + 1)
        shares.hold(GREEDY, KEY)
        shares.let_go(GREEDY, KEY, held_s, 0.0)
        shares.hold(MODEST, KEY)
        assert shares.find_full(GREEDY, KEY, 0.0) == met


def test_a_long_pair_counts_as_one_and_half_after_a_half_life() -> None:
    for now_s, met in ((0.0, "half_share"), (60.0, "")):
        shares = with_free(4)
        shares.hold(GREEDY, KEY)
        shares.let_go(GREEDY, KEY, 6000.0, 0.0)
        assert shares.find_full(GREEDY, KEY, now_s) == met


def test_who_comes_often_and_goes_soon_leaves_the_places_to_others() -> None:
    shares = with_free(1)
    for number in range(20):
        assert not shares.take_request(MODEST, KEY, number)
        assert not shares.find_full(MODEST, KEY, number)
        shares.hold(MODEST, KEY)
        shares.let_go(MODEST, KEY, 0.05, number)


def test_a_key_with_few_places_gives_all_of_them_to_one_address() -> None:
    shares = Shares(RelayLimits(max_pairs_per_key=3))
    assert places(shares, GREEDY) == (3, "max_pairs_per_key")


# -- requests that wait -------------------------------------------------------------------------


def register(switchboard: Switchboard, leg: int, now_s: float = 0.0) -> list[Action]:
    return switchboard.register(Leg(leg), KEY, MODEST, now_s)


def ask(switchboard: Switchboard, leg: int, address: str, now_s: float = 0.0) -> list[Action]:
    return switchboard.request(Leg(leg), SOURCE, KEY, address, now_s)


def is_joined(actions: list[Action]) -> bool:
    return any(isinstance(action, HandOver) for action in actions)


def no_place(leg: int) -> list[Action]:
    reason = "No listening connection for the specified publicKey."
    return [Close(Leg(leg), reason, Cause.LIMIT, "max_waiting_per_target")]


def test_a_spare_goes_to_the_waiting_address_that_has_had_least() -> None:
    switchboard = Switchboard(RelayLimits())
    register(switchboard, 1)
    ask(switchboard, 10, GREEDY)
    for leg in (11, 12):
        assert ask(switchboard, leg, GREEDY) == []
    for leg in (20, 21):
        assert ask(switchboard, leg, MODEST) == []
    order = [register(switchboard, leg) for leg in (2, 3, 4, 5)]
    callers = [each.caller for [each] in order if isinstance(each, HandOver)]
    # 20 had nothing before; 11 and 21 had one each, and 11 came first.
    assert callers == [20, 11, 21, 12]


def test_whoever_has_no_pair_is_served_before_those_who_have_one() -> None:
    switchboard = Switchboard(RelayLimits())
    register(switchboard, 1)
    ask(switchboard, 10, GREEDY)
    for number in range(5):
        # It has been granted more by now, and nothing has come of it.
        ask(switchboard, 20 + number, MODEST)
        switchboard.leave(Leg(20 + number), 0.0)
    assert ask(switchboard, 11, GREEDY) == []
    assert ask(switchboard, 30, MODEST) == []
    [first] = register(switchboard, 2)
    [second] = register(switchboard, 3)
    assert isinstance(first, HandOver)
    assert isinstance(second, HandOver)
    assert (first.caller, second.caller) == (30, 11)


def test_when_all_places_are_taken_the_greediest_gives_one_up() -> None:
    switchboard = Switchboard(RelayLimits(max_waiting_per_target=2))
    register(switchboard, 1)
    ask(switchboard, 10, GREEDY)
    assert ask(switchboard, 11, GREEDY) == []
    assert ask(switchboard, 12, GREEDY) == []
    assert ask(switchboard, 20, MODEST) == no_place(12)
    assert ask(switchboard, 13, GREEDY) == no_place(13)
    # Both had one request; one has a pair of it.
    assert ask(switchboard, 21, MODEST) == no_place(11)
    assert ask(switchboard, 22, MODEST) == no_place(22)
    assert switchboard.waiting == 2
    assert is_joined(register(switchboard, 2))
    assert is_joined(register(switchboard, 3))
    assert (switchboard.waiting, switchboard.pairs) == (0, 3)


def test_a_request_that_waits_no_longer_holds_no_place_of_a_pair() -> None:
    switchboard = Switchboard(RelayLimits(max_waiting_per_target=1, max_pairs_per_key=2))
    register(switchboard, 1)
    ask(switchboard, 10, GREEDY)
    for number in range(10):
        now_s = number / 10
        assert ask(switchboard, 20 + number, GREEDY, now_s) == []
        switchboard.leave(Leg(20 + number), now_s)
    assert ask(switchboard, 40, GREEDY, 1.0) == []
    assert len(switchboard.due(3.1)) == 1
    register(switchboard, 2, 3.2)
    assert is_joined(ask(switchboard, 41, GREEDY, 3.2))


# -- a flood (row 34) ---------------------------------------------------------------------------


@dataclass
class Flood:
    """Attackers, honest callers, and a listener that refills, around one switchboard."""

    attackers: int
    attack_per_s: float
    held_s: float
    """How long an attacker keeps what it was given."""
    refill_s: float = 0.05
    spares: int = 8
    callers: int = 60
    call_every_s: float = 45.0
    """Each of them, on average."""
    call_s: float = 2.0
    """How long a call of theirs takes."""
    are_at_once: bool = False
    """Whether all attackers begin in the same moment."""
    duration_s: float = 60.0
    now_s: float = 0.0
    honest: dict[int, bool] = field(default_factory=dict[int, bool])
    """By leg: whether it was joined."""
    first_refusal_s: float | None = None
    attacks_joined: int = 0

    def __post_init__(self) -> None:
        self.chance = random.Random(34)
        self.switchboard = Switchboard(RelayLimits())
        self._legs = itertools.count(1)
        self._order = itertools.count()
        self._due: list[tuple[float, int, Callable[[], None]]] = []

    def run(self) -> float:
        """Returns the part of its spares that the target had, on average."""
        for _ in range(self.spares):
            self._refill()
        for number in range(self.attackers):
            self._attack(f"192.0.2.{number}")
        for number in range(self.callers):
            self._call(f"198.51.100.{number}")
        spare_s = 0.0
        while self._due and self._due[0][0] <= self.duration_s:
            due_s, _, act = heapq.heappop(self._due)
            spare_s += self.switchboard.spares * (due_s - self.now_s)
            self.now_s = due_s
            self._carry_out(self.switchboard.due(self.now_s))
            act()
            # Somebody may have left.
            self._carry_out(self.switchboard.due(self.now_s))
        return spare_s / self.now_s / self.spares

    def success(self) -> float:
        return sum(self.honest.values()) / len(self.honest)

    def _in(self, seconds: float, act: Callable[[], None]) -> None:
        heapq.heappush(self._due, (self.now_s + seconds, next(self._order), act))

    def _attack(self, address: str) -> None:
        # Each keeps a beat of its own, so that they come evenly spread.
        period_s = self.attackers / self.attack_per_s

        def attack() -> None:
            leg = Leg(next(self._legs))
            self._carry_out(self.switchboard.request(leg, SOURCE, KEY, address, self.now_s))
            self._in(period_s, attack)

        self._in(0.0 if self.are_at_once else self.chance.uniform(0, period_s), attack)

    def _call(self, address: str) -> None:
        def call() -> None:
            leg = Leg(next(self._legs))
            self.honest[leg] = False
            self._carry_out(self.switchboard.request(leg, SOURCE, KEY, address, self.now_s))
            self._in(self.chance.expovariate(1 / self.call_every_s), call)

        self._in(self.chance.expovariate(1 / self.call_every_s), call)

    def _refill(self) -> None:
        leg = Leg(next(self._legs))
        refusal = self.switchboard.admit_registration(leg, KEY, MODEST, self.now_s)
        assert refusal is None
        self._carry_out(self.switchboard.register(leg, KEY, MODEST, self.now_s))

    def _carry_out(self, actions: list[Action]) -> None:
        for action in actions:
            if isinstance(action, HandOver):
                self._in(self.refill_s, self._refill)
                is_honest = action.caller in self.honest
                if is_honest:
                    self.honest[action.caller] = True
                else:
                    self.attacks_joined += 1
                self._in(self.call_s if is_honest else self.held_s, self._leaving(action.caller))
            elif isinstance(action, SendPing):
                self._in(0.02, self._answering(action.leg))
            elif isinstance(action, Close) and self.first_refusal_s is None:
                self.first_refusal_s = self.now_s

    def _answering(self, spare: Leg) -> Callable[[], None]:
        def answer() -> None:
            self._carry_out(self.switchboard.receive_pong(spare, self.now_s))

        return answer

    def _leaving(self, leg: Leg) -> Callable[[], None]:
        def leave() -> None:
            self.switchboard.leave(leg, self.now_s)

        return leave


@pytest.mark.parametrize("held_s", [0.01, 25.0])
def test_one_address_without_end_takes_nothing_from_the_others(held_s: float) -> None:
    flood = Flood(attackers=1, attack_per_s=500, held_s=held_s)
    spares = flood.run()
    print(f"honest {flood.success():.3f} of {len(flood.honest)}, spares {spares:.3f}")
    assert flood.first_refusal_s is not None
    assert flood.first_refusal_s <= 1
    assert flood.success() >= 0.99
    assert spares >= 0.8


@pytest.mark.parametrize("held_s", [0.01, 1.0, 10.0, 25.0])
@pytest.mark.parametrize("refill_s", [0.05, 0.3])
def test_fifty_addresses_without_end_leave_enough_to_the_others(
    held_s: float, refill_s: float
) -> None:
    """10 requests a second from each, kept as long as a listener waits for a proof."""
    flood = Flood(attackers=50, attack_per_s=500, held_s=held_s, refill_s=refill_s)
    spares = flood.run()
    print(
        f"honest {flood.success():.3f} of {len(flood.honest)}, spares {spares:.3f}, "
        f"attacks joined {flood.attacks_joined}"
    )
    assert flood.first_refusal_s is not None
    assert flood.first_refusal_s <= 1
    assert flood.success() >= 0.9
    # Never more than the budget, whoever asks: what is granted at once, and the long run.
    assert flood.attacks_joined <= 300 + 600


@pytest.mark.parametrize("held_s", [10.0, 25.0])
@pytest.mark.parametrize("spares", [2, 8])
def test_callers_that_come_often_and_go_soon_are_not_taken_for_the_greedy(
    held_s: float, spares: int
) -> None:
    """Four that come every three seconds, from the moment on in which fifty attackers begin."""
    flood = Flood(
        attackers=50,
        attack_per_s=500,
        held_s=held_s,
        refill_s=0.005,
        spares=spares,
        callers=4,
        call_every_s=3.0,
        call_s=0.1,
        are_at_once=True,
    )
    flood.run()
    print(f"honest {flood.success():.3f} of {len(flood.honest)}")
    assert flood.success() >= 0.9


def test_with_a_single_spare_honest_callers_still_come_through() -> None:
    flood = Flood(attackers=50, attack_per_s=500, held_s=25.0, spares=1, refill_s=0.1)
    flood.run()
    print(f"honest {flood.success():.3f} of {len(flood.honest)}")
    assert flood.success() >= 0.9
