"""The command `duologue relay`."""

import asyncio
import importlib.util
import json
import logging
import secrets
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from duologue.commands.outcome import EXIT_FAILED, EXIT_GOOD, EXIT_USAGE, Format
from duologue.commands.service_manager import notify, watchdog_interval_s
from duologue.errors import UnsafeKeyFile
from duologue.identity import Identity
from duologue.protocol.wording import words_of
from duologue.relay.access import BadAccessFile, new_token
from duologue.relay.addresses import is_loopback
from duologue.relay.server.admin import AdminServer
from duologue.relay.server.config import (
    BadConfiguration,
    ClusterTable,
    RelayConfiguration,
    environment_of_process,
    read_configuration,
)
from duologue.relay.server.logs import EventLog, JsonLines, PlainLines
from duologue.relay.server.metrics import CONTENT_TYPE, RelayMetrics
from duologue.relay.server.server import RelayServer
from duologue.relay.server.setting_places import as_toml
from duologue.relay.server.watched_files import AccessFiles, TlsFiles
from duologue.running import loop_factory, stop_signals

if TYPE_CHECKING:
    from duologue.relay.cluster.assembly import ClusterParts
    from duologue.relay.cluster.node import ClusterNode

UNHANDLED_EVERY_S: Final = 10.0
"""How often the same complaint of the event loop is logged: a machine without free file
descriptors has one every second."""

_log: Final = logging.getLogger("duologue.relay")


