"""Types that a contract states as raw JSON Schema, spelled in Python.

The subset is that of the contract language; the checks have refused everything else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from ....model import REF_PREFIX, Contract, Ref, ScalarKind, SchemaType
from ....model.raw_unions import mapped_tags
from ....text.tree import Data, ScalarNode
from ....values.schemas import FORMATS
from .annotations import Speller, Style
from .defaults import scalar_text
from .models import AliasModel, Bounds, ClassModel, Default, FieldModel
from .wording import literal

Schema = Mapping[str, Data]

_FORMATS: Final = {
    "date-time": ("pydantic", "AwareDatetime"),
    "date": ("datetime", "date"),
    "time": ("datetime", "time"),
    "duration": ("datetime", "timedelta"),
    "uuid": ("uuid", "UUID"),
    "decimal": ("decimal", "Decimal"),
    "email": ("duologue.typed", "Email"),
    "uri": ("duologue.typed", "Url"),
}
_LENGTHS: Final = (
    ("minLength", "maxLength"),
    ("minItems", "maxItems"),
    ("minProperties", "maxProperties"),
)


class RawSchemas:
    """Spells the raw schemas of one contract for models.py."""

    def __init__(self, contract: Contract, speller: Speller) -> None:
        self._contract = contract
        self._speller = speller

    def model(self, type_: SchemaType) -> ClassModel | AliasModel:
        """The class, or the alias where the schema describes no object with known fields."""
        schema = type_.schema.data
        doc = type_.doc or _text(schema.get("description"))
        others = schema.get("additionalProperties")
        if isinstance(schema.get("properties"), dict) or others is False:
            required = set(_list(schema.get("required")))
            tags = mapped_tags(type_.name, self._contract)
            fields = tuple(
                self._field(name, self._tagged(stated, tags.get(name)), name in required)
                for name, stated in _schema(schema.get("properties")).items()
            )
            keeps = others is True
            return ClassModel(name=type_.name, fields=fields, keeps_unknown=keeps, doc=doc)
        return AliasModel(
            name=type_.name,
            annotation=self._spell(schema),
            needs=_own_names(schema),
            bounds=_bounds(schema),
            examples=tuple(example.data for example in type_.examples)
            or tuple(_list(schema.get("examples"))),
            doc=doc,
        )

    def _tagged(self, stated: Data, tag: str | None) -> Schema:
        """The schema of a property; with the one value that a `mapping` says it has."""
        schema = _schema(stated)
        return schema if tag is None or "const" in schema else {**schema, "const": tag}

    def _field(self, name: str, schema: Schema, required: bool) -> FieldModel:
        default = None
        if "default" in schema:
            default = Default(data=schema["default"], text=self._default_text(schema))
        return FieldModel(
            name=name,
            annotation=self._spell(schema),
            needs=_own_names(schema),
            default=default,
            may_be_absent=default is None and not required,
            bounds=_bounds(schema),
            examples=tuple(_list(schema.get("examples"))),
            deprecated="Deprecated." if schema.get("deprecated") is True else None,
            doc=_text(schema.get("description")),
        )

    def _default_text(self, schema: Schema) -> str:
        """The default of a property as Python."""
        data = schema["default"]
        kind = FORMATS.get(_text(schema.get("format")))
        if schema.get("type") == "number":
            kind = ScalarKind.FLOAT
        if kind is None or not isinstance(data, str | int | float):
            return literal(data)
        return scalar_text(ScalarNode(data, str(data), self._contract.at), kind, self._speller)

    def _nested(self, schema: Schema) -> str:
        """A type inside another one, which carries its own constraints."""
        text = self._spell(schema)
        stated = _keywords(_bounds(schema))
        if not stated:
            return text
        annotated = self._speller.need("typing", "Annotated")
        return f"{annotated}[{text}, {self._speller.need('pydantic', 'Field')}({stated})]"

    def _spell(self, schema: Schema) -> str:
        """The Python type of `schema`, without its own constraints."""
        ref = schema.get("$ref")
        if isinstance(ref, str):
            return self._spell_name(ref.removeprefix(REF_PREFIX))
        if "const" in schema:
            return f"{self._speller.need('typing', 'Literal')}[{literal(schema['const'])}]"
        if "enum" in schema:
            values = ", ".join(literal(value) for value in _list(schema["enum"]))
            return f"{self._speller.need('typing', 'Literal')}[{values}]"
        if "oneOf" in schema:
            return self._spell_union(schema)
        if "anyOf" in schema:
            forms = [_schema(form) for form in _list(schema["anyOf"])]
            forms.sort(key=lambda form: form.get("type") == "null")
            return " | ".join(self._nested(form) for form in forms)
        stated = schema.get("type")
        kinds = [_text(kind) for kind in (stated if isinstance(stated, list) else [stated])]
        kinds.sort(key=lambda kind: kind == "null")
        return " | ".join(self._spell_kind(kind, schema) for kind in kinds)

    def _spell_name(self, name: str) -> str:
        ref = Ref(package=self._contract.package, name=name, alias=None, at=self._contract.at)
        return self._speller.spell(ref, Style.CHECKED)

    def _spell_union(self, schema: Schema) -> str:
        forms = [self._spell(_schema(form)) for form in _list(schema["oneOf"])]
        tag = _schema(schema.get("discriminator")).get("propertyName")
        if len(forms) == 1 or tag is None:
            return " | ".join(forms)
        annotated = self._speller.need("typing", "Annotated")
        field = self._speller.need("pydantic", "Field")
        return f"{annotated}[{' | '.join(forms)}, {field}(discriminator={literal(tag)})]"

    def _spell_kind(self, kind: str, schema: Schema) -> str:
        match kind:
            case "null":
                return "None"
            case "boolean":
                return self._speller.builtin("bool")
            case "integer":
                return self._speller.need("duologue.typed", "SafeInt")
            case "number" | "string":
                return self._spell_scalar(kind, _text(schema.get("format")))
            case "array":
                return self._spell_array(schema)
            case "object":
                return self._spell_map(schema)
            case _:
                return self._speller.need("duologue.typed", "Json")

    def _spell_scalar(self, kind: str, stated_format: str) -> str:
        if stated_format == "binary":
            return self._speller.builtin("bytes")
        found = _FORMATS.get(stated_format)
        if found is None or (kind == "number" and stated_format != "decimal"):
            return self._speller.builtin("float" if kind == "number" else "str")
        return self._speller.need(*found)

    def _spell_array(self, schema: Schema) -> str:
        first = [self._nested(_schema(item)) for item in _list(schema.get("prefixItems"))]
        if first:
            return f"{self._speller.builtin('tuple')}[{', '.join(first)}]"
        item = self._nested(_schema(schema.get("items")))
        return f"{self._speller.builtin('list')}[{item}]"

    def _spell_map(self, schema: Schema) -> str:
        key = self._nested({"type": "string", **_schema(schema.get("propertyNames"))})
        value = self._nested(_schema(schema.get("additionalProperties")))
        return f"{self._speller.builtin('dict')}[{key}, {value}]"


def _bounds(schema: Schema) -> Bounds:
    """The constraints a schema states for its own value."""
    by_value = {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}
    if by_value & schema.keys():
        return Bounds(
            measure="value",
            minimum=_number(schema.get("minimum")),
            maximum=_number(schema.get("maximum")),
            above=_number(schema.get("exclusiveMinimum")),
            below=_number(schema.get("exclusiveMaximum")),
            multiple_of=_number(schema.get("multipleOf")),
        )
    lows = (_number(schema.get(low)) for low, _ in _LENGTHS)
    highs = (_number(schema.get(high)) for _, high in _LENGTHS)
    if "prefixItems" in schema:
        return Bounds(measure="length")  # the tuple says how many
    return Bounds(
        measure="length",
        minimum=next((each for each in lows if each is not None), None),
        maximum=next((each for each in highs if each is not None), None),
        pattern=_text(schema.get("pattern")) or None,
    )


def _keywords(bounds: Bounds) -> str:
    """The constraints as arguments of pydantic's `Field`."""
    by_length = bounds.measure == "length"
    stated = {
        "min_length" if by_length else "ge": bounds.minimum,
        "max_length" if by_length else "le": bounds.maximum,
        "gt": bounds.above,
        "lt": bounds.below,
        "multiple_of": bounds.multiple_of,
        "pattern": bounds.pattern,
    }
    return ", ".join(f"{key}={value!r}" for key, value in stated.items() if value is not None)


def _own_names(schema: Schema) -> frozenset[str]:
    """The names of all `$ref`s in a schema."""
    found: set[str] = set()
    if isinstance(ref := schema.get("$ref"), str):
        found.add(ref.removeprefix(REF_PREFIX))
    waiting: list[Data] = [*schema.values()]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            ref = node.get("$ref")
            if isinstance(ref, str):
                found.add(ref.removeprefix(REF_PREFIX))
            waiting += node.values()
        elif isinstance(node, list):
            waiting += node
    return frozenset(found)


def _schema(data: Data) -> Schema:
    return data if isinstance(data, dict) else {}


def _list(data: Data) -> Sequence[Data]:
    return data if isinstance(data, list) else []


def _text(data: Data) -> str:
    return data if isinstance(data, str) else ""


def _number(data: Data) -> int | float | None:
    return data if isinstance(data, int | float) else None
