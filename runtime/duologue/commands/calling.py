"""What `duologue call` does."""

import asyncio
import json
import os
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import typer
from pydantic_core import to_jsonable_python

from duologue.commands.arguments import read_arguments
from duologue.commands.authorities import trusting
from duologue.commands.byte_progress import ByteProgress
from duologue.commands.described_contracts import (
    Reached,
    ask_contract,
    list_methods,
    readable,
    schema_of,
)
from duologue.commands.event_watch import watch_events
from duologue.commands.item_input import ItemInput, check_standard_input, is_source, sends_items
from duologue.commands.method_lookup import (
    Found,
    NotHere,
    WrongUse,
    find_event,
    find_method,
    split_name,
)
from duologue.commands.outcome import EXIT_FAILED, EXIT_GOOD, EXIT_INTERRUPTED, EXIT_USAGE
from duologue.commands.reaching import load_identity, reach
from duologue.commands.streamed_call import call_with_items, note_saved, write_bytes
from duologue.commands.wrong_door import WrongDoor
from duologue.errors import (
    CallError,
    ConnectionClosed,
    DuologueError,
    UnsafeKeyFile,
)
from duologue.foreign_text import shown
from duologue.identity import Identity
from duologue.observability.frames import FrameLog
from duologue.promisifier.promisifier import WebsocketPromisifier
from duologue.promisifier.streams.stream import ByteStream, TextStream
from duologue.protocol.wording import words_of
from duologue.typed.codec import ANY_STREAM, BYTE_ITEMS, BYTE_STREAM, TEXT_STREAM
from duologue.typed.contract import Streaming