def relay(
    config: Annotated[
        Path | None, typer.Option("--config", "-c", help="A TOML file; flags go before it.")
    ] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen at.")] = None,
    port: Annotated[int | None, typer.Option(help="Port; 0 for any free one.")] = None,
    name: Annotated[
        list[str] | None, typer.Option(help="Name by which clients reach it; repeatable.")
    ] = None,
    key_file: Annotated[
        Path | None, typer.Option(help="The relay's own key; made if there is none.")
    ] = None,
    allow_file: Annotated[Path | None, typer.Option(help="Keys that may use it.")] = None,
    token_file: Annotated[Path | None, typer.Option(help="Hashes of tokens that may.")] = None,
    tls_certificate: Annotated[Path | None, typer.Option(help="Certificate chain, PEM.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="The certificate's key, PEM.")] = None,
    admin_port: Annotated[
        int | None, typer.Option(help="Loopback port for /livez /readyz /metrics /version.")
    ] = None,
    insecure_plaintext: Annotated[
        bool, typer.Option("--insecure-plaintext", help="Allow ws: beyond this machine.")
    ] = False,
    meeting_points: Annotated[
        bool, typer.Option("--meeting-points", help="Serve meeting points: no keys, no secrecy.")
    ] = False,
    log_keys: Annotated[
        str | None, typer.Option(help="hashed (default) or full, for finding faults.")
    ] = None,
    format: Annotated[
        Format, typer.Option("--format", help="json: one object in each line, logs too.")
    ] = Format.text,
    check_config: Annotated[
        bool, typer.Option("--check-config", help="Say whether all is well, and end.")
    ] = False,
    print_config: Annotated[
        bool, typer.Option("--print-config", help="Print all settings, in TOML, and end.")
    ] = False,
    make_token: Annotated[
        bool, typer.Option("--make-token", help="Make a token and its line, and end.")
    ] = False,
    cluster_node: Annotated[
        str | None, typer.Option(help="This node's name in the cluster; each once.")
    ] = None,
    cluster_listen: Annotated[
        str | None, typer.Option(help="host:port for the other nodes of the cluster.")
    ] = None,
    make_cluster_secret: Annotated[
        bool, typer.Option("--make-cluster-secret", help="Make a secret for a cluster, and end.")
    ] = False,
) -> None:
    """Run a communication server: it joins peers that can only connect out.

    Settings come from the file, then from DUOLOGUE_RELAY_* in the environment, then from here.
    SIGTERM or Ctrl-C ends it gracefully, twice at once. How to put one on a server: RELAY.md.
    """
    if make_token:
        _make_token(format)
        return
    if make_cluster_secret:
        typer.echo(secrets.token_hex(32))
        return
    flags = _flags(
        host=host,
        port=port,
        names=name,
        key_file=key_file,
        access=_flags(allow_file=allow_file, token_file=token_file),
        tls=_flags(certificate_file=tls_certificate, key_file=tls_key),
        admin=_flags(port=admin_port),
        cluster=_flags(node=cluster_node, listen=cluster_listen),
        insecure_plaintext=insecure_plaintext or None,
        meeting_points=meeting_points or None,
        log=_flags(keys=log_keys, format="json" if format is Format.json else None),
    )
    try:
        configuration = read_configuration(config, environment_of_process(), flags)
        if print_config:
            settings = configuration.model_dump(mode="json")
            is_json = format is Format.json
            typer.echo(json.dumps(settings, indent=2) if is_json else as_toml(settings), nl=is_json)
            return
        # Also when only checked: files that cannot be read are what one wants to hear of.
        parts = _Parts(configuration, create_key=not check_config)
    except (BadConfiguration, BadAccessFile, UnsafeKeyFile, NoCluster) as error:
        typer.echo(words_of(error), err=True)
        raise typer.Exit(EXIT_USAGE) from None
    except BrokenPipeError:
        # Whoever reads what is printed has had enough.
        raise
    except OSError as error:
        typer.echo(f"{error.filename or 'a file'}: {error.strerror or error}", err=True)
        raise typer.Exit(EXIT_USAGE) from None
    if check_config:
        typer.echo("The configuration is good.")
        return
    _set_up_logging(configuration)
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        raise typer.Exit(runner.run(_Run(configuration, parts, format).until_told()))


def _flags(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value not in (None, {})}


def _make_token(format: Format) -> None:
    token, line = new_token()
    if format is Format.json:
        typer.echo(json.dumps({"token": token, "line": line}))
        return
    typer.echo("For its bearer, shown only now:", err=True)
    typer.echo(token)
    typer.echo("For the token file, followed by register, request or both:", err=True)
    typer.echo(line)


def _set_up_logging(configuration: RelayConfiguration) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if configuration.log.format == "json" else PlainLines())
    logger = logging.getLogger("duologue")
    logger.addHandler(handler)
    logger.setLevel(configuration.log.level.upper())
    logger.propagate = False


class NoCluster(ValueError):
    """A cluster is configured that cannot be: its secret is no good, or something is missing."""


def _read_cluster(table: ClusterTable) -> "ClusterParts":
    """Imported only here: a relay that is alone needs nothing of it."""
    if importlib.util.find_spec("nats") is None:
        raise NoCluster("cluster: needs the extra `cluster`: pip install 'duologue[cluster]'")
    from duologue.relay.cluster.assembly import ClusterParts
    from duologue.relay.cluster.cluster_keys import BadClusterSecret

    try:
        return ClusterParts(table)
    except BadClusterSecret as error:
        raise NoCluster(words_of(error)) from None


class _Parts:
    """What is read from files before anything runs."""

    def __init__(self, configuration: RelayConfiguration, *, create_key: bool) -> None:
        self.identity: Identity | None = None
        key_file = configuration.key_file
        if key_file is not None:
            if create_key:
                self.identity = Identity.load_or_create(key_file)
            elif key_file.exists():
                self.identity = Identity.load(key_file)
        self.access: AccessFiles | None = None
        if not configuration.is_open:
            table = configuration.access
            self.access = AccessFiles(table.allow_file, table.token_file)
        self.tls: TlsFiles | None = None
        if configuration.tls is not None:
            self.tls = TlsFiles(configuration.tls.certificate_file, configuration.tls.key_file)
        self.cluster: ClusterParts | None = None
        if configuration.cluster is not None:
            self.cluster = _read_cluster(configuration.cluster)


class _Run:
    """One relay from its start to its end."""

    def __init__(self, configuration: RelayConfiguration, parts: _Parts, format: Format) -> None:
        self._configuration = configuration
        self._parts = parts
        self._format = format
        self._told = asyncio.Event()
        self._told_twice = asyncio.Event()
        self._last_complaint_s = float("-inf")
        self._metrics = RelayMetrics()
        self._node: ClusterNode | None = None

    async def until_told(self) -> int:
        """Serve until a signal comes; returns the exit code."""
        configuration = self._configuration
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._on_unhandled)
        log = EventLog(
            secret=secrets.token_bytes(32),
            clock=time.time,
            full_keys=configuration.log.keys == "full",
        )
        next_key = configuration.next_key
        server = RelayServer(
            host=configuration.host,
            port=configuration.port,
            identity=self._parts.identity,
            next_key=None if next_key is None else bytes.fromhex(next_key),
            limits=configuration.limits,
            access=self._parts.access,
            tls=self._parts.tls,
            hosts=configuration.names,
            origins=configuration.origins,
            trusted_proxies=configuration.trusted_proxies,
            observers=(log, self._metrics),
            meeting_points=configuration.meeting_points,
        )
        self._metrics.observe(server)
        self._node = self._make_node(server)
        admin = AdminServer(server, self._metrics.exposition, CONTENT_TYPE)
        try:
            if self._node is not None:
                await self._node.start()
            await server.start()
            if configuration.admin is not None:
                await admin.start(configuration.admin.host, configuration.admin.port)
        except (OSError, ValueError) as error:
            await (self._node or server).close()
            typer.echo(f"cannot listen: {words_of(error)}", err=True)
            return EXIT_USAGE
        with stop_signals(loop, self._on_signal):
            self._warn()
            self._announce(server, admin)
            watchdog = asyncio.create_task(_feed_watchdog())
            await self._told.wait()
            _log.info("draining")
            notify("STOPPING=1")
            exit_code = await self._drain(server)
        watchdog.cancel()
        await admin.close()
        return exit_code

    def _make_node(self, server: RelayServer) -> "ClusterNode | None":
        parts, identity = self._parts.cluster, self._parts.identity
        if parts is None or identity is None:
            return None
        from duologue.relay.cluster.metrics import ClusterMetrics

        metrics = ClusterMetrics(self._metrics.registry)
        next_key = self._configuration.next_key
        node, bus = parts.make_node(
            server, identity, None if next_key is None else bytes.fromhex(next_key), metrics.observe
        )
        metrics.show(node, bus)
        return node

    async def _drain(self, server: RelayServer) -> int:
        whole = self._node or server
        draining = asyncio.create_task(whole.drain())
        impatient = asyncio.create_task(self._told_twice.wait())
        await asyncio.wait((draining, impatient), return_when=asyncio.FIRST_COMPLETED)
        is_drained = draining.done()
        for task in (draining, impatient):
            task.cancel()
        await asyncio.wait((draining, impatient))
        if is_drained:
            return EXIT_GOOD
        await whole.close()
        return EXIT_FAILED

    def _on_signal(self, _number: int) -> None:
        (self._told_twice if self._told.is_set() else self._told).set()

    def _warn(self) -> None:
        configuration = self._configuration
        if configuration.tls is None and not is_loopback(configuration.host):
            _log.warning("plain text beyond this machine: who speaks with whom can be seen")
        if configuration.key_file is None:
            _log.warning("no key_file: the relay's key is new and clients cannot pin it")
        if configuration.meeting_points:
            _log.warning("meeting points are served: what goes through them can be read here")

    def _announce(self, server: RelayServer, admin: AdminServer) -> None:
        notify("READY=1")
        identity = self._parts.identity
        if self._format is Format.json:
            line: dict[str, Any] = {"event": "listening", "url": server.url}
            if admin.port:
                line["admin"] = f"http://{_shown(self._configuration)}:{admin.port}"
            if identity is not None:
                line["publicKey"] = str(identity)
            if self._node is not None:
                line["nodeLink"] = self._node.link
            print(json.dumps(line), flush=True)
            return
        print(f"listening on {server.url}", flush=True)
        if admin.port:
            print(f"admin on http://{_shown(self._configuration)}:{admin.port}", flush=True)
        if identity is not None:
            print(f"relay key {identity}", flush=True)

    def _on_unhandled(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if not isinstance(error, OSError):
            self._metrics.unhandled.inc()
        elif loop.time() - self._last_complaint_s < UNHANDLED_EVERY_S:
            return
        else:
            self._last_complaint_s = loop.time()
        _log.error("%s: %r", context.get("message"), error, exc_info=error)


def _shown(configuration: RelayConfiguration) -> str:
    host = "" if configuration.admin is None else configuration.admin.host
    return f"[{host}]" if ":" in host else host


async def _feed_watchdog() -> None:
    interval_s = watchdog_interval_s()
    while interval_s is not None:
        await asyncio.sleep(interval_s)
        notify("WATCHDOG=1")
