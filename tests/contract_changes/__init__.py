"""Random contracts that are small, and random changes of them: pairs of an old and a new one."""

import copy
import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from tests.contract_changes import of_calls, of_values
from tests.contract_changes.contracts import FAMILIES, Plain, contract
from tests.contract_changes.place import NotHere, Place

__all__ = [
    "CHANGES_OF_CALLS",
    "CHANGES_OF_VALUES",
    "FAMILIES",
    "ChangedContract",
    "Plain",
    "changed_contracts",
    "contract",
]

CHANGES: Final = {**of_values.CHANGES, **of_calls.CHANGES}
CHANGES_OF_VALUES: Final = tuple(of_values.CHANGES)
CHANGES_OF_CALLS: Final = tuple(of_calls.CHANGES)

ATTEMPTS: Final = 40
"""Random contracts that are looked at for a place where a change can be made."""


@dataclass(frozen=True)
class ChangedContract:
    """An old and a new contract, and what was done between them."""

    old: Plain
    new: Plain
    changes: tuple[str, ...]
    family: str


def changed_contracts(seed: int) -> Iterator[ChangedContract]:
    """Pairs without end; every change comes by turns, in every family. Some have several."""
    pick = random.Random(seed)
    turns = [(name, family) for name in CHANGES_OF_VALUES for family in FAMILIES]
    turns += [(name, pick.choice(FAMILIES)) for name in CHANGES_OF_CALLS for _ in range(2)]
    pick.shuffle(turns)
    for name, family in itertools.cycle(turns):
        pair = _changed(pick, name, family)
        if pair is not None:
            yield pair


def _changed(pick: random.Random, first: str, family: str) -> ChangedContract | None:
    for _ in range(ATTEMPTS):
        old = contract(pick)
        new = copy.deepcopy(old)
        done: list[str] = []
        for name in (first, *pick.sample(list(CHANGES), pick.choice([0, 0, 0, 1, 2]))):
            try:
                CHANGES[name](Place(pick, old, new, family))
            except (NotHere, KeyError):
                continue
            done.append(name)
        if first in done:
            return ChangedContract(old, new, tuple(done), family)
    return None
