"""A contract, read: frozen values, each of which knows where it stands in the file.

How a target walks it:

    project = load_project(Path("schema"))          # reading/
    findings = check(project)                       # checks/; go on only when none is an error
    for contract in project.contracts:
        for service in contract.services.values():
            for method in service.methods.values():
                match method.params:
                    case None: ...                          # no params
                    case InlineParams(fields=fields): ...   # {name: Field}: RoomsJoinParams
                    case Ref() as ref: contract.resolve(ref)    # an ObjectType, here or imported
                method.returns                              # TypeExpr, StreamOf, or None
                contract.errors_of(service, method)         # ErrorDefs: the service's, then its own
            for event in service.events.values():
                match event.payload:
                    case InlinePayload(fields=fields): ...  # RoomsMessagePosted
                    case Ref() as ref: contract.resolve(ref)    # an ObjectType
        for type_ in contract.types.values():
            match type_:
                case ObjectType(fields=fields): ...
                case EnumType(values=values, open=open_): ...
                case UnionType(variants=variants, tag=tag): ...
                case AliasType(type=expression, constraints=constraints): ...
                case SchemaType(schema=schema): schema.data     # raw JSON Schema, a dict
        for error in contract.errors.values(): ...
        for dialogue in contract.dialogues.values():
            for role in dialogue.roles: ...             # two: [ref.name for ref in role.services]
    match field.type:                               # TypeExpr
        case Scalar(kind=kind): ...                 # ScalarKind.INT64
        case Ref(package=package, name=name): ...   # package != contract.package: imported
        case OptionalOf(of=inner): ...
        case ListOf(of=item): ...
        case MapOf(key=key, value=value): ...       # key None: any string
        case TextOf(of=inner): ...                  # a string with the JSON of `inner`
        case OneOf(forms=forms): ...                # told apart by their kind in JSON: json_kinds

Every mapping is in the order of the file. Names are as written, which is also what goes over the
wire. `.at` is the name of a thing and takes no part in comparisons. Defaults, examples and raw
schemas are tree nodes: take `.data` for the plain value.

A model exists also for a contract with findings; what was unreadable is left out or has the value
that its field documents.
"""

from .contract import Contract, Import
from .dialogues import Dialogue, Role, ServiceRef
from .errors import ErrorDef, ErrorRef, MessageTemplate, Placeholder, Retry
from .events import Buffer, Event, EventExample, EventKey, InlinePayload, WhenFull
from .methods import Effect, InlineParams, Method, MethodExample
from .numbered import Numbered
from .services import MAX_BASE, MAX_ID, ReservedId, Service
from .type_expressions import (
    NUMBERS_IN_JSON,
    WHOLE_NUMBERS,
    ListOf,
    MapOf,
    OneOf,
    OptionalOf,
    Ref,
    Scalar,
    ScalarKind,
    StreamKind,
    StreamOf,
    TextOf,
    TypeExpr,
    without_optional,
)
from .types import (
    NO_CONSTRAINTS,
    REF_PREFIX,
    AliasType,
    Constraints,
    EnumType,
    EnumValue,
    Field,
    ObjectType,
    ReservedName,
    SchemaType,
    TypeDef,
    UnionType,
    Variant,
)

__all__ = [
    "MAX_BASE",
    "MAX_ID",
    "NO_CONSTRAINTS",
    "NUMBERS_IN_JSON",
    "REF_PREFIX",
    "WHOLE_NUMBERS",
    "AliasType",
    "Buffer",
    "Constraints",
    "Contract",
    "Dialogue",
    "Effect",
    "EnumType",
    "EnumValue",
    "ErrorDef",
    "ErrorRef",
    "Event",
    "EventExample",
    "EventKey",
    "Field",
    "Import",
    "InlineParams",
    "InlinePayload",
    "ListOf",
    "MapOf",
    "MessageTemplate",
    "Method",
    "MethodExample",
    "Numbered",
    "ObjectType",
    "OneOf",
    "OptionalOf",
    "Placeholder",
    "Ref",
    "ReservedId",
    "ReservedName",
    "Retry",
    "Role",
    "Scalar",
    "ScalarKind",
    "SchemaType",
    "Service",
    "ServiceRef",
    "StreamKind",
    "StreamOf",
    "TextOf",
    "TypeDef",
    "TypeExpr",
    "UnionType",
    "Variant",
    "WhenFull",
    "without_optional",
]
