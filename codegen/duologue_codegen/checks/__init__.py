"""The rules of the contract language: one function each, with an id and a purpose.

`check` is what the compiler asks; `RULES` and `READING_RULES` list what there is.
"""

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Final

from ..compatibility import CHANGE_RULES
from ..diagnostics import Diagnostic, in_file_order
from ..reading.project import Project
from . import (
    alternatives,
    constraints,
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
    wire,
)
from .allowing import allowances_of, without_allowed
from .registry import READING_RULES, RULES, Rule, findings_of

__all__ = [
    "PURPOSES",
    "READING_RULES",
    "RULES",
    "Rule",
    "allowances_of",
    "check",
    "without_allowed",
]

_RULE_FILES = (
    alternatives,
    constraints,
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
    wire,
)
"""Importing them is what fills `RULES`."""

PURPOSES: Final[Mapping[str, str]] = MappingProxyType(
    {
        **READING_RULES,
        **{rule.id: rule.purpose for rule in RULES.values()},
        **{rule.id: rule.purpose for rule in CHANGE_RULES.values()},
    }
)
"""Every rule there is, and what it is for."""


def check(project: Project, *, off: Collection[str] = ()) -> list[Diagnostic]:
    """Everything wrong with the judged contracts of `project`, in file order.

    That is what reading found and what each rule finds, errors and warnings. `off` names rules to
    leave out; rules that code generation relies on stay on.
    """
    found = list(project.diagnostics)
    for rule in RULES.values():
        if not (rule.may_be_off and rule.id in off):
            found += findings_of(rule, project)
    may_be_off = {rule.id for rule in RULES.values() if rule.may_be_off}
    allowances, faults = allowances_of(project, PURPOSES, may_be_off | CHANGE_RULES.keys())
    silenced = without_allowed(found, allowances, may_be_off - set(off))
    return in_file_order([*silenced, *faults])
