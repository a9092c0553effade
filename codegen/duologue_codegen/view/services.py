"""What stands in errors.py, client.py, service.py and _contract.py."""

from __future__ import annotations

from dataclasses import dataclass

from ..model import (
    Contract,
    ErrorDef,
    Event,
    InlineParams,
    InlinePayload,
    Method,
    ObjectType,
    Ref,
    Scalar,
    ScalarKind,
    Service,
    StreamKind,
    StreamOf,
    TypeExpr,
)
from ..names import pascal
from .annotations import (
    BESIDE_MODELS,
    BY_MODULE,
    ForeignNames,
    Speller,
    Style,
)
from .fields import Keyword, constant, keyword, literal

_CLASSES = frozenset(
    {
        ScalarKind.STRING,
        ScalarKind.FLOAT,
        ScalarKind.BOOL,
        ScalarKind.BYTES,
        ScalarKind.DATE,
        ScalarKind.TIME,
        ScalarKind.DURATION,
        ScalarKind.UUID,
        ScalarKind.DECIMAL,
    }
)
"""Scalars that Python has a class of its own for, without constraints."""

_STREAM_CLASSES = {StreamKind.BYTES: "ByteStream", StreamKind.TEXT: "TextStream"}
_STREAM_CODECS = {StreamKind.BYTES: "BYTE_STREAM", StreamKind.TEXT: "TEXT_STREAM"}


@dataclass(frozen=True, slots=True)
class Raised:
    """A declared error, as a docstring lists it."""

    name: str
    doc: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorView:
    """One declared error."""

    name: str
    constant: str
    code: str
    """Quoted."""
    retry: str | None
    """Quoted; None when it is the usual one."""
    data_class: str | None
    """What carries its fields; None without fields."""
    codec: str
    keywords: tuple[Keyword, ...]
    message: str | None
    """A string literal, with an `f` in front where fields stand in it; None without a message."""
    doc: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodView:
    """One method, for every file that knows it."""

    name: str
    full_name: str
    """`Rooms.join`."""
    constant: str
    id: int
    doc: str
    deprecated: str | None
    """The text."""
    deprecated_literal: str | None
    """The text, quoted."""
    since: str | None
    keywords: tuple[Keyword, ...]
    params: str
    """Of the contract: `Params(m.RoomsJoinParams)`."""
    params_class: str | None
    """What the service gets; None without params."""
    returns: str
    """In signatures."""
    codec: str
    errors: tuple[str, ...]
    """Constants of the contract."""
    raises: tuple[Raised, ...]
    effect: str | None
    """Quoted; None when it is the usual one."""
    timeout: str | None
    """Seconds."""
    error_alias: str
    error_tuple: str


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
    keywords: tuple[Keyword, ...]
    """What the service gives it."""
    peer: str
    """What the service calls the receiver: a name that none of the keywords has."""
    peer_type: str
    handler_type: str
    subscription_type: str
    contract_module: str
    """What service.py calls `_contract`: a name that none of the keywords has."""


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


def with_deprecation(doc: str, deprecated: str | None) -> str:
    """`doc`, and what became of the thing it describes."""
    if deprecated is None:
        return doc
    return f"{doc}\n\nDeprecated: {deprecated}".strip()


