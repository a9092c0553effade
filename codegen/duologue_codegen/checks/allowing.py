"""`# duologue: allow RULE because REASON`: a finding that is known, and why it may be there."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from ..diagnostics import Diagnostic, Position, quoted
from ..spelling import nearest
from ..text.comments import Order

_ALLOW: Final = re.compile(r"allow\s+(?P<rules>[a-z0-9, -]+?)(\s+because\s+(?P<reason>.+))?")
_FORM: Final = "write `# duologue: allow RULE because REASON`"


@dataclass(frozen=True, slots=True)
class Allowance:
    """That findings of a rule may be on a line."""

    rule: str
    at: Position
    """The comment."""


def allowances_of(
    orders: Iterable[Order], known: Collection[str], allowable: Collection[str]
) -> tuple[list[Allowance], list[Diagnostic]]:
    """What comments allow, and what is wrong with them. Nothing else than rules can be allowed,
    and only those without which code can be made."""
    allowances: list[Allowance] = []
    faults: list[Diagnostic] = []
    for order in orders:
        found = _ALLOW.fullmatch(order.text)
        if found is None or not found["reason"]:
            message = "no reason is given" if found else f"{quoted(order.text)} is not understood"
            faults.append(Diagnostic("allow-stated", order.at, message, _FORM))
            continue
        for rule in filter(None, re.split(r"[,\s]+", found["rules"])):
            if rule in allowable:
                allowances.append(Allowance(rule, order.at))
            else:
                faults += _not_allowed(rule, order, known)
    return allowances, faults


def _not_allowed(rule: str, order: Order, known: Collection[str]) -> Iterator[Diagnostic]:
    if rule in known:
        message = f"rule {quoted(rule)} cannot be allowed away"
        yield Diagnostic("allow-stated", order.at, message, "no code could be made of that")
        return
    meant = nearest(rule, known)
    hint = f"did you mean {quoted(meant)}?" if meant else ""
    yield Diagnostic("allow-stated", order.at, f"there is no rule {quoted(rule)}", hint)


def without_allowed(
    findings: Iterable[Diagnostic],
    allowances: Iterable[Allowance],
    asked: Collection[str],
    *,
    at_either: Collection[str] = (),
    elsewhere: Iterable[Allowance] = (),
) -> list[Diagnostic]:
    """`findings` less those that are allowed; and, for the rules `asked`, what allows nothing.

    What the rules `at_either` find is allowed at the second place of a finding, too: there also by
    comments `elsewhere`, in files that are not judged, of which nothing is told.
    """
    by_place = {
        (each.at.file, each.at.line, each.rule): each for each in allowances if each.rule in asked
    }
    beside = {(each.at.file, each.at.line, each.rule) for each in elsewhere}
    used: set[tuple[str, int, str]] = set()
    left: list[Diagnostic] = []
    for finding in findings:
        places = {(finding.at.file, finding.at.line, finding.rule)}
        if finding.related and finding.rule in at_either:
            places.add((finding.related.at.file, finding.related.at.line, finding.rule))
        used |= places & by_place.keys()
        if places.isdisjoint(by_place) and places.isdisjoint(beside):
            left.append(finding)
    for place, allowance in by_place.items():
        if place not in used:
            message = f"{quoted(allowance.rule)} finds nothing on this line"
            hint = "take the comment away"
            left.append(Diagnostic("allow-used", allowance.at, message, hint, level="warning"))
    return left
