"""What commands of the runtime ask of the compiler: packages made for the occasion, and names.

Compiler and runtime do not import each other; the entry-point group `duologue.contracts` joins
them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from . import contract_writing
from .configuration import read_configuration
from .diagnostics import render_text
from .spelling import nearest


def compile_package(
    schema: Path, package: str, out: Path, import_root: str, *, colour: bool = False
) -> str:
    """Make `package` of the contracts below `schema`, and the packages it imports, below `out`.

    They import each other as parts of `import_root`. Returns what is wrong with the contracts, as
    `duologue check` shows it; nothing was written then. Empty if all is well.

    Raises:
        FileNotFoundError: there is no such folder or contract.
        ValueError: pyproject.toml says something that cannot be.
        ModuleNotFoundError: the extra `tools` is not installed.
    """
    from .build import build, judge
    from .known_targets import TARGETS

    if not schema.is_dir():
        raise FileNotFoundError(f"there is no schema folder {schema}")
    off = read_configuration().off
    asked = [_contract_of(package, schema)]
    judged = judge(schema, asked, import_root=import_root, off=off)
    if judged.ok:
        paths = [_contract_of(each.package, schema) for each in judged.project.judged]
        judged = build(schema, out, paths, targets=TARGETS, import_root=import_root, off=off)
    if judged.ok:
        return ""
    return render_text(judged.diagnostics, judged.sources, colour=colour)


def contract_files(packages: Mapping[str, bytes]) -> Mapping[str, str]:
    """The contract file of each package, by its path below a schema folder.

    `packages` is canonical JSON by the name of the package, as another side has shown it.

    Raises:
        ValueError: a name that is none of a package, or what is no contract.
    """
    return contract_writing.contract_files(packages)


def readable_contract(contract: bytes, service: str, method: str | None) -> str:
    """A service, or one method of it, as the text of a contract, from canonical JSON.

    Raises:
        ValueError: it is no contract, or has no such service or method.
    """
    return contract_writing.readable(contract, service, method)


def method_params(schema: Path) -> Mapping[str, Sequence[str]]:
    """The params, by name, of each method below `schema`: `chat.rooms.v1.Rooms/join` to `room`.

    Events are there as well, without any.

    Reads and generates nothing else; of contracts that are wrong it gives what can be read.

    Raises:
        ModuleNotFoundError: the extra `tools` is not installed.
    """
    from .reading.project import load_project

    found: dict[str, Sequence[str]] = {}
    for contract in load_project(schema).everything:
        for service in contract.services.values():
            for method in service.methods.values():
                name = f"{contract.package}.{service.name}/{method.name}"
                fields, _ = contract.fields_of(method.params)
                found[name] = tuple(fields)
            for event in service.events.values():
                found[f"{contract.package}.{service.name}/{event.name}"] = ()
    return found


def _contract_of(package: str, schema: Path) -> Path:
    for ending in (".yaml", ".yml"):
        file = schema / f"{package.replace('.', '/')}{ending}"
        if file.is_file():
            return file
    found = (each.relative_to(schema).with_suffix("") for each in schema.rglob("*.y*ml"))
    known = sorted(".".join(each.parts) for each in found)
    near = nearest(package, known)
    hint = f"; did you mean {near}?" if near else f"; there are {', '.join(known) or 'none'}"
    raise FileNotFoundError(f"there is no contract {package} in {schema}{hint}")
