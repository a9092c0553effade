"""What stands of each service in client.py, service.py and _contract.py."""

from __future__ import annotations

from dataclasses import dataclass

from ....model import Contract, Service
from .annotations import Spellers
from .events import EventView, event_view
from .fields import contract_module
from .methods import MethodView, method_view
from .wording import constant, literal, with_deprecation


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceView:
    """One service."""

    name: str
    constant: str
    wire_name: str
    """Quoted."""
    base: int
    client_class: str
    service_class: str
    partial_class: str
    doc: str
    methods: tuple[MethodView, ...]
    events: tuple[EventView, ...]
    contract_module: str
    """What client.py calls `_contract`: a name that none of the keywords has."""


def service_view(service: Service, contract: Contract, spellers: Spellers) -> ServiceView:
    """`service`, which `contract` states."""
    methods = tuple(
        method_view(service, method, contract, spellers) for method in service.methods.values()
    )
    return ServiceView(
        name=service.name,
        constant=constant(service.name),
        wire_name=literal(f"{contract.package}.{service.name}"),
        base=service.base,
        client_class=f"{service.name}Client",
        service_class=f"{service.name}Service",
        partial_class=f"{service.name}ServicePartial",
        doc=with_deprecation(service.doc, service.deprecated),
        methods=methods,
        events=tuple(
            event_view(service, event, contract, spellers) for event in service.events.values()
        ),
        contract_module=contract_module(*(method.keywords for method in methods)),
    )
