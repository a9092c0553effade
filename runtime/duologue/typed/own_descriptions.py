"""The contract of a service, found beside the modules that were generated from it."""

from collections.abc import Iterator
from functools import cache
from typing import Final

import msgspec

from duologue.protocol.control import Described

FILE: Final = "contract.json"
"""Beside the modules of each generated package."""


class _Head(msgspec.Struct):
    package: str
    imports: dict[str, str] = {}


_decode_head: Final = msgspec.json.Decoder(_Head).decode


@cache
def find_description(service: str, digest: str, python_package: str) -> Described | None:
    """The contract of a service, from the package that was generated from it; None if it is gone.

    `service` is its full name, and `python_package` the one that its client or service is in.
    """
    package = service.rpartition(".")[0]
    if not package or f".{python_package}".removesuffix(f".{package}") == f".{python_package}":
        return None
    root = f".{python_package}".removesuffix(f".{package}").lstrip(".")
    texts = dict(_with_imports(root, package))
    contract = texts.pop(package, None)
    return None if contract is None else Described(digest, contract, texts)


def _with_imports(root: str, package: str) -> Iterator[tuple[str, bytes]]:
    """The contract of `package` and of all that it builds on, near or far."""
    # Only now: it loads much that those who are never asked have no use for.
    from importlib.resources import files

    known: set[str] = set()
    wanted = [package]
    while wanted:
        name = wanted.pop()
        if name in known:
            continue
        known.add(name)
        try:
            text = files(f"{root}.{name}" if root else name).joinpath(FILE).read_bytes()
            head = _decode_head(text)
        except (ImportError, OSError, msgspec.DecodeError):
            continue
        if head.package == name:
            yield name, msgspec.json.format(text, indent=-1)
            wanted += head.imports
