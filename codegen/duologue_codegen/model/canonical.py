"""A contract as plain JSON in one canonical form: `contract.json`, and what the digest is made of.

Two contracts that mean the same have the same form, however they are laid out: order, aliases of
imports and flow or block style leave no trace. Names of imported types are written in full.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Final, TypeAlias

from ..text.tree import Data, Node
from .contract import Contract
from .dialogues import Dialogue
from .errors import ErrorDef, Placeholder
from .events import Buffer, Event, EventExample, InlinePayload
from .methods import InlineParams, Method, MethodExample
from .services import Service
from .type_expressions import (
    ListOf,
    MapOf,
    OneOf,
    OptionalOf,
    Ref,
    Scalar,
    StreamOf,
    TextOf,
    TypeExpr,
)
from .types import (
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
)

Json: TypeAlias = dict[str, Data]

_BOUNDS: Final = ("min", "max", "gt", "lt", "multiple_of", "pattern")


def canonical(contract: Contract, *, for_people: bool = True) -> Json:
    """The contract as plain JSON: what is not stated, or is as by default, is left out.

    `for_people=False` leaves out what only people read as well: docs, examples, deprecations.
    Imported contracts stand in it by their digests, so a change in one changes this one's, too.
    """
    form = _Form(contract, for_people)
    imported = (each.contract for each in contract.imports.values())
    imports = {each.package: contract_digest(each) for each in imported if each is not None}
    return form.stated(
        {
            "duologue": contract.edition,
            "package": contract.package,
            **form.about(contract.doc),
            "imports": dict[str, Data](imports),
            "types": {name: form.type(type_) for name, type_ in contract.types.items()},
            "errors": {name: form.error(error) for name, error in contract.errors.items()},
            "services": {name: form.service(one) for name, one in contract.services.items()},
            "dialogues": form.dialogues(),
        }
    )


def canonical_text(value: Json) -> str:
    """The one spelling of canonical JSON: sorted keys, no spaces, UTF-8 as it is."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def contract_digest(contract: Contract) -> str:
    """SHA-256 over what the contract means, as `sha256:` and 64 hexadecimal digits."""
    text = canonical_text(canonical(contract, for_people=False))
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


