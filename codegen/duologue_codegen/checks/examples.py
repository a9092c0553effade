"""Examples, defaults and message templates say what the types around them allow."""

from __future__ import annotations

from collections.abc import Iterator

from ..diagnostics import Diagnostic, quoted
from ..model import (
    Contract,
    EnumType,
    Event,
    EventExample,
    Field,
    InlineParams,
    InlinePayload,
    ListOf,
    MapOf,
    Method,
    MethodExample,
    OneOf,
    Placeholder,
    Ref,
    Scalar,
    Service,
    StreamOf,
    TypeExpr,
)
from ..model.json_kinds import form_for
from ..model.walk import events, fields, meaning, methods
from ..spelling import nearest
from ..text.tree import ListNode, MapNode, Node, ScalarNode
from ..values.fits import Misfit, field_misfits, misfits, type_misfits
from .registry import Findings, rule


@rule("default-kind")
def default_kind(contract: Contract) -> Findings:
    """Defaults are scalars and enum values, written as in JSON, or an empty list or map."""
    for owned in fields(contract):
        field = owned.field
        if field.default is None:
            continue
        if field.explicit_presence:
            message = f"{quoted(field.name)} has a default, and its absence means something else"
            hint = "leave out `default`, or `presence: explicit`"
            yield Diagnostic("default-kind", field.default.at, message, hint)
        elif (instead := _refusal(field, contract)) is not None:
            message = f"{quoted(field.name)} cannot have this default"
            yield Diagnostic("default-kind", field.default.at, message, instead)


def _refusal(field: Field, contract: Contract) -> str | None:
    """What to do instead; None when the default is of a kind that is allowed."""
    if field.default is None:
        return None
    return _refusal_of(field.default, field.type, contract)


def _refusal_of(default: Node, type_: TypeExpr, contract: Contract) -> str | None:
    found = meaning(type_, contract)
    if found is None:
        return None
    type_, home = found
    match type_:
        case Scalar():
            return None
        case Ref() if isinstance(home.resolve(type_), EnumType) or home.resolve(type_) is None:
            return None
        case ListOf() if isinstance(default, ListNode):
            return "a list may only be empty by default: `[]`" if default.items else None
        case MapOf() if isinstance(default, MapNode):
            return "a map may only be empty by default: `{}`" if default.entries else None
        case ListOf() | MapOf():
            return None  # no default of the type at all: `default-type` says so
        case OneOf() if (form := form_for(default, type_, home)) is not None:
            return _refusal_of(default, form, home)
        case OneOf():
            return None  # as above
        case _:
            return "this type has none: write `optional`, and let absence stand for it"


@rule("default-type")
def default_type(contract: Contract) -> Findings:
    """A default is a value of its field."""
    for owned in fields(contract):
        field = owned.field
        if field.default is None or _refusal(field, contract) is not None:
            continue
        found = misfits(field.default, field.type, contract, field.constraints)
        yield from _as_findings("default-type", found)
        yield from _unknown_enum_value(field, field.default, contract)


def _unknown_enum_value(field: Field, default: Node, contract: Contract) -> Findings:
    """An open enum keeps values that it does not know, but has no default that it does not."""
    found = meaning(field.type, contract)
    if found is not None and isinstance(found[0], OneOf):
        form = form_for(default, found[0], found[1])
        found = None if form is None else meaning(form, found[1])
    if found is None or not isinstance(found[0], Ref) or not isinstance(default, ScalarNode):
        return
    enum = found[1].resolve(found[0])
    if not isinstance(enum, EnumType) or not enum.open:
        return
    if type(default.data) is not (int if enum.of_numbers else str):
        return  # no value of it at all: `default-type` says so
    known = [value.value for value in enum.values.values()]
    if default.data not in known:
        meant = nearest(default.text, map(str, known))
        hint = f"did you mean {quoted(meant)}?" if meant else ""
        message = f"{quoted(enum.name)} has no value {quoted(default.text)}"
        yield Diagnostic("default-type", default.at, message, hint)


