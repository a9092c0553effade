"""What stands of each event in client.py, service.py and _contract.py."""

from __future__ import annotations

from dataclasses import dataclass

from ....model import Buffer, Contract, Event, Field, InlinePayload, Ref, Service
from .annotations import Speller, Spellers, Style
from .codecs import codec_of
from .fields import Keyword, contract_module, keywords_of
from .inline_classes import event_class
from .wording import constant, literal


@dataclass(frozen=True, slots=True, kw_only=True)
class EventView:
    """One event, for every file that knows it."""

    name: str
    full_name: str
    """`Rooms.message_posted`."""
    constant: str
    id: int
    doc: str
    deprecated: str | None
    """The text."""
    deprecated_literal: str | None
    """The text, quoted."""
    constructor: str
    """What the contract calls `Event`."""
    payload: str
    """Of the contract: `Params(m.RoomsMessagePosted)`."""
    key: str | None
    """Of the contract: `("room", Codec[m.RoomId](m.RoomId))`; None without one."""
    key_type: str | None
    """Of the client: `RoomId`."""
    key_field: str | None
    replay: int
    """How many of each key are kept."""
    replay_type: str
    """What the client calls `int`."""
    max_waiting: int | None
    """None when it is the usual number."""
    when_full: str | None
    """Quoted; None when it is the usual way."""
    keywords: tuple[Keyword, ...]
    """What the service gives it."""
    peer: str
    """What the service calls the receiver: a name that none of the keywords has."""
    peer_type: str
    handler_type: str
    subscription_type: str
    contract_module: str
    """What service.py calls `_contract`: a name that none of the keywords has."""


def event_view(service: Service, event: Event, contract: Contract, spellers: Spellers) -> EventView:
    """`event` of `service`, which `contract` states."""
    keywords = keywords_of(event.payload, contract, spellers.service)
    carried = _payload_class(service, event, spellers.client)
    subscription = spellers.client.need("duologue.typed", "Subscription")
    key = _key_field(event, contract)
    usual, buffer = Buffer(), event.buffer
    return EventView(
        name=event.name,
        full_name=f"{service.name}.{event.name}",
        constant=constant(service.name, event.name),
        id=event.id,
        doc=event.doc,
        deprecated=event.deprecated,
        deprecated_literal=None if event.deprecated is None else literal(event.deprecated),
        constructor=spellers.contract.need("duologue.typed", "Event"),
        payload=_payload(service, event, spellers.contract),
        key=None if key is None else _key(*key, spellers.contract),
        key_type=None
        if key is None
        else spellers.client.spell(key[0].type, Style.PLAIN, home=key[1]),
        key_field=None if key is None else key[0].name,
        replay=event.replay,
        replay_type=spellers.client.builtin("int"),
        max_waiting=None if buffer.max == usual.max else buffer.max,
        when_full=None if buffer.when_full == usual.when_full else literal(buffer.when_full),
        keywords=keywords,
        peer="peer_" if any(each.name == "peer" for each in keywords) else "peer",
        peer_type=spellers.service.need("duologue.typed", "Peer"),
        handler_type=f"{spellers.client.need('duologue.typed', 'EventHandler')}[{carried}]",
        subscription_type=f"{subscription}[{carried}]",
        contract_module=contract_module(keywords),
    )


def _key_field(event: Event, contract: Contract) -> tuple[Field, Contract] | None:
    """The field by which one subscribes, and the contract in which it is written."""
    fields, home = contract.fields_of(event.payload)
    return None if event.key is None else (fields[event.key.field], home)


def _key(field: Field, home: Contract, speller: Speller) -> str:
    return f"({literal(field.wire)}, {codec_of(field.type, home, speller)})"


def _payload(service: Service, event: Event, speller: Speller) -> str:
    return f"{speller.need('duologue.typed', 'Params')}({_payload_class(service, event, speller)})"


def _payload_class(service: Service, event: Event, speller: Speller) -> str:
    match event.payload:
        case InlinePayload():
            return speller.own(event_class(service, event))
        case Ref() as ref:
            return speller.name(ref)
