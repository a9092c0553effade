"""Contracts as one JSON file: what `duologue image` writes, and `--against` reads.

Each contract is in it as it is written, less comments and layout. JSON is YAML, so it is read as
contracts are, and findings have places in it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Final

from ..diagnostics import Diagnostic
from ..reading.project import Project, project_of_trees
from ..text.source import MAX_DEPTH, UNREADABLE, parse, read_source
from ..text.tree import Data, MapNode

EDITION: Final = 1
MAX_IMAGE_BYTES: Final = 64 * 1024 * 1024
"""A thousand contracts of the size of our largest."""
_HEAD: Final = "duologue_image"


class NoImage(ValueError):
    """A file is no image of contracts. The text says what it is."""


def image_text(trees: Mapping[str, MapNode]) -> str:
    """The image of contracts, by their paths from the schema root."""
    contracts: dict[str, Data] = {path: trees[path].data for path in sorted(trees)}
    content = {_HEAD: EDITION, "contracts": contracts}
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
    # What YAML cannot read raw is written as both languages can.
    return f"{UNREADABLE.sub(_escaped, text)}\n"


def _escaped(found: re.Match[str]) -> str:
    number = ord(found.group())
    if number <= 0xFFFF:
        return f"\\u{number:04x}"
    high, low = divmod(number - 0x10000, 0x400)
    return f"\\u{0xD800 + high:04x}\\u{0xDC00 + low:04x}"


def project_of_image(file: str, data: bytes) -> Project:
    """The contracts of an image; findings about them stand in `file`.

    Raises:
        NoImage: it is none, or one of a later version of duologue.
    """
    source, faults = read_source(file, data, max_bytes=MAX_IMAGE_BYTES)
    tree = None
    if not faults:
        tree, faults = parse(source, max_depth=MAX_DEPTH + 2)
    if tree is None or tree.get(_HEAD) is None:
        raise NoImage(f"{file} is no image of contracts, as `duologue image` writes them")
    edition, contracts = tree.get(_HEAD), tree.get("contracts")
    if edition is None or edition.data != EDITION:
        raise NoImage(f"{file} is an image of another version of duologue")
    if faults or not isinstance(contracts, MapNode):
        raise NoImage(f"{file} is a damaged image{_first(faults)}")
    trees = {
        entry.key.text: entry.value
        for entry in contracts.entries
        if isinstance(entry.value, MapNode)
    }
    return project_of_trees(trees, source)


def _first(faults: list[Diagnostic]) -> str:
    return f": line {faults[0].at.line}: {faults[0].message}" if faults else ""
