"""What datamodel-code-generator's output still needs: our names, our types, our defaults, whole
docstrings.

A name that the schema did not number is an error here: nothing of what the generator made remains
unseen.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Mapping
from typing import Final, TypeGuard

from .docstrings import docstring
from .edits import Edit, Source
from .generator_schema import (
    PLACEHOLDER_MODULE,
    ModelsSchema,
    field_name,
    member_name,
    type_name,
)
from .quoted_names import guarded
from .view import (
    AliasModel,
    Circle,
    ClassModel,
    EnumModel,
    FieldModel,
    ModelsView,
    TypeModel,
)


def retouched(text: str, models: ModelsView, made: ModelsSchema, doc: str) -> str:
    """`text`, which was made of `made`, as the models.py it stands for; `doc` opens it."""
    module = ast.parse(text)
    source = Source(text)
    types = {type_name(number): model for number, model in enumerate(models.types)}
    imported = {name: models.local_name(name) for name in _imported(module)}
    bases = _bases(module, types, imported)
    edits = [
        *_opening(module, source, doc, models),
        *_imports(module, source, models),
        *_names(module, source, {**made.annotations, **imported}, bases),
        *_docstrings(module, source, made.docs),
    ]
    for statement in module.body:
        match statement:
            case ast.ClassDef(name=name) if isinstance(model := types[name], ClassModel):
                edits.append(source.edit_name(statement, model.name))
                edits += _fields(statement, model, source, imported)
            case ast.ClassDef(name=name) if isinstance(model := types[name], EnumModel):
                edits.append(source.edit_name(statement, model.name))
                edits += _members(statement, model, source)
            case ast.Assign(targets=[ast.Name(id=name) as target], value=ast.Call() as value):
                edits += (
                    source.edit(node, text)
                    for node, text in (
                        (target, types[name].name),
                        (value.args[0], f'"{types[name].name}"'),
                    )
                )
                edits += _constraints(statement, None, source, imported)
            case _:
                pass
    edits += (source.edit(node, base) for node, base in bases.items())
    circles = {
        each.name: each.circle
        for each in models.types
        if isinstance(each, AliasModel) and each.circle is not None
    }
    return circles_opened(quoted_where_early(source.edited(edits)), circles)


def _bases(
    module: ast.Module, types: Mapping[str, TypeModel], imported: Mapping[str, str]
) -> dict[ast.expr, str]:
    """The bases of classes that need another one than the usual, or more said beside it."""
    found: dict[ast.expr, str] = {}
    for statement in module.body:
        if isinstance(statement, ast.ClassDef):
            model = types[statement.name]
            if isinstance(model, ClassModel) and model.base is not None:
                found[statement.bases[0]] = model.base
            elif isinstance(model, ClassModel) and model.keeps_unknown:
                found[statement.bases[0]] = f'{imported["Model"]}, extra="allow"'
    return found


_WHY_SO_CALLED: Final = "# As quoted above: a class of these names may be where that is read."


def circles_opened(text: str, circles: Mapping[str, Circle]) -> str:
    """`text` with what aliases in a circle mean in quotes, and said once more to type checkers."""
    source = Source(text)
    edits: list[Edit] = []
    names = frozenset[str]()
    for statement in ast.parse(text).body:
        name = _defined(statement)
        if name in circles and isinstance(statement, ast.Assign):
            assert isinstance(statement.value, ast.Call)
            circle, meant = circles[name], ast.unparse(statement.value.args[1])
            read, in_it = guarded(meant)
            names |= in_it
            lines = (
                f"if {circle.type_checking}:",
                f"    {name}: {circle.type_alias} = {meant!r}",
                "else:",
                f"    {name} = {ast.unparse(statement.value.func)}({name!r}, {read!r})",
            )
            edits.append(source.edit(statement, "\n".join(lines)))
    opened = source.edited(edits)
    if not names:
        return opened
    (type_checking,) = {each.type_checking for each in circles.values()}
    also = [f"    {each}_ = {each}" for each in sorted(names)]
    beside = [f"if not {type_checking}:", f"    {_WHY_SO_CALLED}", *also]
    return "\n".join([opened.rstrip(), "", *beside, ""])


def quoted_where_early(text: str) -> str:
    """`text` with quotes around what annotations mention before it is defined.

    No more than must be is quoted: a name, or the whole union that it is in.
    """
    module = ast.parse(text)
    source = Source(text)
    missing = {_defined(statement) for statement in module.body} - {""}
    edits: list[Edit] = []
    for statement in module.body:
        if isinstance(statement, ast.ClassDef):
            for line in statement.body:
                if isinstance(line, ast.AnnAssign):
                    early = _early(line.annotation, missing)
                    edits += (source.edit(node, f'"{ast.unparse(node)}"') for node in early)
        missing.discard(_defined(statement))
    return source.edited(edits)


def _defined(statement: ast.stmt) -> str:
    """The name that a statement of a module defines, or nothing."""
    if isinstance(statement, ast.ClassDef):
        return statement.name
    if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
        return statement.targets[0].id
    return ""


def _early(node: ast.expr, missing: Collection[str]) -> Iterator[ast.expr]:
    """The parts of an annotation to be quoted."""
    if isinstance(node, ast.Name) and node.id in missing:
        yield node
        return
    inside = [each for each in ast.iter_child_nodes(node) if isinstance(each, ast.expr)]
    found = [(each, list(_early(each, missing))) for each in inside]
    # `"Tree" | None` is no union: a string has no `|`.
    if isinstance(node, ast.BinOp) and any(each in early for each, early in found):
        yield node
        return
    for _, early in found:
        yield from early


def _opening(module: ast.Module, source: Source, doc: str, models: ModelsView) -> Iterator[Edit]:
    """The module's docstring, before its first statement; and the imports of our types, if the
    generator had no use for their placeholders: of numbers' enums it does not know the base."""
    has_placeholders = any(_imports_placeholders(each) for each in module.body)
    imports = () if has_placeholders else models.imports
    first = source.edit(module.body[0], "")
    yield Edit(first.start, first.start, "\n".join([docstring(doc), "", *imports, ""]))


