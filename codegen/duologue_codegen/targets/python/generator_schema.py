"""The types of a contract as JSON Schema 2020-12, in the form datamodel-code-generator reads best.

The schema says what there is: classes with their fields, defaults, constraints and docs, enums,
aliases. How Python spells a type has already been decided in `view`; the schema holds a placeholder
for it (`x-python-type`), which `retouching` replaces. So the generator has nothing to guess: no
inline object to invent a name for, no reference to look through, no order to find.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from ...text.tree import Data
from .view.models import AliasModel, Bounds, ClassModel, Default, EnumModel, FieldModel, ModelsView

Schema: TypeAlias = dict[str, Data]

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
PLACEHOLDER_MODULE: Final = "duologue_placeholders"
"""What the placeholders seem to be imported from."""


@dataclass(frozen=True, slots=True)
class ModelsSchema:
    """The schema, and what its placeholders stand for."""

    schema: Schema
    annotations: Mapping[str, str] = field(default_factory=dict[str, str])
    """Python annotations by placeholder."""


def models_schema(models: ModelsView) -> ModelsSchema:
    """The schema of everything in one models.py, in that order."""
    writer = _Writer()
    definitions: Schema = {}
    for model in models.types:
        match model:
            case ClassModel():
                definitions[model.name] = writer.class_(model)
            case EnumModel():
                definitions[model.name] = _enum(model)
            case AliasModel():
                definitions[model.name] = writer.alias(model)
    return ModelsSchema({"$schema": DIALECT, "$defs": definitions}, writer.annotations)


class _Writer:
    def __init__(self) -> None:
        self.annotations: dict[str, str] = {}

    def class_(self, model: ClassModel) -> Schema:
        required: list[Data] = [each.name for each in model.fields if each.required]
        return {
            "type": "object",
            **_doc(model.doc),
            "properties": {each.name: self._field(each) for each in model.fields},
            **({"required": required} if required else {}),
        }

    def _field(self, stated: FieldModel) -> Schema:
        default: Schema = {} if stated.default is None else {"default": _default(stated.default)}
        return {
            "type": _kind(stated.bounds),
            "x-python-type": self._placeholder(stated.annotation),
            **_bounds(stated.bounds),
            **default,
            **({"examples": list(stated.examples)} if stated.examples else {}),
            **({"deprecated": True} if stated.deprecated is not None else {}),
            **_doc(stated.doc),
        }

    def alias(self, model: AliasModel) -> Schema:
        return {
            "type": _kind(model.bounds),
            "x-python-type": self._placeholder(model.annotation),
            **_bounds(model.bounds),
            **({"examples": list(model.examples)} if model.examples else {}),
            **_doc(model.doc),
        }

    def _placeholder(self, annotation: str) -> str:
        name = f"Annotation_{len(self.annotations)}"  # no type of a contract has a `_`
        self.annotations[name] = annotation
        return f"{PLACEHOLDER_MODULE}.{name}"


def _enum(model: EnumModel) -> Schema:
    return {
        "type": "string",
        **_doc(model.doc),
        "enum": [member.value for member in model.members],
        "x-enum-varnames": [member.name for member in model.members],
        "x-enum-descriptions": [member.doc for member in model.members],
    }


def _default(stated: Default) -> Data:
    """A default that the generator makes nothing of; its text takes the place afterwards."""
    return {} if isinstance(stated.data, dict) else stated.data


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


def _doc(doc: str) -> Schema:
    return {"description": doc} if doc else {}
