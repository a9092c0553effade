"""A whole contract file: its head, its imports, and what the other readers make of the rest."""

from __future__ import annotations

import re
from typing import Final

from ..diagnostics import Diagnostic, Position, quoted
from ..model import Contract, Import
from ..text.tree import MapNode
from .dialogues import DialogueReader
from .errors import ErrorReader
from .events import EventReader
from .expressions import Expressions
from .methods import MethodReader
from .services import ServiceReader
from .shape import Shapes
from .types import TypeReader

EDITION: Final = 1
KEYS: Final = (
    "duologue",
    "package",
    "doc",
    "imports",
    "types",
    "errors",
    "services",
    "dialogues",
)
_PATH: Final = re.compile(r"[a-z0-9_]+(/[a-z0-9_]+)*\.yaml")


def package_of(path: str) -> str:
    """The package that a contract at `path`, seen from the schema root, must have."""
    return path.removesuffix(".yaml").replace("/", ".")


def read_contract(tree: MapNode, file: str, path: str) -> tuple[Contract, list[Diagnostic]]:
    """The contract that `tree` spells, and what is misshapen in it.

    `file` is the path as the user gave it, `path` the same seen from the schema root. Imports are
    not followed: each `Import.contract` is None.
    """
    shapes = Shapes()
    start = Position(file, 1, 1)
    shapes.mapping(tree, "a contract", KEYS)
    edition = _edition(tree, shapes, start)
    package = shapes.word(tree.get("package"), "`package`")
    if tree.get("package") is None:
        hint = f"add `package: {package_of(path)}`"
        shapes.fault("package-path-match", start, "the contract has no package", hint)
    imports = _imports(tree, shapes)
    name = package_of(path) if package is None else package.text
    packages = {alias: package_of(import_.path) for alias, import_ in imports.items()}
    expressions = Expressions(shapes, name, packages)
    types = TypeReader(shapes, expressions)
    errors = ErrorReader(shapes, types)
    methods = MethodReader(shapes, expressions, types, errors)
    events = EventReader(shapes, expressions, types)
    services = ServiceReader(shapes, types, errors, methods, events)
    contract = Contract(
        edition=edition,
        package=name,
        package_at=start if package is None else package.at,
        path=path,
        imports=imports,
        types=types.types(tree.get("types")),
        errors=errors.errors(tree.get("errors")),
        services=services.services(tree.get("services")),
        dialogues=DialogueReader(shapes).dialogues(tree.get("dialogues")),
        doc=shapes.doc(tree, "the contract"),
        at=start,
    )
    return contract, shapes.faults


def _edition(tree: MapNode, shapes: Shapes, start: Position) -> int:
    node = tree.get("duologue")
    if node is None:
        hint = f"the file begins with `duologue: {EDITION}`"
        shapes.fault("node-shape", start, "the contract names no language edition", hint)
        return EDITION
    edition = shapes.whole(node, "the language edition")
    if edition is not None and edition != EDITION:
        message = f"language edition {edition} is not known"
        hint = f"this version of duologue knows edition {EDITION}"
        shapes.fault("not-supported-yet", node.at, message, hint)
    return EDITION


def _imports(tree: MapNode, shapes: Shapes) -> dict[str, Import]:
    imports: dict[str, Import] = {}
    for entry in shapes.named(tree.get("imports"), "`imports`", "common: chat/common/v1.yaml"):
        alias, at = entry.key.text, entry.key.at
        path = shapes.word(entry.value, f"import {quoted(alias)}")
        if path is None:
            continue
        if not _PATH.fullmatch(path.text):
            message = f"{quoted(path.text)} is not the path of a contract"
            hint = "write it from the schema root, such as `chat/common/v1.yaml`"
            shapes.fault("import-exists", path.at, message, hint)
            continue
        imports[alias] = Import(alias=alias, path=path.text, path_at=path.at, contract=None, at=at)
    return imports
