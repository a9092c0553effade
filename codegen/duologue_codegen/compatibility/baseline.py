"""Where old contracts come from: a folder, an image, a revision of git, a peer that runs."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, TypeAlias

from ..diagnostics import quoted
from ..reading.project import Project, load_project, project_of_texts
from ..text.source import MAX_FILE_BYTES
from .image import NoImage, project_of_image

_URL: Final = re.compile(r"[a-z]+://.*")
_GIT_S: Final = 60
"""Seconds that git has for one answer; it reads from the disk."""
AskPeer: TypeAlias = Callable[[str], Mapping[str, bytes]]
"""Asks a peer, by its address, for its contracts: texts by their paths. Raises `NoBaseline`."""


class NoBaseline(ValueError):
    """There are no old contracts to be had. The text says why, in one line."""


def ask_nobody(address: str) -> Mapping[str, bytes]:
    """The `AskPeer` where nothing can ask."""
    raise NoBaseline(f"{address}: nothing that could ask a peer for its contracts is installed")


def read_baseline(against: str, schema: Path, *, ask_peer: AskPeer = ask_nobody) -> Project:
    """The old contracts that `against` names: of the project whose new ones are below `schema`.

    It names a folder, an image file, a peer by its URL, or a revision of the git repository that
    holds `schema`, in this order.

    Raises:
        NoBaseline: it names none of these, or there are no contracts in it.
    """
    if _URL.fullmatch(against):
        # As a path the address would lose a slash of `ws://`.
        return project_of_texts(ask_peer(against), against.partition("://")[2])
    path = Path(against)
    if path.is_dir():
        project = load_project(path)
    elif path.is_file():
        project = _of_image(against, path.read_bytes())
    else:
        project = _of_revision(against, schema)
    if not project.judged:
        raise NoBaseline(f"there are no contracts in {against}")
    return project


def _of_image(name: str, data: bytes) -> Project:
    try:
        return project_of_image(name, data)
    except NoImage as error:
        raise NoBaseline(str(error)) from None


# ---- git -----------------------------------------------------------------------------------------


def _of_revision(revision: str, schema: Path) -> Project:
    """The contracts of a revision, read from git's own store: the working tree stays as it is."""
    at_hand = quoted(revision)
    top = _git(schema, "rev-parse", "--show-prefix")
    if top is None:
        raise NoBaseline(f"there is no file {at_hand}, and {schema} is in no git repository")
    found = _git(schema, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^0")
    if found is None:
        raise NoBaseline(f"there is no file, no folder and no git revision {at_hand}")
    commit = found.decode().strip()
    folder = os.fsdecode(top).rstrip("\n")
    listed = _git(schema, "ls-tree", "-r", "-l", "-z", "--full-tree", commit, "--", folder or ".")
    blobs: dict[str, str] = {}
    for line in (listed or b"").split(b"\0"):
        head, _, name = line.partition(b"\t")
        path = os.fsdecode(name).removeprefix(folder)
        if _is_contract(path) and head.startswith(b"100"):
            _, _, blob, size = head.split()
            if int(size) > MAX_FILE_BYTES:
                raise NoBaseline(f"{revision}:{folder}{path} is too large for a contract")
            blobs[path] = blob.decode()
    texts = dict(zip(blobs, _texts(schema, list(blobs.values())), strict=True))
    return project_of_texts(texts, f"{revision}:{folder}")


def _is_contract(path: str) -> bool:
    hidden = any(part.startswith(".") for part in path.split("/"))
    return path.endswith((".yaml", ".yml")) and not hidden


def _texts(schema: Path, blobs: Sequence[str]) -> list[bytes]:
    """The contents of blobs, by their names, in one go."""
    if not blobs:
        return []
    asked = "".join(f"{blob}\n" for blob in blobs).encode()
    answer = _git(schema, "cat-file", "--batch", given=asked)
    if answer is None:
        raise NoBaseline("git cannot read the contracts of that revision")
    found: list[bytes] = []
    for _ in blobs:
        head, _, rest = answer.partition(b"\n")
        size = int(head.split()[-1]) if head.split()[-1].isdigit() else -1
        if size < 0:
            raise NoBaseline("git has not all contracts of that revision: fetch it first")
        found.append(rest[:size])
        answer = rest[size + 1 :]
    return found


def _git(folder: Path, *arguments: str, given: bytes = b"") -> bytes | None:
    """What git says; None when it refuses."""
    environment = {**os.environ, "GIT_NO_LAZY_FETCH": "1", "GIT_OPTIONAL_LOCKS": "0"}
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            input=given,
            capture_output=True,
            env=environment,
            timeout=_GIT_S,
            check=False,
        )
    except FileNotFoundError:
        raise NoBaseline("git is needed to read a revision, and there is none") from None
    except subprocess.TimeoutExpired:
        raise NoBaseline(f"git gave no answer within {_GIT_S} seconds") from None
    return done.stdout if done.returncode == 0 else None