def _imports(module: ast.Module, source: Source, models: ModelsView) -> Iterator[Edit]:
    """The imports of our types take the place of the placeholders' import; others get other names
    where the contract has a type that is called so."""
    for statement in module.body:
        if not isinstance(statement, ast.ImportFrom):
            continue
        if _imports_placeholders(statement):
            yield source.edit(statement, "\n".join(models.imports))
            continue
        for alias in statement.names:
            if (local := models.local_name(alias.name)) != alias.name:
                yield source.edit(alias, f"{alias.name} as {local}")


def _imports_placeholders(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.ImportFrom) and statement.module == PLACEHOLDER_MODULE


def _imported(module: ast.Module) -> Iterator[str]:
    """What the generator imports for itself."""
    for statement in module.body:
        if isinstance(statement, ast.ImportFrom) and statement.module != PLACEHOLDER_MODULE:
            yield from (alias.name for alias in statement.names)


def _names(
    module: ast.Module, source: Source, meant: Mapping[str, str], bases: Collection[ast.expr]
) -> Iterator[Edit]:
    """Names that stand for something else. `Field(…)`, the base of an enum of numbers and `bases`
    are written anew as a whole."""
    written_anew: set[ast.expr] = {node.func for node in ast.walk(module) if _is_field(node)}
    written_anew |= set(bases)
    for node in ast.walk(module):
        if isinstance(node, ast.ClassDef):
            written_anew |= {base for base in node.bases if ast.unparse(base) == "IntEnum"}
    for node in ast.walk(module):
        if isinstance(node, ast.Name) and node not in written_anew:
            text = meant.get(node.id, node.id)
            if text != node.id:
                yield source.edit(node, text)


def _fields(
    class_: ast.ClassDef, model: ClassModel, source: Source, imported: Mapping[str, str]
) -> Iterator[Edit]:
    fields = {field_name(number): field for number, field in enumerate(model.fields)}
    for line in class_.body:
        if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name):
            field = fields[line.target.id]
            yield source.edit(line.target, field.name)
            if field.default is not None and line.value is not None:
                yield source.edit(line.value, field.default.text)
            yield from _constraints(line, field, source, imported)


def _members(class_: ast.ClassDef, model: EnumModel, source: Source) -> Iterator[Edit]:
    if model.number_base is not None:
        yield source.edit(class_.bases[0], model.number_base)
    members = {member_name(number): member for number, member in enumerate(model.members)}
    for line in class_.body:
        match line:
            case ast.Assign(targets=[ast.Name(id=name) as target], value=value):
                yield source.edit(target, members[name].name)
                yield source.edit(value, repr(members[name].value))
            case _:
                pass


_FIELD_ORDER: Final[tuple[str, ...]] = (
    "validation_alias",
    "serialization_alias",
    "ge",
    "gt",
    "le",
    "lt",
    "multiple_of",
    "min_length",
    "max_length",
    "pattern",
)


def _is_field(node: ast.AST) -> TypeGuard[ast.Call]:
    return (
        isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Field"
    )


def _constraints(
    line: ast.stmt, field: FieldModel | None, source: Source, imported: Mapping[str, str]
) -> Iterator[Edit]:
    """`Field(...)` with its arguments in the order in which people say them, and with the text of
    the deprecation, for which JSON Schema only has a yes."""
    for node in ast.walk(line):
        if not _is_field(node):
            continue
        stated = {each.arg: ast.unparse(each.value) for each in node.keywords if each.arg}
        if field is not None and field.deprecated is not None:
            stated["deprecated"] = repr(field.deprecated)
        if field is not None and field.wire is not None:
            # Not `alias`: type checkers would take that for the name in the constructor.
            stated["validation_alias"] = stated["serialization_alias"] = repr(field.wire)
            del stated["json_schema_extra"]
        order = [name for name in _FIELD_ORDER if name in stated]
        order += (name for name in stated if name not in order)
        arguments = ", ".join(f"{name}={stated[name]}" for name in order)
        yield source.edit(node, f"{imported['Field']}({arguments})")


def _docstrings(module: ast.Module, source: Source, docs: Mapping[str, str]) -> Iterator[Edit]:
    for statement in ast.walk(module):
        match statement:
            case ast.Expr(value=ast.Constant(value=str(text))):
                yield source.edit(statement, docstring(docs[text], statement.col_offset))
            case _:
                pass
