"""datamodel-code-generator's output with what the view has decided in place of the placeholders.

Every change is made at the place that Python's own parser gives, never by searching the text.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

from .docstrings import docstring
from .generator_schema import PLACEHOLDER_MODULE, ModelsSchema
from .view import FieldModel, ModelsView

_CLASS: Final = len("class ")


@dataclass(frozen=True, slots=True)
class _Edit:
    """Replace the bytes from `start` to `end`."""

    start: int
    end: int
    text: str


def retouched(text: str, models: ModelsView, made: ModelsSchema, doc: str) -> str:
    """`text`, which was made of `made`, as the models.py it stands for; `doc` opens it."""
    module = ast.parse(text)
    source = _Source(text)
    edits = [
        *_opening(module, source, doc),
        *_imports(module, source, models),
        *_placeholders(module, source, made),
    ]
    for statement in module.body:
        if not isinstance(statement, ast.ClassDef):
            edits += _constraints(statement, None, source)
            continue
        for line in statement.body:
            if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name):
                field = made.fields[line.target.id]
                edits += _default(line, field, source)
                edits += _constraints(line, field.deprecated, source)
    return quoted_where_early(source.edited(edits))


def quoted_where_early(text: str) -> str:
    """`text` with quotes around what annotations mention before it is defined.

    No more than must be is quoted: a name, or the whole union that it is in.
    """
    module = ast.parse(text)
    source = _Source(text)
    missing = {_defined(statement) for statement in module.body} - {""}
    edits: list[_Edit] = []
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


class _Source:
    """A text in which the parser's lines and columns (in bytes) are found."""

    def __init__(self, text: str) -> None:
        self._bytes = text.encode() + b"\n"
        self._starts = [0]
        for line in self._bytes.splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line))

    def edit(self, node: ast.expr | ast.stmt, text: str) -> _Edit:
        """`text` in place of `node`."""
        end_line, end_column = node.end_lineno, node.end_col_offset
        assert end_line is not None
        assert end_column is not None
        start = self._starts[node.lineno - 1] + node.col_offset
        return _Edit(start, self._starts[end_line - 1] + end_column, text)

    def edited(self, edits: list[_Edit]) -> str:
        """The text with all edits made; they do not overlap."""
        result = self._bytes
        for edit in sorted(edits, key=lambda each: each.start, reverse=True):
            result = result[: edit.start] + edit.text.encode() + result[edit.end :]
        return result.decode()


def _opening(module: ast.Module, source: _Source, doc: str) -> Iterator[_Edit]:
    """The module's docstring, before its first statement."""
    first = source.edit(module.body[0], "")
    yield _Edit(first.start, first.start, f"{docstring(doc)}\n\n")


def _imports(module: ast.Module, source: _Source, models: ModelsView) -> Iterator[_Edit]:
    """The imports of our types take the place of the placeholders' import."""
    for statement in module.body:
        if isinstance(statement, ast.ImportFrom) and statement.module == PLACEHOLDER_MODULE:
            yield source.edit(statement, "\n".join(models.imports))


def _placeholders(module: ast.Module, source: _Source, made: ModelsSchema) -> Iterator[_Edit]:
    """Names, annotations, docs and values, wherever the generator has put their placeholders."""
    for node in ast.walk(module):
        match node:
            case ast.ClassDef(name=name):
                start = source.edit(node, "").start + _CLASS
                yield _Edit(start, start + len(name), made.names[name])
            case ast.Name(id=name) if name in made.names:
                yield source.edit(node, made.names[name])
            case ast.Name(id=name) if name in made.annotations:
                yield source.edit(node, made.annotations[name])
            case ast.Expr(value=ast.Constant(value=str(text))):
                yield source.edit(node, docstring(made.docs[text], node.col_offset))
            case ast.Assign(value=ast.Constant(value=str(text)) as value) if text in made.values:
                yield source.edit(value, repr(made.values[text]))
            case ast.Call(args=[ast.Constant(value=str(name)) as first, *_]) if name in made.names:
                # What an alias is called is said twice.
                yield source.edit(first, repr(made.names[name]))
            case _:
                pass


def _default(line: ast.AnnAssign, field: FieldModel, source: _Source) -> Iterator[_Edit]:
    if field.default is not None and line.value is not None:
        yield source.edit(line.value, field.default.text)


_FIELD_ORDER: Final[tuple[str, ...]] = (
    "ge",
    "gt",
    "le",
    "lt",
    "multiple_of",
    "min_length",
    "max_length",
    "pattern",
)


def _constraints(line: ast.stmt, deprecated: str | None, source: _Source) -> Iterator[_Edit]:
    """`Field(...)` with its arguments in the order in which people say them, and with the text of
    the deprecation, for which JSON Schema only has a yes."""
    for node in ast.walk(line):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
            continue
        if node.func.id != "Field":
            continue
        stated = {each.arg: ast.unparse(each.value) for each in node.keywords if each.arg}
        if deprecated is not None:
            stated["deprecated"] = repr(deprecated)
        order = [name for name in _FIELD_ORDER if name in stated]
        order += (name for name in stated if name not in order)
        arguments = ", ".join(f"{name}={stated[name]}" for name in order)
        yield source.edit(node, f"Field({arguments})")