@rule("example-valid")
def example_valid(contract: Contract) -> Findings:
    """Examples are values of what they are examples of."""
    for type_ in contract.types.values():
        for example in type_.examples:
            yield from _as_findings("example-valid", type_misfits(example, type_, contract))
    for owned in fields(contract):
        field = owned.field
        for example in field.examples:
            found = misfits(example, field.type, contract, field.constraints)
            yield from _as_findings("example-valid", found)
    for service, method in methods(contract):
        for call in method.examples:
            found = _call_misfits(call, method, service, contract)
            yield from _as_findings("example-valid", found)
    for _, event in events(contract):
        for one in event.examples:
            yield from _as_findings("example-valid", _event_misfits(one, event, contract))


def _call_misfits(
    call: MethodExample, method: Method, service: Service, contract: Contract
) -> Iterator[Misfit]:
    what = f"params of {quoted(method.name)}"
    given = call.params if call.params is not None else MapNode((), call.at)
    match method.params:
        case InlineParams(fields=own):
            yield from field_misfits(given, own, contract, what)
        case Ref():
            yield from misfits(given, method.params, contract)
        case None:
            yield from field_misfits(given, {}, contract, what)
    for key, item_type, items in (
        ("sends", method.sends, call.sends),
        ("yields", method.yields, call.yields),
    ):
        if item_type is None and items is not None:
            at = items[0].at if items else call.at
            yield Misfit(at, f"{quoted(method.name)} {key} nothing", f"leave `{key}` out")
        elif item_type is not None:
            for item in items or ():
                yield from misfits(item, item_type, contract)
    if call.error is not None:
        yield from _error_misfits(call, method, service, contract)
    elif isinstance(method.returns, StreamOf):
        if call.returns is not None:
            hint = "leave `returns` out: a stream is no value"
            message = f"{quoted(method.name)} returns a {method.returns.kind}"
            yield Misfit(call.returns.at, message, hint)
    elif call.returns is not None and method.returns is None:
        yield Misfit(call.returns.at, f"{quoted(method.name)} returns nothing")
    elif call.returns is not None and method.returns is not None:
        yield from misfits(call.returns, method.returns, contract)
    elif method.returns is not None:
        hint = "add `returns`, or `error`"
        yield Misfit(call.at, "the example does not say what came of the call", hint)
    elif method.yields is not None and call.yields is None:
        hint = "add `yields`, or `error`"
        yield Misfit(call.at, "the example does not say what came of the call", hint)


def _event_misfits(one: EventExample, event: Event, contract: Contract) -> Iterator[Misfit]:
    given = one.payload if one.payload is not None else MapNode((), one.at)
    match event.payload:
        case InlinePayload(fields=own):
            yield from field_misfits(given, own, contract, f"event {quoted(event.name)}")
        case Ref():
            yield from misfits(given, event.payload, contract)


def _error_misfits(
    call: MethodExample, method: Method, service: Service, contract: Contract
) -> Iterator[Misfit]:
    if call.error is None:
        return
    raised = {error.name: error for error in contract.errors_of(service, method)}
    error = raised.get(call.error.name)
    if error is None:
        meant = nearest(call.error.name, raised)
        hint = f"did you mean {quoted(meant)}?" if meant else "add it to the method's `errors`"
        name = quoted(call.error.name)
        yield Misfit(call.error.at, f"{quoted(method.name)} does not raise {name}", hint)
        return
    node = call.error_fields
    if node is None or (isinstance(node, ScalarNode) and node.data is None):
        node = MapNode((), call.error.at)
    yield from field_misfits(node, error.fields, contract, quoted(error.name))


def _as_findings(id_: str, found: Iterator[Misfit]) -> Findings:
    for misfit in found:
        yield Diagnostic(id_, misfit.at, misfit.message, misfit.hint)


@rule("message-template-fields")
def message_template_fields(contract: Contract) -> Findings:
    """What an error's message names in braces are fields of the error."""
    for error in contract.errors.values():
        for part in () if error.message is None else error.message.parts:
            if isinstance(part, Placeholder) and part.name not in error.fields:
                meant = nearest(part.name, error.fields)
                hint = f"did you mean {quoted(meant)}?" if meant else "a brace is `{{` or `}}`"
                message = f"error {quoted(error.name)} has no field {quoted(part.name)}"
                yield Diagnostic("message-template-fields", part.at, message, hint)
