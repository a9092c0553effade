"""Sections of the cluster's protocol, run to death on a clock of their own: see `model`."""

import os
from collections.abc import Callable

import pytest

from duologue.relay.cluster.bus_messages import SpareState
from duologue.relay.cluster.directory import Change, Directory, TakeBack
from duologue.relay.cluster.seeking import Seeking, State
from duologue.relay.cluster.seeking_steps import HangUp, Refuse, Step, Tunnel
from tests.unit.runtime.relay.cluster.model import Model, Violation

SEEDS = int(os.environ.get("DUOLOGUE_CLUSTER_SEEDS", "2000"))
MUTANT_SEEDS = 4_000


def test_the_invariants_hold_whatever_goes_wrong() -> None:
    joined = refused = 0
    for seed in range(SEEDS):
        model = Model(seed)
        try:
            model.run()
        except Violation as violation:
            raise AssertionError(f"seed {seed} at {model.now_s:.3f} s: {violation}") from violation
        joined += model.joined
        refused += model.refused
    # Neither would tell anything alone.
    assert joined > SEEDS
    assert refused > SEEDS / 2


class AsksTheSilentForEver(Seeking):
    def _ask(self, now_s: float) -> list[Step]:
        # Until it has said "nobody", as the others have.
        self._asked = set(self._denied)
        return super()._ask(now_s)


class OpensWithoutCancelled(Seeking):
    def have(self, node: str, link: str, state: SpareState, now_s: float) -> list[Step]:
        if self.state is State.WAITING and state is SpareState.FREE:
            self.state = State.SEEK
        return super().have(node, link, state, now_s)


class LeavesOutWhoFailedOnce(Seeking):
    def lost(self, now_s: float) -> list[Step]:
        steps = super().lost(now_s)
        for holder in self._holders.values():
            if holder.was_lost:
                holder.not_before_s = now_s + 100
        return steps


class SettlesOnLateAccepted(Seeking):
    def accepted(self) -> list[Step]:
        self._end()
        return [Tunnel()]


class LeavesConnectionOpenAtDeadline(Seeking):
    def due(self, now_s: float) -> list[Step]:
        steps = super().due(now_s)
        is_deadline = any(isinstance(each, Refuse) for each in steps)
        return [each for each in steps if not (is_deadline and isinstance(each, HangUp))]


class AnswersForLostKeys(Directory):
    def lose(self, key: bytes, now_s: float, *, comes_back: bool) -> list[Change]:
        return []

    def answer(self, key: bytes) -> tuple[SpareState, int] | None:
        return super().answer(key) or (SpareState.FREE, 1)


class DoesNotLinger(Directory):
    def lose(self, key: bytes, now_s: float, *, comes_back: bool) -> list[Change]:
        if key not in self._present:
            return []
        self._present.discard(key)
        return [TakeBack(key)]


MUTANTS: dict[str, Callable[[int], Model]] = {
    "ask a silent server for ever": lambda seed: Model(seed, seeking=AsksTheSilentForEver),
    "open without cancelled": lambda seed: Model(seed, seeking=OpensWithoutCancelled),
    "stay in the local line while visiting": lambda seed: Model(seed, leaves_line=False),
    "leave the connection open at the deadline": lambda seed: Model(
        seed, seeking=LeavesConnectionOpenAtDeadline
    ),
    "leave out a node that failed once": lambda seed: Model(seed, seeking=LeavesOutWhoFailedOnce),
    "settle on a late accepted": lambda seed: Model(
        seed, seeking=SettlesOnLateAccepted, hears_late=True, hangs_up=False
    ),
    "answer for a lost key": lambda seed: Model(seed, directory=AnswersForLostKeys),
    "no linger": lambda seed: Model(seed, directory=DoesNotLinger),
}


RARE = "ask a silent server for ever"
"""It takes thousands of seeds to be met."""


@pytest.mark.parametrize(
    "name",
    [pytest.param(each, marks=[pytest.mark.slow] if each == RARE else []) for each in MUTANTS],
)
def test_a_mistake_in_the_rules_is_found(name: str) -> None:
    for seed in range(MUTANT_SEEDS):
        try:
            MUTANTS[name](seed).run()
        except Violation:
            return
    raise AssertionError(f"{MUTANT_SEEDS} seeds, and nobody has noticed")
