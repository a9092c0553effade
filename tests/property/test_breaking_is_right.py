"""`breaking` calls no change safe that is none, and rarely cries wolf.

Pairs of contracts, an old one and a changed one, are made to packages; values drawn from either
side go to the other, in both orders of upgrade. Seeds make a failure come again.
"""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

import pytest

from duologue_codegen.checks import check
from duologue_codegen.compatibility import Order, Pair, Scope, breaking
from duologue_codegen.explaining import page_of
from duologue_codegen.reading.project import Project, project_of_texts
from tests.contract_changes import (
    CHANGES_OF_CALLS,
    CHANGES_OF_VALUES,
    FAMILIES,
    ChangedContract,
    Plain,
    changed_contracts,
)
from tests.meetings import Side, Trouble, troubles
from tests.quick_packages import quick_package, services_of

FEW: Final = 20
MANY: Final = 2_000
A_PART: Final = 250
LEAST_OF_EACH: Final = 20
"""Times that each change is met in each family, among `MANY`."""
MOST_FALSE_ALARMS: Final = 0.10

ORDERS: Final = {
    Pair.OLD_CALLER: Order.PROVIDER_FIRST,
    Pair.OLD_PROVIDER: Order.CALLER_FIRST,
}
ANNOUNCED: Final = {"call-removed": "UNIMPLEMENTED", "role-changed": "does not offer"}
"""What a rule that only tells of a change has told: everybody knows what comes of it."""
WITHOUT_TWO_SIDES: Final = frozenset({"id-reused", "name-freed"})
"""Rules about programs that are older than both sides."""


@dataclass
class Tally:
    """What came of many pairs."""

    pairs: int = 0
    false_safe: list[str] = field(default_factory=list[str])
    alarms: Counter[str] = field(default_factory=Counter[str])
    false_alarms: Counter[str] = field(default_factory=Counter[str])
    alone: Counter[str] = field(default_factory=Counter[str])
    """Alarms of a rule where no other rule has one, so that nothing else can confirm them."""
    false_alone: Counter[str] = field(default_factory=Counter[str])
    examples: dict[str, str] = field(default_factory=dict[str, str])
    changes: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])

    def table(self) -> str:
        """Alarms by rule, and how many of them nothing confirmed."""
        lines = [
            f"{rule:24} {_share(self.false_alarms[rule], self.alarms[rule])}; "
            f"alone {_share(self.false_alone[rule], self.alone[rule])}  "
            f"{self.examples.get(rule, '')}"
            for rule in sorted(self.alarms)
        ]
        total = (self.false_alarms.total(), self.alarms.total())
        total_alone = (self.false_alone.total(), self.alone.total())
        lines.append(f"{'all':24} {_share(*total)}; alone {_share(*total_alone)}")
        return "\n".join([f"{self.pairs} pairs", *lines])


def _share(false: int, alarms: int) -> str:
    return f"{alarms:5} alarms, {false:4} false ({false / max(alarms, 1):5.1%})"


def project(contract: Plain) -> Project:
    return project_of_texts({"pair/v1.yaml": json.dumps(contract).encode()}, "schema")


def judge_pair(pair: ChangedContract, tally: Tally, seed: int) -> None:
    """Add what one pair tells; one that is no right contract is passed over."""
    old, new = project(pair.old), project(pair.new)
    if any(found.level == "error" for each in (old, new) for found in check(each)):
        return
    tally.pairs += 1
    tally.changes.update((change, pair.family) for change in pair.changes)
    (before,), (after,) = old.contracts, new.contracts
    with quick_package(before) as old_modules, quick_package(after) as new_modules:
        sides = Side(before, services_of(old_modules)), Side(after, services_of(new_modules))
        for way, (caller, provider) in zip(Pair, (sides, sides[::-1]), strict=True):
            found = breaking(old, new, scope=Scope.WIRE, order=ORDERS[way])
            alarms = {each.rule for each in found if each.level == "error"}
            notes = {each.rule for each in found if each.level == "note"}
            # That something new is not there yet is what `UNIMPLEMENTED` is for.
            news = _news(old, new) if caller is sides[1] else frozenset[str]()
            told = (
                each
                for each in troubles(caller, provider, seed)
                if each.what.split(" ")[0] not in news
            )
            _count(tally, pair, way, alarms, notes, told)


def _news(old: Project, new: Project) -> frozenset[str]:
    """The methods and events that only the new contract has."""
    known, named = (
        {one.id for each in which.contracts[0].services.values() for one in each.numbered}
        for which in (old, new)
    )
    return frozenset(
        f"{service.name}.{one.name}"
        for service in new.contracts[0].services.values()
        for one in service.numbered
        if one.id in named - known and not _had_name(old, service.name, one.name)
    )


