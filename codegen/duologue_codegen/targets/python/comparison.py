"""Whether a models.py says what its view says: each name, member, value, default and constraint.

It reads the finished module with Python's own parser. So whatever a generator renamed, reordered or
left out on the way is found before anybody imports it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Final

from ...text.tree import Data
from .quoted_names import guarded
from .view.models import AliasModel, Bounds, ClassModel, EnumModel, FieldModel, ModelsView

_IMPORTED: Final = frozenset({"Annotated", "Field", "Literal", "MISSING"})
"""Names by which a type is taken apart; a file may import them under aliases, such as `Field_`."""


@dataclass(frozen=True, slots=True)
class _Stated:
    """One field, member, or alias."""

    name: str
    annotation: str = ""
    """Without constraints, as `ast.unparse` writes it."""
    value: str = ""
    """The default, or the value of a member, in the same way."""
    constraints: Mapping[str, object] = field(default_factory=dict[str, object])

    def __str__(self) -> str:
        annotation = f": {self.annotation}" if self.annotation else ""
        value = f" = {self.value}" if self.value else ""
        constraints = f"  {dict(self.constraints)}" if self.constraints else ""
        return f"`{self.name}{annotation}{value}`{constraints}"


@dataclass(frozen=True, slots=True)
class _Type:
    """One class, enum or alias, and what is in it."""

    kind: str
    name: str
    parts: tuple[_Stated, ...]
    base: str = ""
    """What a class inherits from."""


def differences(module: str, models: ModelsView) -> Iterator[str]:
    """Each difference between the text of a models.py and its view, as a line for people."""
    expected = [_of_view(each) for each in models.types]
    met = list(_of_module(ast.parse(module)))
    for wanted, found in zip_longest(expected, met):
        if (
            wanted is None
            or found is None
            or (wanted.kind, wanted.name, wanted.base) != (found.kind, found.name, found.base)
        ):
            yield f"expected {_shown(wanted)}, met {_shown(found)}"
            continue
        yield from _in_type(wanted, found)


def _shown(type_: _Type | None) -> str:
    if type_ is None:
        return "nothing more"
    return f"{type_.kind} `{type_.name}`{f' of `{type_.base}`' if type_.base else ''}"


def _in_type(wanted: _Type, found: _Type) -> Iterator[str]:
    names = [part.name for part in wanted.parts]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"{_shown(wanted)}: `{name}` is there twice"
    for one, other in zip_longest(wanted.parts, found.parts):
        if one != other:
            yield f"{_shown(wanted)}: expected {one or 'nothing more'}, met {other or 'nothing'}"


# ---- what the view says --------------------------------------------------------------------------


def _of_view(model: ClassModel | EnumModel | AliasModel) -> _Type:
    match model:
        case ClassModel():
            base = "" if model.base is None else model.base.strip("_")
            base = "Model, extra='allow'" if model.keeps_unknown else base
            return _Type("class", model.name, tuple(map(_of_field, model.fields)), base)
        case EnumModel():
            members = (_Stated(each.name, value=repr(each.value)) for each in model.members)
            return _Type("enum", model.name, tuple(members))
        case AliasModel():
            annotation, constraints = _taken_apart(_expression(model.annotation))
            constraints |= _constraints_of(model.bounds, model.examples)
            return _Type("alias", model.name, (_Stated(model.name, annotation, "", constraints),))


def _of_field(stated: FieldModel) -> _Stated:
    annotation, constraints = _taken_apart(_expression(stated.annotation))
    constraints |= _constraints_of(stated.bounds, stated.examples)
    if stated.deprecated is not None:
        constraints["deprecated"] = stated.deprecated
    if stated.wire is not None:
        constraints["validation_alias"] = constraints["serialization_alias"] = stated.wire
    if stated.default is not None:
        default = ast.unparse(_expression(stated.default.text))
    elif stated.may_be_absent:
        annotation, default = f"{annotation} | MISSING", "MISSING"
    else:
        default = ""
    return _Stated(stated.name, annotation, default, constraints)


def _constraints_of(bounds: Bounds, examples: Sequence[Data]) -> dict[str, object]:
    by_value = bounds.measure == "value"
    stated: dict[str, object] = {
        "ge" if by_value else "min_length": bounds.minimum,
        "le" if by_value else "max_length": bounds.maximum,
        "gt": bounds.above,
        "lt": bounds.below,
        "multiple_of": bounds.multiple_of,
        "pattern": bounds.pattern,
        "examples": list(examples) or None,
    }
    return {key: value for key, value in stated.items() if value is not None}


# ---- what the module says ------------------------------------------------------------------------


def _of_module(module: ast.Module) -> Iterator[_Type]:
    for statement in module.body:
        match statement:
            case ast.ClassDef(name=name, bases=[base]) if _is_enum(base):
                members = (each for each in statement.body if isinstance(each, ast.Assign))
                yield _Type("enum", name, tuple(map(_member, members)))
            case ast.ClassDef(name=name):
                fields = (each for each in statement.body if isinstance(each, ast.AnnAssign))
                bases = ", ".join(
                    [
                        *(ast.unparse(each).strip("_") for each in statement.bases),
                        *(ast.unparse(each) for each in statement.keywords),
                    ]
                )
                parts = tuple(map(_field, fields))
                yield _Type("class", name, parts, "" if bases == "Model" else bases)
            case ast.Assign():
                yield from _alias(statement)
            case ast.If(
                body=[ast.AnnAssign(value=ast.Constant() as for_checkers)],
                orelse=[ast.Assign(value=ast.Call(args=[ast.Constant() as said, form]))],
            ) if isinstance(form, ast.Constant) and _reads(form) == _guarded(for_checkers):
                yield _Type(
                    "alias", str(said.value), (_Stated(str(said.value), *_spelled(for_checkers)),)
                )
            case _:
                pass


def _alias(statement: ast.Assign) -> Iterator[_Type]:
    match statement:
        case ast.Assign(
            targets=[ast.Name(id=name)], value=ast.Call(args=[ast.Constant(value=said), form])
        ):
            yield _Type("alias", name, (_Stated(str(said), *_spelled(form)),))
        case _:
            pass


def _reads(form: ast.Constant) -> str:
    return ast.unparse(_expression(str(form.value)))


def _guarded(for_checkers: ast.Constant) -> str:
    return guarded(str(for_checkers.value))[0]


def _is_enum(base: ast.expr) -> bool:
    return ast.unparse(base).strip("_") in {"StrEnum", "NumberEnum"}


def _member(line: ast.Assign) -> _Stated:
    return _Stated(ast.unparse(line.targets[0]), value=ast.unparse(line.value))


def _field(line: ast.AnnAssign) -> _Stated:
    annotation, default, constraints = _spelled(line.annotation)
    if line.value is not None:
        default = ast.unparse(line.value)
        default = "MISSING" if default.strip("_") == "MISSING" else default
    return _Stated(ast.unparse(line.target), annotation, default, constraints)


def _spelled(form: ast.expr) -> tuple[str, str, Mapping[str, object]]:
    annotation, constraints = _taken_apart(form)
    return annotation, "", constraints


# ---- how both are read ---------------------------------------------------------------------------


def _expression(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


def _taken_apart(form: ast.expr) -> tuple[str, dict[str, object]]:
    """A type without the `Field(...)` of the whole, and the arguments of that one."""
    form = _Plain().visit(form)
    constraints: dict[str, object] = {}
    while isinstance(form, ast.Subscript) and ast.unparse(form.value) == "Annotated":
        assert isinstance(form.slice, ast.Tuple)
        inner, *marks = form.slice.elts
        others: list[ast.expr] = []
        for mark in marks:
            if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "Field":
                constraints |= {each.arg or "": _value(each.value) for each in mark.keywords}
            else:
                others.append(mark)
        if others:
            form.slice.elts = [inner, *others]
            break
        form = inner
    return ast.unparse(form), constraints


def _value(node: ast.expr) -> object:
    try:
        return ast.literal_eval(node)
    except ValueError:
        return ast.unparse(node)


class _Plain(ast.NodeTransformer):
    """Without the quotes around what is defined later, and without aliases of imports."""

    def visit_Name(self, node: ast.Name) -> ast.Name:
        bare = node.id.strip("_")
        return ast.Name(bare, node.ctx) if bare in _IMPORTED else node

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        if not isinstance(node.value, str):
            return node
        said: ast.expr = self.visit(_expression(node.value))
        return said

    def visit_Call(self, node: ast.Call) -> ast.Call:
        # Its texts are values. Only what it is called may be an alias.
        node.func = self.visit(node.func)
        return node

    def visit_Subscript(self, node: ast.Subscript) -> ast.Subscript:
        node.value = self.visit(node.value)
        if ast.unparse(node.value) != "Literal":
            node.slice = self.visit(node.slice)
        return node
