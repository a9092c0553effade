"""What a rule is, and how its function becomes one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from ..diagnostics import Diagnostic, Level
from ..model import Contract
from ..reading.project import Project

Findings: TypeAlias = Iterator[Diagnostic]


@dataclass(frozen=True, slots=True)
class Rule:
    """A name, a purpose in one line, and a function that finds what breaks the rule."""

    id: str
    purpose: str
    judge: Callable[[Project], Findings]
    level: Level = "error"
    may_be_off: bool = False
    """Whether a project may do without it."""
    on_demand: bool = False
    """Whether a project must ask for it, under `on`."""
    allowed_at_either: bool = False
    """Whether it is about two places, and a comment at either allows what it finds. It cannot be
    off: each case needs its reason."""


RULES: Final[dict[str, Rule]] = {}
"""Every rule that has a function of its own, by id."""

READING_RULES: Final[Mapping[str, str]] = {
    "yaml-syntax": "The file is YAML, in UTF-8.",
    "yaml-subset": "The file does without tabs, anchors, tags, merge keys and further documents.",
    "duplicate-key": "No key is written twice.",
    "node-shape": "Each key holds what it is for: text, a number, a list, a mapping.",
    "known-keys": "Only keys of the language are used, each where it belongs.",
    "not-supported-yet": "Nothing is used that this version of duologue cannot do.",
    "type-expression": "Types are spelled as the language spells them.",
    "import-exists": "Each import is the path of a contract, from the schema root.",
    "id-range": "Ids lie between 1 and 16,383.",
    "event-memory": "Replay, and the `max` of a buffer, lie between 1 and 10,000.",
    "base-range": "The numbers of a service stay below 2^53.",
    "enum-not-empty": "An enum has a value, and a union a form.",
    "timeout-sane": "Timeouts lie between a millisecond and a day.",
    "deprecated-has-text": "A deprecation says what to use instead.",
    "allow-stated": "A comment that allows something names the rule, and says why.",
    "allow-used": "A comment that allows something is needed: there is a finding without it.",
}
"""Rules that have no function of their own, and their purposes: most are found while a file is
read. None can be off."""


def rule(
    id_: str, *, level: Level = "error", may_be_off: bool = False, on_demand: bool = False
) -> Callable[[Callable[[Contract], Findings]], Callable[[Contract], Findings]]:
    """Make a rule of a function that judges one contract; its docstring tells the purpose."""

    def register(judge: Callable[[Contract], Findings]) -> Callable[[Contract], Findings]:
        def judge_all(project: Project) -> Findings:
            for contract in project.judged:
                yield from judge(contract)

        _add(id_, judge.__doc__, judge_all, level, may_be_off, on_demand)
        return judge

    return register


def project_rule(
    id_: str,
    *,
    level: Level = "error",
    may_be_off: bool = False,
    allowed_at_either: bool = False,
) -> Callable[[Callable[[Project], Findings]], Callable[[Project], Findings]]:
    """Make a rule of a function that compares contracts; its docstring tells the purpose."""

    def register(judge: Callable[[Project], Findings]) -> Callable[[Project], Findings]:
        _add(id_, judge.__doc__, judge, level, may_be_off, allowed_at_either=allowed_at_either)
        return judge

    return register


def _add(
    id_: str,
    doc: str | None,
    judge: Callable[[Project], Findings],
    level: Level,
    may_be_off: bool,
    on_demand: bool = False,
    *,
    allowed_at_either: bool = False,
) -> None:
    if id_ in RULES or id_ in READING_RULES or not doc:
        raise ValueError(f"rule {id_!r} exists already, or has no purpose")
    purpose = doc.splitlines()[0]
    RULES[id_] = Rule(id_, purpose, judge, level, may_be_off, on_demand, allowed_at_either)


def findings_of(rule_: Rule, project: Project) -> Findings:
    """What `rule_` finds, at its level."""
    for found in rule_.judge(project):
        yield replace(found, level=rule_.level)
