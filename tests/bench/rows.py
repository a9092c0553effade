"""The rows of the tables: what is compared, from which environment, as which programs."""

import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Final

from duologue.bench.programs import Running, Subject, command_of, running
from tests.bench.environments import interpreter_of, node_modules_of, python_with_duologue
from tests.other_pythons import VERSIONS

ROOT: Final = Path(__file__).parents[2]

OURS: Final = "tests.bench.ours"
ROUTED: Final = "tests.bench.ours_routed"
RELAY: Final = "tests.bench.relay_broker"
PEERS: Final = "tests.bench.peers."


class Group(Enum):
    """The tables, by their titles."""

    DIRECT = "Direct"
    NODE = "On Node"
    PYTHONS = "duologue on other Pythons"
    ROUTED = "Routed (server is broker + service)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row(Subject):
    """A subject with what its table says of it."""

    group: Group = Group.DIRECT
    environment: str | None = None
    """A file of pins below `peers/pins`; None is the interpreter that runs the comparison."""
    python: str = ""
    """The version of another Python that runs it, with duologue."""
    note: str = ""
    """What a reader has to know to judge the row."""
    skipped: tuple[str, ...] = ()
    """Phases that would say nothing here."""


def start(row: Row, cache: Path) -> AbstractContextManager[Running]:
    """The programs of a row, in the environment that it names, which is made if it is not there.

    Raises:
        CannotInstall: pip or npm refused, or took too long, or this machine has no such Python.
        ProgramFailed (on entering): one of them did not start.
    """
    if row.group is Group.NODE:
        assert row.environment is not None
        modules = node_modules_of(row.environment, cache)
        return running(row, _on_node, {"NODE_PATH": str(modules)}, modules=ROOT)
    if row.python:
        python = python_with_duologue(row.python)
    else:
        python = interpreter_of(row.environment, cache)
    return running(row, command_of(python), modules=ROOT)


def _on_node(module: str, _is_alone: bool) -> Sequence[str]:
    return [sys.executable, "-P", "-m", "tests.bench.pinned", "node", str(ROOT / module)]


GRPC: Final = Row(
    name="grpc.aio",
    module=PEERS + "grpc_aio",
    is_alone=True,
    environment="grpc",
)
GRPCLIB: Final = Row(
    name="grpclib",
    module=PEERS + "grpclib_rpc",
    is_alone=True,
    environment="grpclib",
)
CONNECT: Final = Row(
    name="connectrpc",
    module=PEERS + "connect_rpc",
    is_alone=True,
    environment="connectrpc",
    note=(
        "granian serves (one worker), pyqwest calls; it opens HTTP/1.1 connections as needed, "
        "which have no items both ways"
    ),
    skipped=("idle",),
)
RIVER: Final = Row(
    name="replit-river",
    module=PEERS + "replit_river_rpc",
    is_alone=True,
    environment="replit-river",
    note=(
        "0.14.1: later versions do not import on Python 3.11; its buffer is raised for the stream; "
        "items both ways are left out: at 500 a second they take half a minute a round"
    ),
    skipped=("exchange",),
)
AIORPCX: Final = Row(
    name="aiorpcX",
    module=PEERS + "json_rpc_aiorpcx",
    is_alone=True,
    environment="aiorpcx",
    note="pydantic by hand; throttling switched off",
)
CAPNP: Final = Row(
    name="pycapnp",
    module=PEERS + "pycapnp_rpc",
    is_alone=True,
    environment="pycapnp",
)
WEBSOCKETS: Final = Row(
    name="raw `websockets` echo",
    module="duologue.bench.websockets_echo",
    is_alone=True,
    note="text or bytes back as they came: no calls, no types",
)
PICOWS: Final = Row(
    name="raw picows echo",
    module=PEERS + "raw_picows",
    is_alone=True,
    environment="picows",
    note="text or bytes back as they came: no calls, no types",
)
PLAIN: Final = Row(
    name="duologue, `def` handler",
    module=OURS,
)
ASYNC: Final = Row(name="duologue, `async def` handler", module=OURS, kind="async")
UVLOOP: Final = Row(name="duologue, `def`, uvloop", module=OURS, kind="uvloop")

