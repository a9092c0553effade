"""The classes of models.py that no type of the contract stands for: of params and events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ....model import Contract, Event, Field, InlineParams, InlinePayload, Method, Service
from .wording import class_prefix


@dataclass(frozen=True, slots=True, kw_only=True)
class InlineClass:
    """The class of params, or of what an event carries, written out where it is used."""

    name: str
    fields: Mapping[str, Field]
    doc: str


def inline_classes(contract: Contract) -> Iterator[InlineClass]:
    """Of every service in turn: those of its methods, and then those of its events."""
    for service in contract.services.values():
        for method in service.methods.values():
            if isinstance(method.params, InlineParams):
                yield InlineClass(
                    name=params_class(service, method),
                    fields=method.params.fields,
                    doc=f"What `{service.name}.{method.name}` takes.",
                )
        for event in service.events.values():
            if isinstance(event.payload, InlinePayload):
                yield InlineClass(
                    name=event_class(service, event),
                    fields=event.payload.fields,
                    doc=f"What `{service.name}.{event.name}` carries.",
                )


def params_class(service: Service, method: Method) -> str:
    """`Rooms`, `join` as `RoomsJoinParams`."""
    return f"{class_prefix(service, method)}Params"


def event_class(service: Service, event: Event) -> str:
    """`Rooms`, `joined` as `RoomsJoined`."""
    return class_prefix(service, event)
