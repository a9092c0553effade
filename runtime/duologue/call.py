"""The command `duologue call`."""

import asyncio
import importlib
import json
import re
import ssl as tls
import sys
import tomllib
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import urldefrag

import typer
from pydantic import ValidationError

from duologue.endpoints import connect
from duologue.errors import CallError, DuologueError, UnsafeKeyFile
from duologue.identity import Identity
from duologue.promisifier.promisifier import WebsocketPromisifier
from duologue.promisifier.streams import ByteStream, TextStream
from duologue.relay_endpoints import dial
from duologue.typed.client import Client
from duologue.typed.method import Unary
from duologue.typed.model import Model

EXIT_FAILED: Final = 1
EXIT_USAGE: Final = 2

_METHOD: Final = re.compile(r"((?:\w+\.)+)(\w+)/(\w+)")


class WrongUse(ValueError):
    """What was asked for makes no sense; the text says why."""


def call(
    target: Annotated[
        str,
        typer.Argument(help="ws(s)://HOST for a service there, wss://RELAY#KEY for one behind it."),
    ],
    method: Annotated[str, typer.Argument(help="As in chat.rooms.v1.Rooms/join.")],
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="NAME=VALUE", help="JSON, or a plain string.")
    ] = None,
    key_file: Annotated[
        Path | None, typer.Option(help="Who we are; else a new key for this call.")
    ] = None,
    direct: Annotated[
        bool, typer.Option("--direct", help="With #KEY: the service is at HOST itself.")
    ] = False,
    token: Annotated[
        str | None, typer.Option(envvar="DUOLOGUE_TOKEN", help="A bearer token for the relay.")
    ] = None,
    ca_file: Annotated[Path | None, typer.Option(help="Authorities to trust, PEM.")] = None,
    timeout: Annotated[float, typer.Option(help="For reaching it and for the call, s.")] = 30.0,
    packages: Annotated[
        str | None, typer.Option(help="Where generated packages are imported from.")
    ] = None,
    output: Annotated[Path | None, typer.Option(help="Where a stream is written to.")] = None,
    insecure_plaintext: Annotated[
        bool, typer.Option("--insecure-plaintext", help="Allow a ws: relay elsewhere.")
    ] = False,
) -> None:
    """Make one typed call, from the packages generated here; prints the answer as JSON.

    A stream is written to --output, or to standard output. Exit code 1 if the call fails; what the
    service said of it is on standard error, as JSON where it has a code.
    """
    try:
        found = find_method(method, packages or _configured_root())
        keywords = read_arguments(found, arguments or [])
        identity = Identity.generate() if key_file is None else Identity.load(key_file)
        context = None if ca_file is None else tls.create_default_context(cafile=str(ca_file))
        peer = reach(
            target,
            identity=identity,
            direct=direct,
            token=token,
            context=context,
            timeout_s=timeout,
            insecure_plaintext=insecure_plaintext,
        )
    except (WrongUse, UnsafeKeyFile, OSError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(EXIT_USAGE) from None
    try:
        asyncio.run(make_call(peer, found, keywords, timeout, output))
    except CallError as error:
        failure = {"code": error.code, "message": error.message or str(error)}
        typer.echo(json.dumps({**failure, "details": error.details}, default=str), err=True)
        raise typer.Exit(EXIT_FAILED) from None
    except (DuologueError, OSError) as error:
        typer.echo(f"{type(error).__name__}: {error}", err=True)
        raise typer.Exit(EXIT_FAILED) from None
    except ValueError as error:
        # The address or the key in it.
        typer.echo(str(error), err=True)
        raise typer.Exit(EXIT_USAGE) from None


@dataclass(frozen=True, slots=True)
class Found:
    """A method of a generated package."""

    client: type[Client]
    method: Unary[..., Any, Any]
    params: type[Model] | None


def find_method(name: str, root: str) -> Found:
    """The method that `chat.rooms.v1.Rooms/join` means, in the packages under `root`.

    Raises:
        WrongUse: there is none; says what there is.
    """
    parts = _METHOD.fullmatch(name)
    if parts is None:
        raise WrongUse(f"{name} is no method; write it like chat.rooms.v1.Rooms/join")
    package, service, method = parts[1].rstrip("."), parts[2], parts[3]
    # What was generated for the folder one stands in.
    sys.path.insert(0, str(Path.cwd()))
    path = f"{root}.{package}" if root else package
    try:
        module = importlib.import_module(path)
    except ModuleNotFoundError as error:
        raise WrongUse(f"there is no package {path} here ({error}); generate it first") from None
    client: object = getattr(module, f"{service}Client", None)
    if not (isinstance(client, type) and issubclass(client, Client)):
        raise WrongUse(f"{package} has no service {service}")
    methods = {each.name: each for each in client.__contract__.methods}
    if method not in methods:
        raise WrongUse(f"{service} has no method {method}; it has {', '.join(methods)}")
    words = "".join(word[:1].upper() + word[1:] for word in method.split("_"))
    params: object = getattr(module, f"{service}{words}Params", None)
    if isinstance(params, type) and issubclass(params, Model):
        return Found(client, methods[method], params)
    return Found(client, methods[method], None)


def read_arguments(found: Found, arguments: Sequence[str]) -> dict[str, Any]:
    """Keywords for the client's method, from `name=value` each.

    A value is JSON if it can be read so and the contract takes it, else a string.

    Raises:
        WrongUse: they do not fit the contract.
    """
    texts: dict[str, str] = {}
    for argument in arguments:
        name, equals, text = argument.partition("=")
        if not equals:
            raise WrongUse(f"{argument}: write arguments like name=value")
        texts[name] = text
    if found.params is None:
        if texts:
            raise WrongUse(f"{found.method.full_name} takes no arguments")
        return {}
    unknown = texts.keys() - _names_of(found.params)
    if unknown:
        names = ", ".join(sorted(_names_of(found.params)))
        raise WrongUse(
            f"{found.method.full_name} has no {', '.join(sorted(unknown))}; only {names}"
        )
    values = {name: _plain(text) for name, text in texts.items()}
    for _ in range(2):
        try:
            params = found.params.model_validate_json(json.dumps(values))
        except ValidationError as error:
            wrong = {str(each["loc"][0]): each["msg"] for each in error.errors() if each["loc"]}
            if all(values.get(name) == texts.get(name) for name in wrong):
                lines = [f"{name}: {text}" for name, text in wrong.items()]
                raise WrongUse("\n".join(lines) or str(error)) from None
            # `room=7`, where a room has a name.
            values.update({name: texts[name] for name in wrong if name in texts})
        else:
            return {name: getattr(params, name) for name in params.model_fields_set}
    raise WrongUse("the arguments do not fit the contract")


def reach(
    target: str,
    *,
    identity: Identity,
    direct: bool,
    token: str | None,
    context: tls.SSLContext | None,
    timeout_s: float,
    insecure_plaintext: bool,
) -> AbstractAsyncContextManager[WebsocketPromisifier]:
    """The conversation that `target` means; not begun yet."""
    url, key = urldefrag(target)
    if not key:
        return connect(url, ssl=context, timeout=timeout_s)
    if direct:
        return connect(url, ssl=context, timeout=timeout_s, identity=identity, to=key)
    return dial(
        url,
        to=key,
        identity=identity,
        token=token,
        ssl=context,
        timeout=timeout_s,
        insecure_plaintext=insecure_plaintext,
    )


async def make_call(
    conversation: AbstractAsyncContextManager[WebsocketPromisifier],
    found: Found,
    keywords: Mapping[str, Any],
    timeout_s: float,
    output: Path | None,
) -> None:
    """Call, and print the answer."""
    async with conversation as peer:
        client = found.client(peer, timeout=timeout_s)
        result = await getattr(client, found.method.name)(**keywords)
        if isinstance(result, ByteStream | TextStream):
            await _write_stream(result, output)
        else:
            text = json.dumps(json.loads(found.method.returns.encode(result)), indent=2)
            typer.echo(text)


async def _write_stream(stream: ByteStream | TextStream, output: Path | None) -> None:
    async with stream:
        if output is not None:
            saved = await stream.save_to(output)
            typer.echo(f"{saved.size} bytes in {saved.path}, SHA-256 {saved.sha256}", err=True)
        elif isinstance(stream, ByteStream):
            async for block in stream:
                sys.stdout.buffer.write(block)
            sys.stdout.buffer.flush()
        else:
            async for text in stream:
                sys.stdout.write(text)
            sys.stdout.flush()


def _plain(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _names_of(params: type[Model]) -> set[str]:
    return {field.alias or name for name, field in params.model_fields.items()}


def _configured_root() -> str:
    try:
        project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return "generated"
    settings: object = project.get("tool", {}).get("duologue", {}).get("import_root", "generated")
    return str(settings)