class _Form:
    """Writes the parts of a contract, with or without what only people read."""

    def __init__(self, contract: Contract, for_people: bool) -> None:
        self._contract = contract
        self._for_people = for_people

    def stated(self, parts: Mapping[str, Data]) -> Json:
        """Without what says nothing."""
        return {key: value for key, value in parts.items() if value not in (None, "", [], {})}

    def about(self, doc: str, deprecated: str | None = None, examples: Iterable[Node] = ()) -> Json:
        """What only people read."""
        if not self._for_people:
            return {}
        shown: list[Data] = [example.data for example in examples]
        return {"doc": doc, "deprecated": deprecated, "examples": shown}

    # ---- types -------------------------------------------------------------------------------

    def type(self, type_: TypeDef) -> Json:
        about = self.about(type_.doc, type_.deprecated, type_.examples)
        match type_:
            case ObjectType(fields=fields, reserved=reserved, keeps_unknown=keeps_unknown):
                # An object without fields is still one.
                unknown = "keep" if keeps_unknown else None
                rest = self.stated({**about, "unknown": unknown, "reserved": _names(reserved)})
                return {"fields": self.fields(fields), **rest}
            case EnumType(values=values, open=is_open, reserved=reserved):
                members: Json = {name: self.value(value) for name, value in values.items()}
                return self.stated(
                    {**about, "enum": members, "open": is_open, "reserved": _names(reserved)}
                )
            case UnionType(variants=variants, open=is_open, reserved=reserved):
                forms: Json = {name: expression_text(one.type) for name, one in variants.items()}
                return self.stated(
                    {
                        **about,
                        "union": forms,
                        "tag": self.tag(type_),
                        "open": is_open,
                        "reserved": _names(reserved),
                    }
                )
            case AliasType(type=expression, constraints=constraints):
                is_ = {"type": expression_text(expression), **_constraints(constraints)}
                return self.stated({**about, "is": is_})
            case SchemaType(schema=schema):
                return {"schema": self.schema(schema.data), **self.stated(about)}

    def tag(self, union: UnionType) -> Data:
        if union.wire == union.tag or not self._for_people:
            return union.wire
        return {"name": union.tag, "wire": union.wire}

    def value(self, value: EnumValue) -> Json:
        return {"value": value.value, **self.stated(self.about(value.doc, value.deprecated))}

    def schema(self, schema: Data) -> Data:
        """Raw JSON Schema, whose own docs are left out with the others."""
        if isinstance(schema, list):
            return [self.schema(item) for item in schema]
        if not isinstance(schema, dict):
            return schema
        kept = {
            key: value
            for key, value in schema.items()
            if self._for_people or key not in {"description", "examples", "deprecated"}
        }
        return {
            key: {name: self.schema(one) for name, one in value.items()}
            if key == "properties" and isinstance(value, dict)
            else self.schema(value)
            for key, value in kept.items()
        }

    def fields(self, fields: Mapping[str, Field]) -> Json:
        # Without what people read, a field is what it is on the wire, whatever Python calls it.
        return {
            field.name if self._for_people else field.wire: self.field(field)
            for field in fields.values()
        }

    def field(self, field: Field) -> Json:
        default: Json = {} if field.default is None else {"default": field.default.data}
        presence: Json = {"presence": "explicit"} if field.explicit_presence else {}
        if field.omit_null:
            presence = {"presence": "omit_null"}
        about = self.about(field.doc, field.deprecated, field.examples)
        shows_wire = self._for_people and field.wire != field.name
        wire: Json = {"wire": field.wire} if shows_wire else {}
        return {
            "type": expression_text(field.type),
            **wire,
            **default,
            **presence,
            **_constraints(field.constraints),
            **self.stated(about),
        }

    # ---- errors and services -----------------------------------------------------------------

    def error(self, error: ErrorDef) -> Json:
        parts = () if error.message is None else error.message.parts
        return {
            "code": error.code,
            "retry": error.retry,
            **self.stated(
                {
                    **self.about(error.doc, error.deprecated),
                    "fields": self.fields(error.fields),
                    "message": "".join(_template(part) for part in parts),
                    "reserved": _names(error.reserved),
                }
            ),
        }

    def service(self, service: Service) -> Json:
        errors: list[Data] = [*sorted(ref.name for ref in service.errors)]
        ids: list[Data] = [*sorted(one.id for one in service.reserved_ids)]
        return {
            "base": service.base,
            "methods": {name: self.method(one) for name, one in service.methods.items()},
            **self.stated(
                {
                    **self.about(service.doc, service.deprecated),
                    "events": {name: self.event(one) for name, one in service.events.items()},
                    "errors": errors,
                    "reserved": self.stated({"ids": ids, "names": _names(service.reserved_names)}),
                }
            ),
        }

    def dialogues(self) -> Json:
        """For people: to each service a peer offers it is all the same what others it offers."""
        if not self._for_people:
            return {}
        dialogues = self._contract.dialogues
        return {name: self.dialogue(one) for name, one in dialogues.items()}

    def dialogue(self, dialogue: Dialogue) -> Json:
        # In a list: which role is named first is of no account on the wire, but it is in code.
        roles: list[Data] = []
        for role in dialogue.roles:
            services: list[Data] = [each.name for each in role.services]
            roles.append({"role": role.name, "offers": services})
        return {**self.stated(self.about(dialogue.doc, dialogue.deprecated)), "roles": roles}

    def method(self, method: Method) -> Json:
        errors: list[Data] = [*sorted(ref.name for ref in method.errors)]
        params: Data = None
        match method.params:
            case InlineParams(fields=fields):
                params = self.fields(fields)
            case Ref() as ref:
                params = expression_text(ref)
            case None:
                pass
        args: list[Data] = []
        if method.positional:
            # Elsewhere the order of fields means nothing; here it is what goes over the wire.
            args += self.fields(self._contract.fields_of(method.params)[0])
        examples: list[Data] = [_example(one) for one in method.examples]
        return {
            "id": method.id,
            "effect": method.effect,
            **({"cancel": "ignore"} if method.ignores_cancel else {}),
            **self.stated(
                {
                    **self.about(method.doc, method.deprecated),
                    "since": method.since if self._for_people else None,
                    "params": params,
                    "args": args,
                    "sends": None if method.sends is None else expression_text(method.sends),
                    "yields": None if method.yields is None else expression_text(method.yields),
                    "returns": None if method.returns is None else expression_text(method.returns),
                    "errors": errors,
                    "timeout_s": method.timeout_s,
                    "idle_timeout_s": method.idle_timeout_s,
                    "examples": examples if self._for_people else [],
                }
            ),
        }

    def event(self, event: Event) -> Json:
        examples: list[Data] = [_event_example(one) for one in event.examples]
        about = {
            **self.about(event.doc, event.deprecated),
            "examples": examples if self._for_people else [],
        }
        payload: Json
        match event.payload:
            case InlinePayload(fields=fields):
                payload = {"fields": self.fields(fields)}
            case Ref() as ref:
                payload = {"payload": expression_text(ref)}
        return {"id": event.id, **payload, **self.stated({**about, **self.memory(event)})}

    def memory(self, event: Event) -> Json:
        """By what it is subscribed to, and how much of it waits and is kept."""
        key: Data = None
        if event.key is not None:
            field = self._contract.fields_of(event.payload)[0].get(event.key.field)
            shows_name = self._for_people or field is None
            key = event.key.field if shows_name or field is None else field.wire
        usual, buffer = Buffer(), event.buffer
        return {
            "key": key,
            "replay": event.replay or None,
            "buffer": self.stated(
                {
                    "max": None if buffer.max == usual.max else buffer.max,
                    "when_full": None if buffer.when_full == usual.when_full else buffer.when_full,
                }
            ),
        }