def _had_name(project: Project, service: str, name: str) -> bool:
    known = project.contracts[0].services.get(service)
    return known is not None and any(one.name == name for one in known.numbered)


def _count(
    tally: Tally,
    pair: ChangedContract,
    way: Pair,
    alarms: set[str],
    notes: set[str],
    told: Iterable[Trouble],
) -> None:
    met, refused = False, ""
    for each in told:
        met = True
        if alarms:
            break  # one is enough to confirm them
        announced = any(words in each.what for rule, words in ANNOUNCED.items() if rule in notes)
        if not each.lost and not announced:
            refused = each.what
            break
    if refused:
        tally.false_safe.append(f"{way}, {pair.changes} in {pair.family}: {refused}")
    rules = alarms - WITHOUT_TWO_SIDES
    for rule in rules:
        tally.alarms[rule] += 1
        tally.alone[rule] += len(rules) == 1
        if not met:
            tally.false_alarms[rule] += 1
            tally.false_alone[rule] += len(rules) == 1
            tally.examples[rule] = f"{way}, {pair.changes} in {pair.family}"


def tally_of(seed: int, count: int) -> Tally:
    tally = Tally()
    for number, pair in enumerate(changed_contracts(seed)):
        if tally.pairs >= count:
            break
        judge_pair(pair, tally, seed * 10_000 + number)
    return tally


def must_be_right(tally: Tally) -> None:
    print(tally.table())
    assert tally.false_safe == []
    assert tally.false_alarms.total() <= MOST_FALSE_ALARMS * tally.alarms.total()
    assert tally.false_alone.total() <= MOST_FALSE_ALARMS * tally.alone.total()


def test_what_breaking_calls_safe_is_safe() -> None:
    must_be_right(tally_of(seed=1, count=FEW))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 100 + MANY // A_PART))
def test_what_breaking_calls_safe_is_safe_in_many_pairs(seed: int) -> None:
    must_be_right(tally_of(seed, A_PART))


@pytest.mark.slow
def test_every_change_is_met_often_enough_in_every_direction() -> None:
    met: Counter[tuple[str, str]] = Counter()
    for seed in range(100, 100 + MANY // A_PART):
        count = 0
        for pair in changed_contracts(seed):
            if count >= A_PART:
                break
            projects = project(pair.old), project(pair.new)
            if not any(found.level == "error" for each in projects for found in check(each)):
                count += 1
                met.update((change, pair.family) for change in pair.changes)
    ways = {"In": ("In", "Both"), "Out": ("Out", "Both")}
    rare = {
        (change, way): count
        for change in CHANGES_OF_VALUES
        for way, families in ways.items()
        if (count := sum(met[change, family] for family in families)) < LEAST_OF_EACH
    }
    rare |= {
        (change, ""): count
        for change in CHANGES_OF_CALLS
        if (count := sum(met[change, family] for family in FAMILIES)) < LEAST_OF_EACH
    }
    assert rare == {}


WIRE_RULES: Final = (
    *("alternative-added", "alternative-removed", "bounds-changed", "call-removed"),
    *("cancel-changed", "effect-changed", "event-key-changed", "role-changed"),
    *("enum-value-added", "enum-value-removed", "error-code-changed"),
    *("field-added", "field-removed", "field-renamed", "form-added", "form-removed", "id-changed"),
    *("kind-changed", "null-changed", "openness-changed", "presence-changed", "result-changed"),
    *("service-gone", "tag-changed", "type-replaced"),
)
"""Rules whose page shows a break between two sides that both have the package."""


@pytest.mark.parametrize("rule", WIRE_RULES)
def test_who_ignores_a_rule_has_two_programs_that_fail(rule: str) -> None:
    page = page_of(rule)
    assert page is not None
    texts = page.before, page.wrong
    old, new = (project_of_texts({"demo/v1.yaml": text.encode()}, "schema") for text in texts)
    (before,), (after,) = old.contracts, new.contracts
    failed: list[Pair] = []
    with quick_package(before) as old_modules, quick_package(after) as new_modules:
        sides = Side(before, services_of(old_modules)), Side(after, services_of(new_modules))
        for way, (caller, provider) in zip(Pair, (sides, sides[::-1]), strict=True):
            found = breaking(old, new, scope=Scope.WIRE, order=ORDERS[way])
            if any(each.rule == rule and each.level == "error" for each in found):
                assert list(troubles(caller, provider, 7))
                failed.append(way)
    assert failed
