"""Contracts that change: what a change breaks, judged by direction and by the order of upgrades.

`breaking` is what the compiler asks. Contracts are compared (`contracts`) to changes, which are
values (`changes`); rules, one function each, judge them (`value_rules`, `call_rules`,
`dialogue_rules`); a `verdict`
makes findings of that. Where old contracts come from is the matter of `baseline`.
"""

from collections.abc import Collection

from ..diagnostics import Diagnostic
from ..reading.project import Project
from . import call_rules, dialogue_rules, value_rules
from .contracts import all_changes
from .registry import CHANGE_RULES, ChangeRule
from .verdict import findings
from .ways import Order, Pair, Scope

__all__ = ["CHANGE_RULES", "ChangeRule", "Order", "Pair", "Scope", "breaking"]

_RULE_FILES = (call_rules, dialogue_rules, value_rules)
"""Importing them is what fills `CHANGE_RULES`."""


def breaking(
    old: Project,
    new: Project,
    *,
    scope: Scope | None = None,
    order: Order = Order.ANY,
    off: Collection[str] = (),
) -> list[Diagnostic]:
    """What the step from the contracts of `old` to those of `new` breaks, in file order.

    Both are without errors. `scope` None judges each package by its stability; `off` names rules to
    leave out.
    """
    asked = {contract.package for contract in new.judged}
    all_new = {contract.package for contract in new.everything}
    was = [each for each in old.everything if each.package in asked or each.package not in all_new]
    found = findings(all_changes(was, new.judged), scope=scope, order=order)
    return [each for each in found if each.rule not in off]