def expression_text(type_: TypeExpr | StreamOf) -> str:
    """A type in words, imported names in full."""
    match type_:
        case Scalar(kind=kind) | StreamOf(kind=kind):
            return kind.value
        case Ref(package=package, name=name, alias=alias):
            return name if alias is None else f"{package}.{name}"
        case OptionalOf(of=inner):
            return f"optional {expression_text(inner)}"
        case ListOf(of=item):
            return f"list of {expression_text(item)}"
        case MapOf(key=None, value=value):
            return f"map of {expression_text(value)}"
        case MapOf(key=key, value=value):
            return f"map of {expression_text(key) if key else ''} to {expression_text(value)}"
        case TextOf(of=inner):
            return f"text of {expression_text(inner)}"
        case OneOf(forms=forms):
            # Their order means nothing. What would take the rest of the words comes last.
            spelled = sorted((" of " in form, form) for form in map(expression_text, forms))
            return " or ".join(form for _, form in spelled)


def _constraints(constraints: Constraints) -> Json:
    stated = {name: getattr(constraints, name) for name in _BOUNDS}
    return {name: value for name, value in stated.items() if value is not None}


def _names(reserved: Iterable[ReservedName]) -> list[Data]:
    return [*sorted(one.name for one in reserved)]


def _template(part: str | Placeholder) -> str:
    if isinstance(part, Placeholder):
        return f"{{{part.name}}}"
    return part.replace("{", "{{").replace("}", "}}")


def _example(example: MethodExample) -> Json:
    form: Json = {"name": example.name}
    if example.params is not None:
        form["params"] = example.params.data
    for key, items in (("sends", example.sends), ("yields", example.yields)):
        if items is not None:
            form[key] = [item.data for item in items]
    if example.returns is not None:
        form["returns"] = example.returns.data
    if example.error is not None:
        fields = None if example.error_fields is None else example.error_fields.data
        form["error"] = {example.error.name: fields}
    return form


def _event_example(example: EventExample) -> Json:
    payload: Json = {} if example.payload is None else {"payload": example.payload.data}
    return {"name": example.name, **payload}
