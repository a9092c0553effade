"""A whole package as models.py, the templates and contract.json need it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ....model import Contract, UnionType
from ....model.forms import class_of_form, forms_of, needs_own_class
from ..header import HEADER
from .annotations import ForeignNames, Spellers
from .dialogues import SideView, side_views
from .errors import ErrorView, error_view
from .models import ModelsView
from .services import ServiceView, service_view
from .types import models_view
from .wording import class_prefix, constant, literal


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageView:
    """One generated package, every decision taken: what is left is wording."""

    package: str
    """`chat.rooms.v1`."""
    source: str
    """`chat/rooms/v1.yaml`, from the schema root."""
    header: str
    """The first line of every Python file."""
    doc: str
    contract_json: str
    """The contract in canonical form."""
    digest: str
    """Quoted; what two peers compare."""
    models: ModelsView
    errors: tuple[ErrorView, ...]
    services: tuple[ServiceView, ...]
    sides: tuple[SideView, ...]
    """Of the dialogues."""
    imports: dict[str, tuple[str, ...]]
    """Import statements of every other file, by its name without the ending."""
    names: dict[str, dict[str, str]]
    """What those files call what their templates import."""


def package_view(
    contract: Contract, *, contract_json: str, digest: str, import_root: str
) -> PackageView:
    """The package that a contract without findings becomes.

    `import_root` is the dotted name below which generated packages find each other; it may be
    empty. `digest` is that of `contract_json` without docs.
    """
    foreign = ForeignNames(contract, frozenset(_own_type_names(contract)), import_root)
    models = models_view(contract, foreign)
    spellers = Spellers(contract, foreign, frozenset(_constants(contract)))
    errors = tuple(error_view(error, contract, spellers) for error in contract.errors.values())
    services = tuple(
        service_view(service, contract, spellers) for service in contract.services.values()
    )
    return PackageView(
        package=contract.package,
        source=contract.path,
        header=f"{HEADER} from {contract.path}. Do not edit.",
        doc=contract.doc,
        contract_json=contract_json,
        digest=literal(digest),
        models=models,
        errors=errors,
        services=services,
        sides=side_views(contract),
        imports=spellers.imports,
        names=spellers.names,
    )


def _own_type_names(contract: Contract) -> Iterator[str]:
    """Every class and alias that the package defines."""
    yield from contract.types
    for type_ in contract.types.values():
        if isinstance(type_, UnionType):
            forms = (form for form in forms_of(type_, contract) if form.union is type_)
            yield from (class_of_form(form) for form in forms if needs_own_class(form))
    for error in contract.errors:
        yield from (error, f"{error}Data")
    for service in contract.services.values():
        yield from (service.name + end for end in ("Client", "Service", "ServicePartial"))
    for dialogue in contract.dialogues.values():
        yield from (dialogue.side_class(role) for role in dialogue.roles)
    for service in contract.services.values():
        for method in service.methods.values():
            prefix = class_prefix(service, method)
            yield from (f"{prefix}Params", f"{prefix}Error")
        yield from (class_prefix(service, event) for event in service.events.values())


def _constants(contract: Contract) -> Iterator[str]:
    """Every constant of `_contract.py`."""
    yield from (constant(error) for error in contract.errors)
    for service in contract.services.values():
        yield constant(service.name)
        yield from (constant(service.name, one.name) for one in service.numbered)