class ServicesView:
    """Everything of a contract beside its types; `imports` holds what each file needs for it."""

    errors: tuple[ErrorView, ...]
    services: tuple[ServiceView, ...]

    def __init__(self, contract: Contract, foreign: ForeignNames) -> None:
        self._contract = contract
        methods = {name for service in contract.services.values() for name in service.methods}
        self._spellers = {
            "errors": Speller(contract, foreign, BESIDE_MODELS),
            "client": Speller(contract, foreign, BESIDE_MODELS, methods),
            "service": Speller(contract, foreign, BESIDE_MODELS, methods),
            "_contract": Speller(contract, foreign, BY_MODULE),
        }
        self.errors = tuple(self._error(error) for error in contract.errors.values())
        self.services = tuple(self._service(service) for service in contract.services.values())

    @property
    def imports(self) -> dict[str, tuple[str, ...]]:
        """Import statements, by the file's name without its ending."""
        return {name: speller.lines() for name, speller in self._spellers.items()}

    def _error(self, error: ErrorDef) -> ErrorView:
        speller = self._spellers["errors"]
        data_class = f"{error.name}Data" if error.fields else None
        contract = self._spellers["_contract"]
        return ErrorView(
            name=error.name,
            constant=constant(error.name),
            code=literal(error.code),
            retry=None if error.retry == "never" else literal(error.retry),
            data_class=None if data_class is None else speller.own(data_class),
            codec="NOTHING" if data_class is None else f"Codec({contract.own(data_class)})",
            keywords=tuple(
                keyword(field, self._contract, speller) for field in error.fields.values()
            ),
            message=message_literal(error),
            doc=with_deprecation(error.doc, error.deprecated),
        )

    def _service(self, service: Service) -> ServiceView:
        methods = tuple(self._method(service, method) for method in service.methods.values())
        return ServiceView(
            name=service.name,
            constant=constant(service.name),
            wire_name=literal(f"{self._contract.package}.{service.name}"),
            base=service.base,
            client_class=f"{service.name}Client",
            service_class=f"{service.name}Service",
            partial_class=f"{service.name}ServicePartial",
            doc=with_deprecation(service.doc, service.deprecated),
            methods=methods,
            events=tuple(self._event(service, event) for event in service.events.values()),
            contract_module=_contract_module(*(method.keywords for method in methods)),
        )

    def _method(self, service: Service, method: Method) -> MethodView:
        contract, client = self._spellers["_contract"], self._spellers["client"]
        serving = self._spellers["service"]
        returns = _result(method.returns, client)
        _result(method.returns, serving)
        errors = self._contract.errors_of(service, method)
        prefix = class_prefix(service, method)
        return MethodView(
            name=method.name,
            full_name=f"{service.name}.{method.name}",
            constant=constant(service.name, method.name),
            id=method.id,
            doc=method.doc,
            deprecated=method.deprecated,
            deprecated_literal=None if method.deprecated is None else literal(method.deprecated),
            since=method.since,
            keywords=self._keywords(method.params, client),
            params=self._params(service, method),
            params_class=self._params_class(service, method, serving),
            returns=returns,
            codec=self._codec(method, contract),
            errors=tuple(constant(error.name) for error in errors),
            raises=tuple(Raised(error.name, error.doc) for error in errors),
            effect=None if method.effect == "write" else literal(method.effect),
            timeout=None if method.timeout_s is None else literal(float(method.timeout_s)),
            error_alias=f"{prefix}Error",
            error_tuple=f"{constant(service.name, method.name)}_ERRORS",
        )

    def _event(self, service: Service, event: Event) -> EventView:
        contract, client = self._spellers["_contract"], self._spellers["client"]
        serving = self._spellers["service"]
        keywords = self._keywords(event.payload, serving)
        carried = self._payload_class(service, event, client)
        subscription = client.need("duologue.typed", "Subscription")
        return EventView(
            name=event.name,
            full_name=f"{service.name}.{event.name}",
            constant=constant(service.name, event.name),
            id=event.id,
            doc=event.doc,
            deprecated=event.deprecated,
            deprecated_literal=None if event.deprecated is None else literal(event.deprecated),
            constructor=contract.need("duologue.typed", "Event"),
            payload=f"Params({self._payload_class(service, event, contract)})",
            keywords=keywords,
            peer="peer_" if any(each.name == "peer" for each in keywords) else "peer",
            peer_type=serving.need("duologue.typed", "Peer"),
            handler_type=f"{client.need('duologue.typed', 'EventHandler')}[{carried}]",
            subscription_type=f"{subscription}[{carried}]",
            contract_module=_contract_module(keywords),
        )

    def _payload_class(self, service: Service, event: Event, speller: Speller) -> str:
        match event.payload:
            case InlinePayload():
                return speller.own(class_prefix(service, event))
            case Ref() as ref:
                return speller.name(ref)

    def _keywords(
        self, stated: InlineParams | InlinePayload | Ref | None, speller: Speller
    ) -> tuple[Keyword, ...]:
        fields, home = self._contract.fields_of(stated)
        return tuple(keyword(field, home, speller) for field in fields.values())

    def _params_class(self, service: Service, method: Method, speller: Speller) -> str | None:
        match method.params:
            case None:
                return None
            case InlineParams():
                return speller.own(f"{class_prefix(service, method)}Params")
            case Ref() as ref:
                return speller.name(ref)

    def _params(self, service: Service, method: Method) -> str:
        speller = self._spellers["_contract"]
        params_class = self._params_class(service, method, speller)
        if params_class is None:
            return "NO_PARAMS"
        if method.positional:
            return f"{speller.need('duologue.typed', 'PositionalParams')}({params_class})"
        return f"Params({params_class})"

    def _codec(self, method: Method, speller: Speller) -> str:
        returns = method.returns
        if returns is None:
            return "NOTHING"
        if isinstance(returns, StreamOf):
            return _STREAM_CODECS[returns.kind]
        form = speller.spell(returns, Style.VALUE)
        if self._is_class(returns):
            return f"Codec({form})"
        return f"Codec[{speller.spell(returns, Style.PLAIN)}]({form})"

    def _is_class(self, expression: TypeExpr) -> bool:
        """Whether Python has a class for it, from which type checkers infer the codec's type."""
        match expression:
            case Ref() as ref:
                return isinstance(self._contract.resolve(ref), ObjectType)
            case Scalar(kind=kind):
                return kind in _CLASSES
            case _:
                return False


def class_prefix(service: Service, one: Method | Event) -> str:
    """`Rooms`, `join` as `RoomsJoin`: what names made for a method begin with; an event's class."""
    return f"{service.name}{pascal(one.name)}"


def _result(returns: TypeExpr | StreamOf | None, speller: Speller) -> str:
    match returns:
        case None:
            return "None"
        case StreamOf(kind=kind):
            return speller.need("duologue", _STREAM_CLASSES[kind])
        case _:
            return speller.spell(returns, Style.PLAIN)


def _contract_module(*keywords: tuple[Keyword, ...]) -> str:
    """What a class calls `_contract`: `c`, unless one of the keywords has that name."""
    return "_contract" if any(each.name == "c" for some in keywords for each in some) else "c"


def message_literal(error: ErrorDef) -> str | None:
    """The message of an error as a Python string over `self.data`."""
    if error.message is None:
        return None
    has_fields = any(not isinstance(part, str) for part in error.message.parts)
    pieces = [
        _inside_quotes(part, in_f_string=has_fields)
        if isinstance(part, str)
        else f"{{self.data.{part.name}}}"
        for part in error.message.parts
    ]
    return f'{"f" if has_fields else ""}"{"".join(pieces)}"'


def _inside_quotes(text: str, *, in_f_string: bool) -> str:
    """`text` between double quotes."""
    # repr() of a text with a single quote in front keeps to single quotes outside.
    escaped = repr(f'"{text}')[2:-1].replace("\\'", "'").replace('"', '\\"')
    return escaped.replace("{", "{{").replace("}", "}}") if in_f_string else escaped
