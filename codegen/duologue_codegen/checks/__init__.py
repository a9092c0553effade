"""The rules of the contract language: one function each, with an id and a purpose.

`check` is what the compiler asks; `RULES` and `READING_RULES` list what there is.
"""

from collections.abc import Collection

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
from .registry import READING_RULES, RULES, Rule, findings_of

__all__ = ["READING_RULES", "RULES", "Rule", "check"]

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


def check(project: Project, *, off: Collection[str] = ()) -> list[Diagnostic]:
    """Everything wrong with the judged contracts of `project`, in file order.

    That is what reading found and what each rule finds, errors and warnings. `off` names rules to
    leave out; rules that code generation relies on stay on.
    """
    found = list(project.diagnostics)
    for rule in RULES.values():
        if not (rule.may_be_off and rule.id in off):
            found += findings_of(rule, project)
    return in_file_order(found)
