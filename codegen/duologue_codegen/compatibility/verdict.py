"""From changes to findings: what rules say, for the pairs that come to be and the level asked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from ..diagnostics import Diagnostic, Related, in_file_order
from .changes import Change
from .registry import CHANGE_RULES, ChangeRule, Judgement
from .ways import Order, Pair, Scope

_VERSION: Final = re.compile(r"v[0-9]+(?P<stage>alpha|beta)?[0-9]*")


def scope_of(package: str, asked: Scope | None) -> Scope | None:
    """How much of a package is judged: all of a stable one, running programs of a beta, of an
    alpha nothing. What is asked for holds for all."""
    if asked is not None:
        return asked
    version = _VERSION.fullmatch(package.rpartition(".")[2])
    match version and version["stage"]:
        case "alpha":
            return None
        case "beta":
            return Scope.WIRE
        case _:
            return Scope.ALL


def findings(
    changes: Iterable[Change], *, scope: Scope | None = None, order: Order = Order.ANY
) -> list[Diagnostic]:
    """What the rules say of `changes`, in file order: errors, and notes of what breaks nothing."""
    found = (
        each
        for change in changes
        for rule in CHANGE_RULES.values()
        if isinstance(change, rule.of)
        for each in _judged(change, rule, scope_of(change.package, scope), order)
    )
    return in_file_order(found)


def _judged(
    change: Change, rule: ChangeRule, scope: Scope | None, order: Order
) -> Iterator[Diagnostic]:
    if scope is None:
        return
    said = [
        each
        for each in rule.judge(change)
        if (scope is Scope.ALL or scope.value == each.kind.upper())
        and (each.pair is None or each.pair in order.pairs)
    ]
    for wanted in (
        [each for each in said if each.breaks and each.kind == "wire"],
        [each for each in said if each.breaks],
        [each for each in said if each.kind == "wire"],
        said,
    ):
        if wanted:
            yield _finding(change, rule, wanted)
            return


def _finding(change: Change, rule: ChangeRule, said: Sequence[Judgement]) -> Diagnostic:
    related = None if change.was == change.at else Related(change.was, "before")
    return Diagnostic(
        rule.id,
        change.at,
        _sentence(said),
        next((each.hint for each in said if each.hint), ""),
        level="error" if any(each.breaks for each in said) else "note",
        related=related,
    )


def _sentence(said: Sequence[Judgement]) -> str:
    """The pairs that fail, and how; what happens in both is said once."""
    texts: dict[str, list[Pair]] = {}
    for each in said:
        texts.setdefault(each.text, [])
        if each.pair is not None:
            texts[each.text].append(each.pair)
    parts = [f"{' and '.join(pairs)}: {text}" if pairs else text for text, pairs in texts.items()]
    return "; ".join(parts)
