"""What the compiler asks of a target: the files of a package, and what decides their bytes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

from ..model import Contract


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a project says of its packages, beside the contracts."""

    import_root: str
    """The dotted name under which packages import each other; may be empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """How a target's files are told from those of others, which are never touched."""

    ending: str
    """Of files that bear a header: `.py`."""
    header: str
    """How the first line of each of them begins."""
    front: str
    """The file with a header that every package has: `__init__.py`. Empty: there is none, and
    folders between hold nothing."""
    between: str
    """Its text in the folders between the output folder and a package."""
    without_header: Collection[str]
    """Files of a package that can bear none."""
    sign: str
    """The one of them that is in every package, and in no folder between; empty with no front."""


class Target(Protocol):
    """A form that contracts are given, such as packages of a language.

    It sees the model of a contract without findings, no disk and no clock.
    """

    @property
    def name(self) -> str:
        """What the manifest calls it; no two targets have the same."""
        ...

    @property
    def marks(self) -> Marks:
        """How its files are known on disk."""
        ...

    def files(self, contract: Contract, options: Options) -> dict[str, str]:
        """Every file of the package, by its name in the package's folder."""
        ...

    def made_from(self, contract: Contract, options: Options) -> str:
        """A digest of everything that decides a byte of `files`, without making them.

        That is what it reads in the contract and the options, its own source, and `versions`.
        """
        ...

    def versions(self) -> Mapping[str, str]:
        """The versions that decide bytes, by distribution."""
        ...
