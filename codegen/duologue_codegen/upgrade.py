"""The step from old contracts to new ones, judged as a whole."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from .build import BuildResult
from .checks import RULES, allowances_of, check, without_allowed
from .compatibility import CHANGE_RULES, Order, Scope, breaking
from .compatibility.baseline import AskPeer, NoBaseline, ask_nobody, read_baseline
from .diagnostics import in_file_order
from .reading.project import Project


def judge_upgrade(
    judged: BuildResult,
    against: str,
    *,
    scope: Scope | None = None,
    order: Order = Order.ANY,
    off: Collection[str] = (),
    ask_peer: AskPeer = ask_nobody,
) -> BuildResult:
    """What new contracts break of the old ones that `against` names; `judged` is right.

    The findings are those about changes alone. What a comment allows is left out.

    Raises:
        NoBaseline: `against` names no contracts, or such as have nothing to do with these.
    """
    old = read_baseline(against, judged.project.schema_root, ask_peer=ask_peer)
    _must_be_right(old, against)
    _must_be_related(old, judged.project, against)
    found = breaking(old, judged.project, scope=scope, order=order, off=off)
    allowances, _ = allowances_of(judged.project.orders, (), CHANGE_RULES)
    left = without_allowed(found, allowances, CHANGE_RULES.keys() - set(off))
    return replace(judged, diagnostics=tuple(in_file_order(left)), baseline=old)


def _must_be_right(old: Project, against: str) -> None:
    optional = {rule.id for rule in RULES.values() if rule.may_be_off}
    # An image has no comments, so what they allowed is not judged again.
    allowable = {rule.id for rule in RULES.values() if rule.allowed_at_either}
    for found in check(old, off=optional):
        if found.level == "error" and found.rule not in allowable:
            at = f"{found.at.file}:{found.at.line}:{found.at.column}"
            raise NoBaseline(f"the contracts of {against} are not right: {at}: {found.message}")


def _must_be_related(old: Project, new: Project, against: str) -> None:
    before = {contract.package for contract in old.everything}
    if not before & {contract.package for contract in new.everything}:
        named = ", ".join(sorted(before)[:3])
        raise NoBaseline(f"{against} has none of these contracts, but {named}: another project?")
