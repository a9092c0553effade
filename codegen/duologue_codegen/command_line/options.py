"""What the commands take, and which contracts are meant by it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from ..configuration import Configuration, read_configuration
from .report import Format

if TYPE_CHECKING:
    from ..build import BuildResult

T = TypeVar("T")

Paths = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="[PATH]...",
        help="Contracts, or one folder of contracts. Without any: all below the schema folder.",
        show_default=False,
    ),
]
Schema = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Folder that package paths start at.",
        show_default="from pyproject.toml",
    ),
]
Shape = Annotated[Format, typer.Option("--format", help="How findings are shown.")]


class Level(StrEnum):
    """What must not break."""

    WIRE = "WIRE"
    SOURCE = "SOURCE"
    ALL = "ALL"


class UpgradeOrder(StrEnum):
    """Which side is upgraded first."""

    ANY = "any"
    PROVIDER_FIRST = "provider-first"
    CALLER_FIRST = "caller-first"


class WrongUse(Exception):
    """The command line asks for something that cannot be."""


def settings_of(
    paths: Sequence[Path], schema: Path | None, out: Path | None
) -> tuple[Configuration, Sequence[Path]]:
    """The configuration, and which contracts are meant.

    A folder that is not below the configured schema folder is a schema folder itself.
    """
    settings = read_configuration().with_options(schema=schema, out=out)
    folders = [path for path in paths if path.is_dir() and not _lies_in(path, settings.schema)]
    if folders:
        if len(paths) > 1 or schema is not None:
            raise WrongUse(f"{folders[0]} is a schema folder of its own; name it alone")
        settings, paths = settings.with_options(schema=folders[0], out=None), ()
    settings.refuse_stray("schema")
    if not settings.schema.is_dir():
        raise WrongUse(f"there is no schema folder {settings.schema}; name one with --schema")
    if len(paths) == 1 and paths[0].resolve() == settings.schema.resolve():
        paths = ()
    return settings, paths


def _lies_in(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())


def judged_contracts(settings: Configuration, asked: Sequence[Path]) -> BuildResult:
    """The contracts `asked` for, or all, and what is wrong with them.

    Raises:
        WrongUse: something asked for is no contract below the schema folder.
    """
    from ..build import judge

    return contracts_of(
        lambda: judge(
            settings.schema,
            asked,
            import_root=settings.import_root,
            off=settings.off,
            on=settings.on,
        )
    )


def contracts_of(read: Callable[[], T]) -> T:
    """What `read` gives, or wrong use when it was asked for what is no contract."""
    from ..reading.project import PathOutsideSchema

    try:
        return read()
    except PathOutsideSchema as error:
        raise WrongUse(str(error)) from None
