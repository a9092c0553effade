"""The types of a contract as JSON Schema 2020-12, in the form datamodel-code-generator reads best.

The schema says what there is: classes with their fields, constraints and examples, enums, aliases.
It does not say how anything is called, described or typed: for each name, doc, value of an enum
and annotation it holds a placeholder, which `retouching` replaces by what `view` has decided. So
the generator has nothing to guess and nothing to rename: no inline object to invent a name for, no
keyword to avoid, no case to change, no text to escape.
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
"""What the placeholders of annotations seem to be imported from."""


@dataclass(frozen=True, slots=True)
class ModelsSchema:
    """The schema, and what its placeholders stand for.

    They have an underscore in it, which no type of a contract has, or stand where nothing else can.
    """

    schema: Schema
    annotations: Mapping[str, str] = field(default_factory=dict[str, str])
    """Python annotations: `Annotation_0`."""
    names: Mapping[str, str] = field(default_factory=dict[str, str])
    """Names of types (`Type0`), fields (`field_0`) and members of enums (`MEMBER_0`)."""
    fields: Mapping[str, FieldModel] = field(default_factory=dict[str, FieldModel])
    """The fields, by the placeholder of their name."""
    docs: Mapping[str, str] = field(default_factory=dict[str, str])
    """What docstrings say: `Doc 0.`"""
    values: Mapping[str, str] = field(default_factory=dict[str, str])
    """Values of members of enums: `value 0`."""


def models_schema(models: ModelsView) -> ModelsSchema:
    """The schema of everything in one models.py, in that order."""
    writer = _Writer()
    definitions: Schema = {}
    for model in models.types:
        name = writer.name("Type", "", model.name)
        match model:
            case ClassModel():
                definitions[name] = writer.class_(model)
            case EnumModel():
                definitions[name] = writer.enum(model)
            case AliasModel():
                definitions[name] = writer.alias(model)
    return ModelsSchema(
        {"$schema": DIALECT, "$defs": definitions},
        writer.annotations,
        writer.names,
        writer.fields,
        writer.docs,
        writer.values,
    )


class _Writer:
    def __init__(self) -> None:
        self.annotations: dict[str, str] = {}
        self.names: dict[str, str] = {}
        self.fields: dict[str, FieldModel] = {}
        self.docs: dict[str, str] = {}
        self.values: dict[str, str] = {}

    def name(self, kind: str, joint: str, name: str) -> str:
        """The placeholder of a name."""
        placeholder = f"{kind}{joint}{len(self.names)}"
        self.names[placeholder] = name
        return placeholder

    def class_(self, model: ClassModel) -> Schema:
        properties: Schema = {}
        required: list[Data] = []
        for each in model.fields:
            name = self.name("field", "_", each.name)
            self.fields[name] = each
            properties[name] = self._field(each)
            required += [name] if each.required else []
        return {
            "type": "object",
            **self._doc(model.doc),
            "properties": properties,
            **({"required": required} if required else {}),
        }

    def _field(self, stated: FieldModel) -> Schema:
        # Any value will do as a default: `retouching` writes the view's.
        default: Schema = {} if stated.default is None else {"default": None}
        return {
            "type": _kind(stated.bounds),
            "x-python-type": self._annotation(stated.annotation),
            **_bounds(stated.bounds),
            **default,
            **({"examples": list(stated.examples)} if stated.examples else {}),
            **({"deprecated": True} if stated.deprecated is not None else {}),
            **self._doc(stated.doc),
        }

    def alias(self, model: AliasModel) -> Schema:
        return {
            "type": _kind(model.bounds),
            "x-python-type": self._annotation(model.annotation),
            **_bounds(model.bounds),
            **({"examples": list(model.examples)} if model.examples else {}),
            **self._doc(model.doc),
        }

    def enum(self, model: EnumModel) -> Schema:
        return {
            "type": "string",
            **self._doc(model.doc),
            "enum": [self._value(member.value) for member in model.members],
            "x-enum-varnames": [self.name("MEMBER", "_", each.name) for each in model.members],
            "x-enum-descriptions": [self._text(member.doc) for member in model.members],
        }

    def _annotation(self, annotation: str) -> str:
        name = f"Annotation_{len(self.annotations)}"
        self.annotations[name] = annotation
        return f"{PLACEHOLDER_MODULE}.{name}"

    def _doc(self, doc: str) -> Schema:
        return {"description": self._text(doc)} if doc else {}

    def _text(self, doc: str) -> str:
        """The placeholder of a doc; an empty one is its own."""
        if not doc.strip():
            return ""
        placeholder = f"Doc {len(self.docs)}."
        self.docs[placeholder] = doc
        return placeholder

    def _value(self, value: str) -> str:
        placeholder = f"value {len(self.values)}"
        self.values[placeholder] = value
        return placeholder


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
