"""Fields of a contract as fields of a class, and as keywords of a function."""

from __future__ import annotations

from dataclasses import dataclass

from ....model import (
    WHOLE_NUMBERS,
    Constraints,
    Contract,
    Field,
    InlineParams,
    InlinePayload,
    OptionalOf,
    Ref,
    Scalar,
    ScalarKind,
    TypeExpr,
)
from ....model.walk import meaning, parts
from ....text.tree import Data, Node
from .annotations import Speller, Style
from .defaults import default_of
from .models import Bounds, FieldModel, Measure

_NUMBERS = frozenset(
    {
        *WHOLE_NUMBERS,
        ScalarKind.FLOAT,
        ScalarKind.DECIMAL,
    }
)


def bounds_of(expression: TypeExpr, constraints: Constraints, home: Contract) -> Bounds:
    """The constraints of a value of `expression`, which was written in `home`."""
    found, _ = meaning(expression, home) or (expression, home)
    is_number = isinstance(found, Scalar) and found.kind in _NUMBERS
    measure: Measure = "value" if is_number else "length"
    return Bounds(
        measure=measure,
        minimum=constraints.min,
        maximum=constraints.max,
        above=constraints.gt,
        below=constraints.lt,
        multiple_of=constraints.multiple_of,
        pattern=constraints.pattern,
    )


def own_names(expression: TypeExpr, package: str) -> frozenset[str]:
    """The types of `package` that `expression` mentions."""
    return frozenset(
        part.name for part in parts(expression) if isinstance(part, Ref) and part.package == package
    )


def field_model(field: Field, home: Contract, speller: Speller) -> FieldModel:
    """`field` as a field of a class."""
    default = default_of(field, home, speller)
    return FieldModel(
        name=field.name,
        annotation=_annotation(field, home, speller),
        needs=own_names(field.type, home.package),
        default=default,
        may_be_absent=default is None and field.explicit_presence,
        bounds=bounds_of(field.type, field.constraints, home),
        examples=tuple(example.data for example in field.examples),
        deprecated=field.deprecated,
        doc=field.doc,
        wire=None if field.wire == field.name else field.wire,
    )


def _annotation(field: Field, home: Contract, speller: Speller) -> str:
    if field.omit_null and isinstance(field.type, OptionalOf):
        inner = speller.spell(field.type.of, Style.CHECKED, home=home)
        return f"{speller.need('duologue.typed', 'OmitNull')}[{inner}]"
    return speller.spell(field.type, Style.CHECKED, home=home)


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyword:
    """One keyword argument of a generated function."""

    name: str
    annotation: str
    default: str | None
    """As Python; None when it must be given."""
    doc: str

    @property
    def parameter(self) -> str:
        """As it stands between the parentheses."""
        default = "" if self.default is None else f" = {self.default}"
        return f"{self.name}: {self.annotation}{default}"


def keyword(field: Field, home: Contract, speller: Speller) -> Keyword:
    """`field` as a keyword argument. An empty list or map as default is safe here: the model that
    gets it makes its own."""
    annotation = speller.spell(field.type, Style.PLAIN, home=home)
    default = default_of(field, home, speller)
    text = None if default is None else default.text
    if default is None and field.explicit_presence:
        missing = speller.need("pydantic", "MISSING")
        annotation, text = f"{annotation} | {missing}", missing
    doc = field.doc
    if field.deprecated is not None:
        doc = f"{doc} Deprecated: {field.deprecated}".strip()
    return Keyword(name=field.name, annotation=annotation, default=text, doc=doc)


def examples_of(nodes: tuple[Node, ...]) -> tuple[Data, ...]:
    """Examples as plain values."""
    return tuple(node.data for node in nodes)


def keywords_of(
    stated: InlineParams | InlinePayload | Ref | None, contract: Contract, speller: Speller
) -> tuple[Keyword, ...]:
    """Params, or what an event carries, as keyword arguments of a function of `contract`."""
    fields, home = contract.fields_of(stated)
    return tuple(keyword(field, home, speller) for field in fields.values())


def contract_module(*keywords: tuple[Keyword, ...]) -> str:
    """What a class calls `_contract`: `c`, unless one of the keywords has that name."""
    return "_contract" if any(each.name == "c" for some in keywords for each in some) else "c"
