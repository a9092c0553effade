"""What stands in errors.py, client.py, service.py and _contract.py."""

from __future__ import annotations

from dataclasses import dataclass

from ..model import (
    Contract,
    ErrorDef,
    Field,
    InlineParams,
    Method,
    ObjectType,
    Ref,
    Scalar,
    ScalarKind,
    Service,
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
        self._spellers = {
            name: Speller(contract, foreign, place)
            for name, place in (
                ("errors", BESIDE_MODELS),
                ("client", BESIDE_MODELS),
                ("service", BESIDE_MODELS),
                ("_contract", BY_MODULE),
            )
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
        names = {each.name for method in methods for each in method.keywords}
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
            contract_module="_contract" if "c" in names else "c",
        )

    def _method(self, service: Service, method: Method) -> MethodView:
        contract, client = self._spellers["_contract"], self._spellers["client"]
        serving = self._spellers["service"]
        returns = "None" if method.returns is None else client.spell(method.returns, Style.PLAIN)
        if method.returns is not None:
            serving.spell(method.returns, Style.PLAIN)
        errors = self._contract.errors_of(service, method)
        prefix = params_prefix(service, method)
        return MethodView(
            name=method.name,
            full_name=f"{service.name}.{method.name}",
            constant=constant(service.name, method.name),
            id=method.id,
            doc=method.doc,
            deprecated=method.deprecated,
            deprecated_literal=None if method.deprecated is None else literal(method.deprecated),
            since=method.since,
            keywords=self._keywords(method),
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

    def _keywords(self, method: Method) -> tuple[Keyword, ...]:
        speller = self._spellers["client"]
        fields, home = self._fields(method)
        return tuple(keyword(field, home, speller) for field in fields)

    def _fields(self, method: Method) -> tuple[tuple[Field, ...], Contract]:
        """The fields of the params, and the contract they were written in."""
        match method.params:
            case None:
                return (), self._contract
            case InlineParams(fields=fields):
                return tuple(fields.values()), self._contract
            case Ref() as ref:
                target, home = self._contract.resolve(ref), self._contract.home_of(ref)
                if isinstance(target, ObjectType) and home is not None:
                    return tuple(target.fields.values()), home
                return (), self._contract

    def _params_class(self, service: Service, method: Method, speller: Speller) -> str | None:
        match method.params:
            case None:
                return None
            case InlineParams():
                return speller.own(f"{params_prefix(service, method)}Params")
            case Ref() as ref:
                return speller.name(ref)

    def _params(self, service: Service, method: Method) -> str:
        params_class = self._params_class(service, method, self._spellers["_contract"])
        return "NO_PARAMS" if params_class is None else f"Params({params_class})"

    def _codec(self, method: Method, speller: Speller) -> str:
        returns = method.returns
        if returns is None:
            return "NOTHING"
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


def params_prefix(service: Service, method: Method) -> str:
    """`Rooms`, `join` as `RoomsJoin`: what the names made for one method begin with."""
    return f"{service.name}{pascal(method.name)}"


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
