"""What may stand beside the items of a method."""

from __future__ import annotations

from ..diagnostics import Diagnostic, quoted
from ..model import Contract, StreamOf
from ..model.walk import methods
from .registry import Findings, rule


@rule("items-end-in-value")
def items_end_in_value(contract: Contract) -> Findings:
    """What a method with items returns is a value, not another stream."""
    for _, method in methods(contract):
        if method.has_items and isinstance(method.returns, StreamOf):
            message = f"{quoted(method.name)} has items, and returns a {method.returns.kind}"
            hint = "items are the stream: return a value, or nothing"
            yield Diagnostic("items-end-in-value", method.returns.at, message, hint)


@rule("cancel-without-items")
def cancel_without_items(contract: Contract) -> Findings:
    """A method that ignores cancelling has no items: nobody could stop them."""
    for _, method in methods(contract):
        if method.ignores_cancel and method.has_items:
            message = f"{quoted(method.name)} has items, and ignores cancelling"
            hint = "leave `cancel` out: who reads no more must be able to stop who sends"
            yield Diagnostic("cancel-without-items", method.at, message, hint)


@rule("items-not-positional")
def items_not_positional(contract: Contract) -> Findings:
    """A method with positional arguments sends no items, and yields them without a result."""
    for _, method in methods(contract):
        if not method.positional:
            continue
        # What such a service yields goes as a stream of the base profile, without a result.
        if method.sends is not None:
            at, message = method.sends.at, f"{quoted(method.name)} is positional, and sends items"
        elif method.yields is not None and method.returns is not None:
            at = method.returns.at
            message = f"{quoted(method.name)} is positional, and has items and a result"
        else:
            continue
        hint = "leave `args` out: services that need it know no contracts, and no items"
        yield Diagnostic("items-not-positional", at, message, hint)
