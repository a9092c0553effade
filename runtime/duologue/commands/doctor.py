"""The command `duologue doctor`."""

import asyncio
import importlib.util
import json
import textwrap
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from duologue.commands.authorities import trusting
from duologue.commands.outcome import EXIT_FAILED, EXIT_USAGE, Format
from duologue.commands.relay_examination import Examination, Finding, Verdict
from duologue.errors import UnsafeKeyFile
from duologue.foreign_text import shown
from duologue.identity import Identity
from duologue.protocol.wording import words_of
from duologue.relay.access import BadAccessFile
from duologue.relay.client.known_relays import KnownRelays, default_file, relay_name
from duologue.relay.server.config import (
    BadConfiguration,
    environment_of_process,
    read_configuration,
)
from duologue.relay.server.watched_files import AccessFiles


def doctor(
    url: Annotated[str, typer.Argument(help="A relay, for instance wss://relay.example.org.")] = "",
    cluster: Annotated[
        bool, typer.Option("--cluster", help="Look at the cluster of --config, from a node of it.")
    ] = False,
    config: Annotated[
        Path | None, typer.Option("--config", "-c", help="The relay's TOML file, for --cluster.")
    ] = None,
    token: Annotated[
        str | None,
        typer.Option(envvar="DUOLOGUE_TOKEN", help="A bearer token, if it asks for one."),
    ] = None,
    key_file: Annotated[
        Path | None, typer.Option(help="An identity that may register; else a new one is tried.")
    ] = None,
    ca_file: Annotated[Path | None, typer.Option(help="Authorities to trust, PEM.")] = None,
    known_relays: Annotated[Path | None, typer.Option(help="The file of pinned keys.")] = None,
    timeout: Annotated[float, typer.Option(min=0.001, help="For each step, in seconds.")] = 10.0,
    forget_key: Annotated[
        bool, typer.Option("--forget-key", help="Forget the pinned key of this relay, and end.")
    ] = False,
    format: Annotated[Format, typer.Option("--format", help="json: one object.")] = Format.text,
) -> None:
    """Look whether a relay is all right: TLS, its key, registering, being called, the way there.

    Registers a listener, calls it through the relay, and compares. Exit code 1 if anything is bad.
    """
    if cluster:
        _look_at_cluster(config, timeout, format)
        return
    parts = urlsplit(url)
    if parts.scheme not in ("ws", "wss") or not parts.hostname:
        typer.echo("The address of a relay starts with ws:// or wss://.", err=True)
        raise typer.Exit(EXIT_USAGE)
    address, hash_sign, _ = url.partition("#")
    if hash_sign:
        typer.echo(
            f"doctor looks at the relay, whoever is behind it: write {shown(address)}, without "
            "#KEY; duologue call reaches the service with that key.",
            err=True,
        )
        raise typer.Exit(EXIT_USAGE)
    pins_file = known_relays or default_file()
    try:
        if forget_key:
            forgotten = KnownRelays(pins_file).forget(url)
            what = "key forgotten" if forgotten else "no key was kept"
            typer.echo(f"{relay_name(url)}: {what}")
            return
        context = trusting(ca_file)
        identity = Identity.generate() if key_file is None else Identity.load(key_file)
    except (OSError, UnsafeKeyFile) as error:
        typer.echo(words_of(error), err=True)
        raise typer.Exit(EXIT_USAGE) from None
    examination = Examination(
        url,
        pins_file=pins_file,
        context=context if parts.scheme == "wss" else None,
        token=token,
        identity=identity,
        timeout_s=timeout,
        on_waiting=partial(typer.echo, err=True),
    )
    asyncio.run(examination.run())
    _tell(url, examination.findings, format)


def _tell(name: str, findings: Sequence[Finding], format: Format) -> None:
    is_bad = any(each.verdict is Verdict.bad for each in findings)
    if format is Format.json:
        found = [asdict(each) for each in findings]
        typer.echo(json.dumps({"url": name, "good": not is_bad, "findings": found}))
    else:
        typer.echo(report(name, findings))
    if is_bad:
        raise typer.Exit(EXIT_FAILED)


def _look_at_cluster(config: Path | None, timeout_s: float, format: Format) -> None:
    if importlib.util.find_spec("nats") is None:
        typer.echo("--cluster needs the extra `cluster`: pip install 'duologue[cluster]'", err=True)
        raise typer.Exit(EXIT_USAGE)
    from duologue.commands.cluster_examination import ClusterExamination
    from duologue.relay.cluster.assembly import ClusterParts
    from duologue.relay.cluster.cluster_keys import BadClusterSecret

    try:
        configuration = read_configuration(config, environment_of_process(), {})
        if configuration.cluster is None or configuration.key_file is None:
            raise BadConfiguration("--cluster: give the --config of a relay that has [cluster]")
        parts = ClusterParts(configuration.cluster)
        identity = Identity.load(configuration.key_file)
        access = None
        if not configuration.is_open:
            access = AccessFiles(configuration.access.allow_file, configuration.access.token_file)
    except (BadConfiguration, BadClusterSecret, BadAccessFile, OSError, UnsafeKeyFile) as error:
        typer.echo(words_of(error), err=True)
        raise typer.Exit(EXIT_USAGE) from None
    examination = ClusterExamination(configuration, parts, identity, access, timeout_s)
    asyncio.run(examination.run())
    _tell(f"Cluster {configuration.cluster.name}", examination.findings, format)


def report(url: str, findings: Sequence[Finding]) -> str:
    """What was found, for people: a line for each thing, and a last one that sums it up."""
    marks = {"good": "ok", "doubtful": "??", "bad": "NO", "skipped": "--"}
    lines: list[str] = []
    for each in findings:
        lines.append(f"{marks[each.verdict.value]}  {each.what:<14} {each.text}")
        if each.advice:
            lines += textwrap.wrap(
                each.advice, 76, initial_indent=" " * 19, subsequent_indent=" " * 19
            )
    bad = [each.what for each in findings if each.verdict is Verdict.bad]
    doubtful = [each.what for each in findings if each.verdict is Verdict.doubtful]
    if bad:
        lines.append(f"{url} is not all right: {', '.join(bad)}.")
    elif doubtful:
        lines.append(f"{url} works; look at: {', '.join(doubtful)}.")
    else:
        lines.append(f"{url} is all right.")
    return "\n".join(lines)
