"""What works, and would still be better said: warnings, which a project may turn off."""

from __future__ import annotations

from ..diagnostics import Diagnostic, quoted
from ..model import Contract, EnumType, UnionType
from .registry import Findings, rule


@rule("open-stated", level="warning", may_be_off=True)
def open_stated(contract: Contract) -> Findings:
    """An enum or union says whether it is open: whether others may be added without harm."""
    for type_ in contract.types.values():
        if isinstance(type_, EnumType | UnionType) and type_.open_at is None:
            what = "enum" if isinstance(type_, EnumType) else "union"
            message = f"{what} {quoted(type_.name)} does not say whether it is open"
            hint = "add `open: false`, or `open: true` if it may grow"
            yield Diagnostic("open-stated", type_.at, message, hint)