DEFAULT_TIMEOUT_S: Final = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What was typed; each is told of in the help of the command."""

    target: str
    method: str | None
    arguments: Sequence[str]
    key_file: Path | None
    direct: bool
    token: str | None
    ca_file: Path | None
    timeout_s: float | None
    packages: str | None
    schema: Path | None
    output: Path | None
    limit: int | None
    proxy: str | None
    events: str | None
    is_verbose: bool
    insecure_plaintext: bool
    lists: bool
    describe: str | None


def carry_out(wishes: Wishes) -> None:
    """Make the call, or show what was asked for; ends the command as that wants."""
    given, method, output, limit = wishes.arguments, wishes.method, wishes.output, wishes.limit
    packages, schema = wishes.packages, wishes.schema
    try:
        if wishes.events is not None and method is not None:
            # Where no method is named, the first of the arguments stands in its place.
            given, method = [method, *given], None
        asked = (method, wishes.lists or None, wishes.describe, wishes.events)
        if len([each for each in asked if each is not None]) != 1:
            raise WrongUse(
                "name a method to call, or say --list, --describe SERVICE[/METHOD] or --events "
                "SERVICE/EVENT"
            )
        reached = _way_to(wishes)
        # A target that makes no sense is told before all else.
        reached()
        if wishes.events is not None:
            event = find_event(wishes.events, packages, schema)
            run(watch_events(reached(), event, given, limit))
            return
        if method is None:
            run(print_contract(reached(), wishes.describe))
            return
        found = look_up(method, packages, schema, reached)
        check_standard_input(found, given)
        sources = [each for each in given if is_source(each)] if sends_items(found) else []
        keywords = read_arguments(found, [each for each in given if each not in sources])
        items = ItemInput.chosen(found, sources)
        check_limit(found, limit)
        check_output(found, output, is_terminal=sys.stdout.isatty())
    except (WrongUse, UnsafeKeyFile, OSError) as error:
        typer.echo(shown(words_of(error), keep="\n"), err=True)
        raise typer.Exit(EXIT_USAGE) from None
    run(make_call(reached(), found, keywords, wishes.timeout_s, output, items, limit))


def _way_to(wishes: Wishes) -> Callable[[], Reached]:
    proxy, key_file, ca_file = wishes.proxy, wishes.key_file, wishes.ca_file
    return partial(
        reach,
        wishes.target,
        identity=Identity.generate() if key_file is None else load_identity(key_file),
        direct=wishes.direct,
        token=wishes.token,
        context=None if ca_file is None else trusting(ca_file),
        proxy=True if proxy is None else None if proxy == "none" else proxy,
        timeout_s=DEFAULT_TIMEOUT_S if wishes.timeout_s is None else wishes.timeout_s,
        insecure_plaintext=wishes.insecure_plaintext,
        options={"observers": [FrameLog(sys.stderr)]} if wishes.is_verbose else {},
    )


def look_up(
    method: str, packages: str | None, schema: Path | None, reached: Callable[[], Reached]
) -> Found:
    """The method, by the files at hand; else by what the other side shows.

    Raises:
        WrongUse: it is nowhere.
    """
    try:
        return find_method(method, packages=packages, schema=schema)
    except NotHere as error:
        if packages is not None or schema is not None:
            raise
        here = error
    package, service, _ = split_name(method)
    try:
        described = asyncio.run(ask_contract(reached(), f"{package}.{service}"))
    except (DuologueError, ValueError) as error:
        raise WrongUse(f"{here}\nThe other side was asked for it: {words_of(error)}") from None
    with schema_of(described, package) as folder:
        return find_method(method, schema=folder)


async def print_contract(conversation: Reached, name: str | None) -> None:
    """Print what the other side offers, or one contract of it."""
    if name is None:
        lines = await list_methods(conversation)
        typer.echo(shown("\n".join(lines) or "it offers nothing", keep="\n"))
        return
    service, _, method = name.partition("/")
    described = await ask_contract(conversation, service)
    text = readable(described, service, method or None)
    typer.echo(f"# {service} as the other side has it: {shown(described.digest)}")
    typer.echo(shown(text, keep="\n"), nl=False)


def run(work: Coroutine[Any, Any, None]) -> None:
    """Do it, and end the command as its failure wants."""
    try:
        asyncio.run(work)
    except KeyboardInterrupt:
        # The call has been cancelled and the conversation closed.
        raise typer.Exit(EXIT_INTERRUPTED) from None
    except BrokenPipeError:
        # Whoever reads what we print has had enough. Python would complain at its end otherwise.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(EXIT_GOOD) from None
    except CallError as error:
        failure = {"code": error.code, "message": error.message or str(error)}
        # Fields of a declared error are a model, with names that may be others on the wire.
        details = to_jsonable_python(
            error.details, by_alias=True, bytes_mode="base64", fallback=str
        )
        typer.echo(json.dumps({**failure, "details": details}), err=True)
        raise typer.Exit(EXIT_FAILED) from None
    except ConnectionClosed as error:
        # The code of a connection that never was is of no use to anybody.
        text = error.reason if error.sent == "no" and error.reason else words_of(error)
        kind = "" if error.sent == "no" else f"{type(error).__name__}: "
        typer.echo(f"{kind}{shown(text)}", err=True)
        raise typer.Exit(EXIT_FAILED) from None
    except WrongDoor as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(EXIT_FAILED) from None
    except (DuologueError, OSError) as error:
        typer.echo(f"{type(error).__name__}: {error}", err=True)
        raise typer.Exit(EXIT_FAILED) from None
    except ValueError as error:
        # The address or the key in it.
        typer.echo(shown(words_of(error), keep="\n"), err=True)
        raise typer.Exit(EXIT_USAGE) from None


def check_output(found: Found, output: Path | None, *, is_terminal: bool) -> None:
    """Say before the call what would go wrong after it.

    Raises:
        WrongUse: there is nothing for `output`, or no room; or bytes would go to a terminal, which
            takes some of them for commands.
    """
    method = found.method
    yields_bytes = isinstance(method, Streaming) and method.yields is BYTE_ITEMS
    if output is None:
        if is_terminal and (yields_bytes or method.returns is BYTE_STREAM):
            raise WrongUse(
                f"{method.full_name} {'yields' if yields_bytes else 'returns'} bytes, which are "
                "not for a terminal; write them to a file with --output FILE, or into a pipe"
            )
        return
    if not yields_bytes and method.returns not in (BYTE_STREAM, TEXT_STREAM, ANY_STREAM):
        raise WrongUse(
            f"{method.full_name} returns no stream and yields no bytes; --output is for those"
        )
    if not output.absolute().parent.is_dir():
        raise WrongUse(f"--output {output}: there is no folder {output.parent}")


def check_limit(found: Found, limit: int | None) -> None:
    """See that there is something to count.

    Raises:
        WrongUse: no items come.
    """
    method = found.method
    if limit is not None and not (isinstance(method, Streaming) and method.yields is not None):
        raise WrongUse(f"{method.full_name} yields no items; --limit is for items")


async def make_call(
    conversation: AbstractAsyncContextManager[WebsocketPromisifier],
    found: Found,
    keywords: Mapping[str, Any],
    timeout_s: float | None,
    output: Path | None,
    items: ItemInput | None = None,
    limit: int | None = None,
) -> None:
    """Call, and print the answer."""
    method = found.method
    async with conversation as peer:
        if isinstance(method, Streaming):
            client = found.client(peer, timeout=timeout_s)
            await call_with_items(client, method, keywords, items, output, limit)
            return
        client = found.client(peer, timeout=DEFAULT_TIMEOUT_S if timeout_s is None else timeout_s)
        result = await getattr(client, method.name)(**keywords)
        if isinstance(result, ByteStream | TextStream):
            await _write_stream(result, output)
        else:
            text = json.dumps(json.loads(method.returns.encode(result)), indent=2)
            typer.echo(text)


async def _write_stream(stream: ByteStream | TextStream, output: Path | None) -> None:
    async with stream:
        if isinstance(stream, ByteStream):
            await write_bytes(stream, output, ByteProgress())
        elif output is not None:
            note_saved(await stream.save_to(output))
        elif sys.stdout.isatty():
            async for text in stream:
                typer.echo(shown(text, keep="\n\t"), nl=False)
        else:
            async for text in stream:
                # Not by `write`, which may change line ends, and characters too.
                sys.stdout.buffer.write(text.encode(errors="surrogatepass"))
            sys.stdout.buffer.flush()
