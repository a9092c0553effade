"""What is written for people: rules that a project asks for, under `on`."""

from __future__ import annotations

from collections.abc import Iterator

from ..diagnostics import Diagnostic, Position, quoted
from ..model import Contract, EnumType
from ..model.walk import events, fields, methods
from .registry import Findings, rule

_HINT = "add `doc`: it becomes the docstring"


@rule("doc-service", level="warning", may_be_off=True, on_demand=True)
def doc_service(contract: Contract) -> Findings:
    """Every service and every dialogue says what it is for."""
    documented = [(one.name, one.doc, one.at) for one in contract.services.values()]
    documented += [(one.name, one.doc, one.at) for one in contract.dialogues.values()]
    for name, doc, at in documented:
        if not doc:
            yield Diagnostic("doc-service", at, f"{quoted(name)} has no doc", _HINT)


@rule("doc-method", level="warning", may_be_off=True, on_demand=True)
def doc_method(contract: Contract) -> Findings:
    """Every method and every event says what it does."""
    for service, one in (*methods(contract), *events(contract)):
        if not one.doc:
            message = f"{quoted(f'{service.name}.{one.name}')} has no doc"
            yield Diagnostic("doc-method", one.at, message, _HINT)


@rule("doc-type", level="warning", may_be_off=True, on_demand=True)
def doc_type(contract: Contract) -> Findings:
    """Every type and every error says what it is."""
    for one in (*contract.types.values(), *contract.errors.values()):
        if not one.doc:
            yield Diagnostic("doc-type", one.at, f"{quoted(one.name)} has no doc", _HINT)


@rule("doc-field", level="warning", may_be_off=True, on_demand=True)
def doc_field(contract: Contract) -> Findings:
    """Every field and every value of an enum says what it means."""
    for owned in fields(contract):
        if not owned.field.doc:
            message = f"field {quoted(owned.field.name)} of {owned.owner} has no doc"
            yield Diagnostic("doc-field", owned.field.at, message, _HINT)
    for type_ in contract.types.values():
        for value in type_.values.values() if isinstance(type_, EnumType) else ():
            if not value.doc:
                message = f"value {quoted(value.name)} of {quoted(type_.name)} has no doc"
                yield Diagnostic("doc-field", value.at, message, "say what it means")


@rule("doc-sentence", level="warning", may_be_off=True, on_demand=True)
def doc_sentence(contract: Contract) -> Findings:
    """Docs are sentences: they begin with a capital letter and end with a full stop."""
    for what, doc, at in _docs(contract):
        if not doc:
            continue
        if doc[0].isalpha() and not doc[0].isupper():
            message = f"the doc of {what} begins with a small letter"
            yield Diagnostic("doc-sentence", at, message, "write a sentence")
        elif doc[-1] not in ".!?:`)\"'":
            message = f"the doc of {what} ends without a full stop"
            yield Diagnostic("doc-sentence", at, message, "write a sentence")


def _docs(contract: Contract) -> Iterator[tuple[str, str, Position]]:
    yield "the contract", contract.doc, contract.package_at
    for group in (contract.types, contract.errors, contract.services, contract.dialogues):
        for one in group.values():
            yield quoted(one.name), one.doc, one.at
    for _, callable_ in (*methods(contract), *events(contract)):
        yield quoted(callable_.name), callable_.doc, callable_.at
    for owned in fields(contract):
        yield f"field {quoted(owned.field.name)}", owned.field.doc, owned.field.at


@rule("example-per-method", level="warning", may_be_off=True, on_demand=True)
def example_per_method(contract: Contract) -> Findings:
    """Every method and every event shows an example."""
    lacking = [(service, one) for service, one in methods(contract) if not one.examples]
    silent = [(service, one) for service, one in events(contract) if not one.examples]
    for service, one in (*lacking, *silent):
        message = f"{quoted(f'{service.name}.{one.name}')} has no example"
        hint = "add one under `examples`: it is checked, and tests read it"
        yield Diagnostic("example-per-method", one.at, message, hint)
