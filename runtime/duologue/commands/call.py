"""The command `duologue call`: its words. What it does is imported when it is done."""

from pathlib import Path
from typing import Annotated

import typer

from duologue.commands.name_completion import complete_argument, complete_method


def call(
    target: Annotated[
        str,
        typer.Argument(help="ws(s)://HOST for a service there, wss://RELAY#KEY for one behind it."),
    ],
    method: Annotated[
        str | None,
        typer.Argument(help="As in chat.rooms.v1.Rooms/join.", autocompletion=complete_method),
    ] = None,
    arguments: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME=VALUE | JSON | @FILE | -",
            help="Values: JSON, a plain string, @FILE or -. An object holds all of them. @FILE "
            "or - alone: that object, or the items that are sent.",
            autocompletion=complete_argument,
        ),
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
    timeout: Annotated[
        float | None,
        typer.Option(
            min=0.001,
            help="For reaching it and for the call, s; with items, until the first of them.",
            show_default="30; with items the contract's",
        ),
    ] = None,
    packages: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Where generated packages are imported from.",
            show_default="from pyproject.toml",
        ),
    ] = None,
    schema: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Use the contract below this folder, not a package."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where a stream, or bytes, are written to.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="End the call after so many items.")
    ] = None,
    proxy: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="The way there: http://HOST:PORT or socks5h://HOST:PORT; none: no proxy.",
            show_default="from the environment",
        ),
    ] = None,
    events: Annotated[
        str | None,
        typer.Option(
            metavar="SERVICE/EVENT",
            help="Watch events, one JSON line each; no call is made. Arguments: key, replay.",
        ),
    ] = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Show each message and its time, in shape.")
    ] = False,
    insecure_plaintext: Annotated[
        bool, typer.Option("--insecure-plaintext", help="Allow a ws: relay elsewhere.")
    ] = False,
    lists: Annotated[
        bool, typer.Option("--list", help="Show what the other side offers; no call is made.")
    ] = False,
    describe: Annotated[
        str | None,
        typer.Option(
            metavar="SERVICE[/METHOD]",
            help="Show its contract as the other side has it; no call is made.",
        ),
    ] = None,
) -> None:
    """Make one typed call; prints the answer as JSON.

    The method is looked up in the packages generated here, or in the schema folder if it has not
    been generated: duologue call wss://RELAY#KEY chat.rooms.v1.Rooms/join room=lobby name=Ann

    If it is in neither, the other side is asked for the contract. --list and --describe show what
    it offers.

    A stream is written to --output, or to standard output. Items come as JSON lines, those that are
    bytes as they are, and the result last. Items to send are read from @FILE or from standard
    input: JSON lines, or bytes.

    Methods and events may be named shortly, as Rooms/join or join, where that means one.

    Exit code 1 if the call fails; what the service said of it is on standard error, as JSON where
    it has a code. Ctrl-C cancels the call; the exit code is 130 then.
    """
    # A shell that completes a line of this command loads it each time: what the call itself needs,
    # such as models and connections, takes five times as long.
    from duologue.commands.calling import Wishes, carry_out

    carry_out(
        Wishes(
            target=target,
            method=method,
            arguments=arguments or [],
            key_file=key_file,
            direct=direct,
            token=token,
            ca_file=ca_file,
            timeout_s=timeout,
            packages=packages,
            schema=schema,
            output=output,
            limit=limit,
            proxy=proxy,
            events=events,
            is_verbose=verbose,
            insecure_plaintext=insecure_plaintext,
            lists=lists,
            describe=describe,
        )
    )
