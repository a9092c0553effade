"""The types of a contract as JSON Schema 2020-12, in the form datamodel-code-generator reads best.

The schema says what there is: classes with their fields, constraints and examples, enums, aliases.
It does not say how anything is called, described or typed. How Python spells a type has already
been decided in `view`; the schema holds a placeholder for it (`x-python-type`), which `retouching`
replaces. Classes, fields, members and their values are numbered, and docs have placeholders too. So
the generator has nothing to guess, to rename or to escape: no inline object to invent a name for,
no reference to look through, no order to find, and no word or text to find fault with.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from ...text.tree import Data
from .view.models import AliasModel, Bounds, ClassModel, EnumModel, FieldModel, ModelsView

Schema: TypeAlias = dict[str, Data]

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
PLACEHOLDER_MODULE: Final = "duologue_placeholders"
"""What the placeholders seem to be imported from."""
WIRE: Final = "x-wire"
"""A key of a field that comes out in its `Field(…)`: its name in JSON."""


def type_name(number: int) -> str:
    """What the schema calls a type."""
    return f"Type{number}"


def field_name(number: int) -> str:
    """What the schema calls a field of a class."""
    return f"field_{number}"


def member_name(number: int) -> str:
    """What the schema calls a member of an enum."""
    return f"MEMBER_{number}"


def member_value(number: int, model: EnumModel) -> str | int:
    """What the schema has for the value of a member."""
    return f"value {number}" if model.number_base is None else number


@dataclass(frozen=True, slots=True)
class ModelsSchema:
    """The schema, and what its placeholders stand for."""

    schema: Schema
    annotations: Mapping[str, str] = field(default_factory=dict[str, str])
    """Python annotations by placeholder."""
    docs: Mapping[str, str] = field(default_factory=dict[str, str])
    """What docstrings say, by placeholder."""


def models_schema(models: ModelsView) -> ModelsSchema:
    """The schema of everything in one models.py, in that order."""
    writer = _Writer()
    definitions: Schema = {}
    for number, model in enumerate(models.types):
        name = type_name(number)
        match model:
            case ClassModel():
                definitions[name] = writer.class_(model)
            case EnumModel():
                definitions[name] = writer.enum(model)
            case AliasModel():
                definitions[name] = writer.alias(model)
    return ModelsSchema({"$schema": DIALECT, "$defs": definitions}, writer.annotations, writer.docs)


class _Writer:
    def __init__(self) -> None:
        self.annotations: dict[str, str] = {}
        self.docs: dict[str, str] = {}

    def class_(self, model: ClassModel) -> Schema:
        fields = {field_name(number): each for number, each in enumerate(model.fields)}
        required: list[Data] = [name for name, each in fields.items() if each.required]
        return {
            "type": "object",
            **self._doc(model.doc),
            "properties": {name: self._field(each) for name, each in fields.items()},
            **({"required": required} if required else {}),
        }

    def _field(self, stated: FieldModel) -> Schema:
        # Any value will do as a default: `retouching` writes the view's.
        default: Schema = {} if stated.default is None else {"default": None}
        return {
            "type": _kind(stated.bounds),
            "x-python-type": self._placeholder(stated.annotation),
            **_bounds(stated.bounds),
            **default,
            **({"examples": list(stated.examples)} if stated.examples else {}),
            **({"deprecated": True} if stated.deprecated is not None else {}),
            **({WIRE: stated.wire} if stated.wire is not None else {}),
            **self._doc(stated.doc),
        }

    def alias(self, model: AliasModel) -> Schema:
        return {
            "type": _kind(model.bounds),
            "x-python-type": self._placeholder(model.annotation),
            **_bounds(model.bounds),
            **({"examples": list(model.examples)} if model.examples else {}),
            **self._doc(model.doc),
        }

    def enum(self, model: EnumModel) -> Schema:
        numbers = range(len(model.members))
        return {
            "type": "string" if model.number_base is None else "integer",
            **self._doc(model.doc),
            "enum": [member_value(number, model) for number in numbers],
            "x-enum-varnames": [member_name(number) for number in numbers],
            "x-enum-descriptions": [self._text(member.doc) for member in model.members],
        }

    def _doc(self, doc: str) -> Schema:
        return {"description": self._text(doc)} if doc else {}

    def _text(self, doc: str) -> str:
        """The placeholder of a doc; an empty one is its own."""
        if not doc.strip():
            return ""
        placeholder = f"Doc {len(self.docs)}."
        self.docs[placeholder] = doc
        return placeholder

    def _placeholder(self, annotation: str) -> str:
        name = f"Annotation_{len(self.annotations)}"  # no type of a contract has a `_`
        self.annotations[name] = annotation
        return f"{PLACEHOLDER_MODULE}.{name}"


def _kind(bounds: Bounds) -> str:
    """`number` or `string`, which is all that constraints depend on: lists have a length too."""
    return "number" if bounds.measure == "value" else "string"


def _bounds(bounds: Bounds) -> Schema:
    by_value = bounds.measure == "value"
    stated: Schema = {
        "minimum" if by_value else "minLength": bounds.minimum,
        "maximum" if by_value else "maxLength": bounds.maximum,
        "exclusiveMinimum": bounds.above,
        "exclusiveMaximum": bounds.below,
        "multipleOf": bounds.multiple_of,
        "pattern": bounds.pattern,
    }
    return {key: value for key, value in stated.items() if value is not None}
