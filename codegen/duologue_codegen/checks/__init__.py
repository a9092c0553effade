"""The rules of the contract language: one function each, with an id and a purpose.

`check` is what the compiler asks; `RULES` and `READING_RULES` list what there is.
"""

from collections.abc import Collection, Mapping
from functools import cache
from types import MappingProxyType

from ..diagnostics import Diagnostic, in_file_order
from ..reading.project import Project
from . import (
    alternatives,
    constraints,
    dialogues,
    docs,
    event_keys,
    examples,
    generated_names,
    items,
    naming,
    recursion,
    references,
    schemas,
    style,
    unions,
    upkeep,
    wire,
)
from .allowing import allowances_of, without_allowed
from .registry import READING_RULES, RULES, Rule, findings_of

__all__ = [
    "READING_RULES",
    "RULES",
    "Rule",
    "allowances_of",
    "check",
    "purposes",
    "without_allowed",
]

_RULE_FILES = (
    alternatives,
    constraints,
    docs,
    dialogues,
    event_keys,
    examples,
    generated_names,
    items,
    naming,
    recursion,
    references,
    schemas,
    style,
    unions,
    upkeep,
    wire,
)
"""Importing them is what fills `RULES`."""


@cache
def purposes() -> Mapping[str, str]:
    """Every rule there is, those about changes included, and what it is for."""
    # Most contracts allow none of these, and they take long to import.
    from ..compatibility import CHANGE_RULES

    own = {rule.id: rule.purpose for rule in RULES.values()}
    about_changes = {rule.id: rule.purpose for rule in CHANGE_RULES.values()}
    return MappingProxyType({**READING_RULES, **own, **about_changes})


def check(
    project: Project, *, off: Collection[str] = (), on: Collection[str] = ()
) -> list[Diagnostic]:
    """Everything wrong with the judged contracts of `project`, in file order.

    That is what reading found and what each rule finds, errors and warnings. `off` names rules to
    leave out, and `on` those to have that are only had on demand; rules that code generation relies
    on are always on.
    """
    may_be_off = {rule.id for rule in RULES.values() if rule.may_be_off}
    left_out = may_be_off & set(off)
    left_out |= {rule.id for rule in RULES.values() if rule.on_demand} - set(on)
    found = list(project.diagnostics)
    for rule in RULES.values():
        if rule.id not in left_out:
            found += findings_of(rule, project)
    if not project.orders and not project.orders_elsewhere:
        return in_file_order(found)
    at_either = {rule.id for rule in RULES.values() if rule.allowed_at_either}
    allowances, faults = allowances_of(project.orders, (), may_be_off | at_either)
    if faults:
        # Perhaps they are about changes: what there is to allow of those takes long to import.
        about_changes = purposes().keys() - RULES.keys() - READING_RULES.keys()
        allowable = may_be_off | at_either | about_changes
        allowances, faults = allowances_of(project.orders, purposes(), allowable)
    elsewhere, _ = allowances_of(project.orders_elsewhere, (), at_either)
    silenced = without_allowed(
        found,
        allowances,
        (may_be_off | at_either) - left_out,
        at_either=at_either,
        elsewhere=elsewhere,
    )
    return in_file_order([*silenced, *faults])
