"""`duologue init`: a small project that works, to be changed into one's own."""

from __future__ import annotations

import json
import keyword
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, distribution
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit
from urllib.request import url2pathname

from . import language_schema
from .new_files import write_new

_TAKEN: Final = frozenset({"duologue", "duologue_codegen", "generated", "schema", "tests"})
"""Names that mean something else in a project."""

_HIDDEN: Final = {"gitignore": ".gitignore"}
"""Files whose real names would do something among the sources of the compiler."""


class Template(StrEnum):
    """What a new project begins with; each is a folder below `new_project`, beside `common`.

    In names and texts of its files `PACKAGE` stands for the Python package and `PROJECT` for the
    project; every name has `.txt` at its end.
    """

    SERVICE = "service"
    """A service, a client and a test."""
    AGENT = "agent"
    """An agent behind NAT, its hub, and a desk from which it is given jobs."""


_NEXT: Final = {
    Template.SERVICE: {
        "duologue generate": "the contract becomes a typed package",
        "python -m PACKAGE.service": "leave it running",
        "python -m PACKAGE.client": "in a second terminal: the first typed call",
    },
    Template.AGENT: {
        "duologue generate": "the contract becomes a typed package",
        "make keys": "of a hub, an agent and a desk on this machine",
        "make relay &": "here; else anywhere that all can reach",
        "make hub &": "knows the agents",
        "make agent &": "runs jobs",
        "make job": "the first job; README.md tells the rest",
    },
}
"""What to type in the new folder, and why."""


class NoName(ValueError):
    """A project cannot be called so. The text says why, and what would do."""


@dataclass(frozen=True, slots=True)
class Names:
    """What a new project and its Python package are called: `night-watch` and `night_watch`."""

    project: str
    package: str

    @classmethod
    def of(cls, text: str) -> Names:
        """From what the user has typed, or the name of the folder.

        Raises:
            NoName: nothing that Python can import can be made of it.
        """
        words = re.findall(r"[a-z0-9]+", text.lower())
        package = "_".join(words)
        if not re.fullmatch(r"[a-z][a-z0-9_]*", package):
            raise NoName(f"{text!r} makes no name for a package: it must begin with a letter")
        if package in _TAKEN or package in sys.stdlib_module_names or keyword.iskeyword(package):
            raise NoName(f"{package!r} is the name of something else; `my-{package}` would do")
        return cls("-".join(words), package)

    def put_into(self, text: str) -> str:
        """`text` with the names in the places that are left for them."""
        return text.replace("PACKAGE", self.package).replace("PROJECT", self.project)


_EXTRAS: Final = {Template.SERVICE: "tools", Template.AGENT: "tools,relay"}
"""What of duologue one needs to develop it."""


def next_commands(template: Template, names: Names) -> list[str]:
    """What to type in the new folder, with reasons."""
    steps = {names.put_into(command): reason for command, reason in _NEXT[template].items()}
    width = max(map(len, steps))
    return [f"{command:{width}}    # {reason}" for command, reason in steps.items()]


def write_project(
    folder: Path, template: Template = Template.SERVICE, *, name: str | None = None
) -> tuple[Path, ...]:
    """Write the files of a new project into `folder`, which is made if need be.

    It is called `name`, or as the folder is. Returns what was written.

    Raises:
        NoName: it cannot be called so.
        AlreadyThere: one of the files exists; nothing was written.
        OSError: the folder cannot be written.
    """
    names = Names.of(folder.resolve().name if name is None else name)
    texts = {folder / path: text for path, text in sorted(project_texts(template, names).items())}
    write_new(texts)
    return tuple(texts)


def project_texts(template: Template, names: Names) -> dict[str, str]:
    """Every file of a new project: its path in the project, and what stands in it."""
    root = files("duologue_codegen") / "new_project"
    kept = (each for part in ("common", template) for each in _files_below(root / part, ""))
    texts = {names.put_into(path): names.put_into(text) for path, text in kept}
    settings = texts["pyproject.toml"].replace("SOURCES\n", _sources())
    texts["pyproject.toml"] = settings.replace("EXTRAS", _EXTRAS[template])
    texts[f"schema/{language_schema.FILE}"] = language_schema.language_schema()
    return texts


def _files_below(folder: Traversable, path: str) -> Iterable[tuple[str, str]]:
    for each in folder.iterdir():
        if each.is_dir():
            yield from _files_below(each, f"{path}{each.name}/")
        elif each.name.endswith(".txt"):
            name = each.name.removesuffix(".txt")
            yield path + _HIDDEN.get(name, name), each.read_text(encoding="utf-8")


def _sources() -> str:
    """Tells uv where this duologue is from, if that was a folder or a file of this machine.

    The installer has written it down (PEP 610); without it uv would look in its index.
    """
    try:
        noted = distribution("duologue").read_text("direct_url.json")
    except PackageNotFoundError:
        return "\n"
    origin: dict[str, str] = json.loads(noted or "{}")
    url = urlsplit(origin.get("url", ""))
    if url.scheme != "file":
        return "\n"
    path = json.dumps(url2pathname(url.path), ensure_ascii=False)
    return (
        "\n[tool.uv.sources]            # where duologue was installed from; else take this out\n"
        f"duologue = {{ path = {path} }}\n\n"
    )
