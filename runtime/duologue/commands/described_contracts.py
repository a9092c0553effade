"""What the other side offers, as it says itself: for callers with no files at hand."""

import json
from collections.abc import Callable, Generator
from contextlib import AbstractAsyncContextManager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

from duologue.commands.method_lookup import WrongUse, needed_of_compiler, suggestion
from duologue.errors import BadFrame, Unimplemented
from duologue.promisifier.contract_question import ContractQuestion
from duologue.promisifier.promisifier import WebsocketPromisifier
from duologue.protocol.control import DESCRIBE, Described, read_described, read_names

Reached = AbstractAsyncContextManager[WebsocketPromisifier]


async def ask_contract(conversation: Reached, service: str) -> Described:
    """The contract of a service of the other side.

    Raises:
        WrongUse: it offers no such service; says which it offers.
        Unimplemented: it shows none.
    """
    async with conversation as peer:
        names = await _names(peer)
        if service not in names:
            raise WrongUse(f"the other side offers no {service}{suggestion(service, names)}")
        return await _contract(peer, service)


async def ask_contracts(conversation: Reached) -> dict[str, bytes]:
    """Canonical JSON of each package of the other side, and of those that they import.

    Raises:
        Unimplemented: it shows none.
    """
    own: dict[str, bytes] = {}
    imported: dict[str, bytes] = {}
    async with conversation as peer:
        for service in await _names(peer):
            package = service.rpartition(".")[0]
            if package not in own:
                described = await _contract(peer, service)
                own[package] = described.contract
                imported |= described.imports
    return imported | own


async def list_methods(conversation: Reached) -> list[str]:
    """A line for each service of the other side, and each method and event below it."""
    lines: list[str] = []
    async with conversation as peer:
        for service in await _names(peer):
            described = await _contract(peer, service)
            lines += _listed(service, described)
    return lines


def _listed(service: str, described: Described) -> list[str]:
    try:
        found: Any = json.loads(described.contract)["services"][service.rpartition(".")[2]]
        lines = [_line(service, found)]
        for kind, mark in (("methods", ""), ("events", " (event)")):
            inside = cast("dict[str, Any]", found.get(kind, {}))
            lines += [f"  {_line(name + mark, one)}" for name, one in sorted(inside.items())]
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError):
        raise BadFrame(f"what the other side shows of {service} is no contract") from None
    return lines


def _line(name: str, about: Any) -> str:
    doc = str(about.get("doc", "")).split("\n")[0]
    return f"{name}  {doc}" if doc else name


async def _names(peer: WebsocketPromisifier) -> list[str]:
    await peer.introduced()
    if not peer.counterpart.has(DESCRIBE):
        offered = peer.counterpart.offered_names
        what = f"; it offers {', '.join(offered)}" if offered else ""
        raise Unimplemented(f"the other side does not show its contracts{what}")
    return read_names(await _ask(peer, None))


async def _contract(peer: WebsocketPromisifier, service: str) -> Described:
    return read_described(await _ask(peer, service))


async def _ask(peer: WebsocketPromisifier, service: str | None) -> bytes:
    question = ContractQuestion(service)
    return await peer.start_control_call(question, question.args, question)


def readable(described: Described, service: str, method: str | None) -> str:
    """The contract of a service, or of one method of it, as the text of a file."""
    make = cast("Callable[..., str]", needed_of_compiler("readable_contract"))
    try:
        return make(described.contract, service.rpartition(".")[2], method)
    except ValueError as error:
        raise WrongUse(str(error)) from error


@contextmanager
def schema_of(described: Described, package: str) -> Generator[Path]:
    """A folder with the contract, and all that it builds on, until the block is left."""
    make = cast("Callable[..., dict[str, str]]", needed_of_compiler("contract_files"))
    try:
        texts = make({**described.imports, package: described.contract})
    except ValueError as error:
        raise WrongUse(f"what the other side shows cannot be used: {error}") from error
    with TemporaryDirectory(prefix="duologue-shown-") as folder:
        for path, text in texts.items():
            file = Path(folder) / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        yield Path(folder)
