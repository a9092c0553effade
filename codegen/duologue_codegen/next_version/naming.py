"""Which package is meant, and what the version behind it is called."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

from ..diagnostics import quoted
from ..spelling import nearest

_VERSION: Final = re.compile(r"v([1-9]\d*)(?:(alpha|beta)([1-9]\d*))?")
_STABLE: Final = "stable"
_STAGES: Final = ("alpha", "beta", _STABLE)


class NoNextVersion(ValueError):
    """There is no such package, or its next version is there already. The text says which."""


def package_called(name: str, packages: Collection[str]) -> str:
    """The package of that name; without a version in it, the latest one.

    Raises:
        NoNextVersion: there is none.
    """
    if name in packages:
        return name
    versions = [each for each in packages if each.rpartition(".")[0] == name]
    if versions:
        return max(versions, key=_age)
    near = nearest(name, sorted({*packages, *(each.rpartition(".")[0] for each in packages)}))
    hint = f"did you mean {quoted(near)}?" if near else f"there are {', '.join(sorted(packages))}"
    raise NoNextVersion(f"there is no package {quoted(name)}; {hint}")


def next_package(package: str, packages: Collection[str], version: str | None = None) -> str:
    """`package` with its number, or that of its alpha or beta, raised by one, or as `version`.

    Raises:
        NoNextVersion: it is there already, or `version` is none.
    """
    stem, dot, last = package.rpartition(".")
    if version is None:
        version = _raised(last)
    elif not _VERSION.fullmatch(version):
        raise NoNextVersion(f"{quoted(version)} is no version: write `v2`, or `v2alpha1`")
    chosen = f"{stem}{dot}{version}"
    if chosen in packages:
        raise NoNextVersion(f"{quoted(chosen)} is there already; name another one with --to")
    return chosen


def _raised(version: str) -> str:
    number, stage, of_stage = _parts(version)
    if stage == _STABLE:
        return f"v{number + 1}"
    return f"v{number}{stage}{of_stage + 1}"


def _age(package: str) -> tuple[int, int, int]:
    number, stage, of_stage = _parts(package.rpartition(".")[2])
    return number, _STAGES.index(stage), of_stage


def _parts(version: str) -> tuple[int, str, int]:
    match = _VERSION.fullmatch(version)
    if match is None:
        raise NoNextVersion(f"{quoted(version)} is no version")
    number, stage, of_stage = match.groups()
    return int(number), stage or _STABLE, int(of_stage or 0)
