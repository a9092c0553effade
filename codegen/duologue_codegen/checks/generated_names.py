"""Names that the generated package will have, and whether any two of them meet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..diagnostics import Diagnostic, Position, Related, quoted
from ..model import Contract, InlineParams, InlinePayload, UnionType
from ..model.forms import class_of_form, forms_of, needs_own_class
from ..model.walk import events, methods
from ..names import pascal, upper_snake
from .registry import Findings, rule


@dataclass(frozen=True, slots=True)
class GeneratedName:
    """A name in a generated package, and what in the contract it is made from."""

    name: str
    origin: str
    """In words: service `Rooms`."""
    at: Position


def generated_names(contract: Contract) -> Iterator[GeneratedName]:
    """Every public name of the package of `contract`, and every constant of its `_contract.py`."""
    for type_ in contract.types.values():
        yield GeneratedName(type_.name, f"type {quoted(type_.name)}", type_.at)
        for form in forms_of(type_, contract) if isinstance(type_, UnionType) else ():
            if form.union is type_ and needs_own_class(form):
                origin = f"form {quoted(form.tag_value)} of {quoted(type_.name)}"
                yield GeneratedName(class_of_form(form), origin, form.variant.at)
    for error in contract.errors.values():
        origin = f"error {quoted(error.name)}"
        yield GeneratedName(error.name, origin, error.at)
        yield GeneratedName(upper_snake(error.name), origin, error.at)
        if error.fields:
            yield GeneratedName(f"{error.name}Data", origin, error.at)
    for service in contract.services.values():
        origin = f"service {quoted(service.name)}"
        yield GeneratedName(upper_snake(service.name), origin, service.at)
        for ending in ("Client", "Service", "ServicePartial"):
            yield GeneratedName(f"{service.name}{ending}", origin, service.at)
    for dialogue in contract.dialogues.values():
        for role in dialogue.roles:
            origin = f"role {quoted(role.name)} of {quoted(dialogue.name)}"
            yield GeneratedName(dialogue.side_class(role), origin, role.at)
    for service, method in methods(contract):
        origin = f"method {quoted(method.name)} of {quoted(service.name)}"
        constant = f"{upper_snake(service.name)}_{upper_snake(method.name)}"
        class_ = f"{service.name}{pascal(method.name)}"
        yield GeneratedName(constant, origin, method.at)
        if isinstance(method.params, InlineParams):
            yield GeneratedName(f"{class_}Params", origin, method.at)
        if contract.errors_of(service, method):
            yield GeneratedName(f"{class_}Error", origin, method.at)
            yield GeneratedName(f"{constant}_ERRORS", origin, method.at)
    for service, event in events(contract):
        origin = f"event {quoted(event.name)} of {quoted(service.name)}"
        constant = f"{upper_snake(service.name)}_{upper_snake(event.name)}"
        yield GeneratedName(constant, origin, event.at)
        if isinstance(event.payload, InlinePayload):
            yield GeneratedName(f"{service.name}{pascal(event.name)}", origin, event.at)


@rule("generated-name-taken")
def generated_name_taken(contract: Contract) -> Findings:
    """No two names in the generated package meet."""
    seen: dict[str, GeneratedName] = {}
    in_order = sorted(generated_names(contract), key=lambda one: (one.at.line, one.at.column))
    for one in in_order:
        first = seen.setdefault(one.name, one)
        if first.origin != one.origin:
            related = Related(first.at, f"{quoted(one.name)} is already made from this")
            message = f"{one.origin} would be {quoted(one.name)}, as {first.origin} is"
            yield Diagnostic(
                "generated-name-taken", one.at, message, "rename one of the two", related=related
            )