CAPNWEB: Final = Row(
    name="capnweb",
    module="tests/bench/peers/node/capnweb_rpc.cjs",
    group=Group.NODE,
    environment="capnweb",
    note="JSON over one WebSocket of `ws`; its types are those of TypeScript, nothing is validated",
    skipped=("idle",),
)
CONNECT_ES: Final = Row(
    name="connect-es",
    module="tests/bench/peers/node/connect_es.cjs",
    group=Group.NODE,
    environment="connect-es",
    note="HTTP/2 and protobuf",
    skipped=("idle",),
)

ON_OTHERS: Final = tuple(
    replace(
        row,
        name=f"{row.name}, Python {version}",
        group=Group.PYTHONS,
        python=version,
        skipped=("256", "blob", "upload", "exchange"),
    )
    for version in VERSIONS
    for row in (PLAIN, ASYNC)
)

NATS: Final = Row(
    name="NATS",
    module=PEERS + "nats_broker",
    is_alone=True,
    environment="nats",
    broker=PEERS + "nats_broker",
    is_routed=True,
    group=Group.ROUTED,
    note="plaintext; the broker is nats-server (Go); pydantic by hand",
)
CROSSBAR: Final = Row(
    name="WAMP through crossbar",
    module=PEERS + "wamp_crossbar",
    is_alone=True,
    environment="crossbar",
    broker=PEERS + "wamp_crossbar",
    is_routed=True,
    group=Group.ROUTED,
    note="plaintext, JSON; both ends are autobahn with asyncio; pydantic by hand",
)
HYPHA: Final = Row(
    name="hypha",
    module=PEERS + "hypha_broker",
    is_alone=True,
    environment="hypha",
    broker=PEERS + "hypha_broker",
    is_routed=True,
    group=Group.ROUTED,
    note="plaintext, msgpack; pydantic by hand; its limits of messages a second are lifted",
    skipped=("idle",),
)
PLAIN_RELAY: Final = Row(
    name="duologue through a plain `websockets` relay",
    module=ROUTED,
    broker=PEERS + "websockets_relay",
    is_routed=True,
    group=Group.ROUTED,
    note="plaintext; a pump of two loops, nothing else",
    skipped=("set-up", "idle"),
)
MET: Final = Row(
    name="duologue through `duologue relay`, unencrypted",
    module=ROUTED,
    broker=RELAY,
    is_routed=True,
    group=Group.ROUTED,
    kind="meet",
    note="joined at a meeting point; the relay as in the next row",
    skipped=("set-up", "idle"),
)
SEALED: Final = Row(
    name="duologue through `duologue relay`, encrypted",
    module=ROUTED,
    broker=RELAY,
    is_routed=True,
    group=Group.ROUTED,
    kind="listen",
    note=(
        "`listen` and `dial`, sealed end to end; the relay runs as in production (uvloop), but "
        "with its limits on frames, registrations and requests raised"
    ),
)
CROSSED: Final = Row(
    name="duologue through two nodes of a cluster, encrypted",
    module=ROUTED,
    broker="tests.bench.cluster_broker",
    is_routed=True,
    group=Group.ROUTED,
    kind="listen,across",
    note="as the row before, but caller and listener have come to different nodes",
)

ROWS: Final = (
    GRPC,
    GRPCLIB,
    CONNECT,
    RIVER,
    AIORPCX,
    CAPNP,
    WEBSOCKETS,
    PICOWS,
    PLAIN,
    ASYNC,
    UVLOOP,
    CAPNWEB,
    CONNECT_ES,
    *ON_OTHERS,
    NATS,
    CROSSBAR,
    HYPHA,
    PLAIN_RELAY,
    MET,
    SEALED,
    CROSSED,
)
