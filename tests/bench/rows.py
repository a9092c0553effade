"""The rows of the table: what is compared, from which environment, as which programs."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from duologue.bench.programs import Running, Subject, running
from tests.bench.environments import interpreter_of

ROOT: Final = Path(__file__).parents[2]

OURS: Final = "tests.bench.ours"
ROUTED: Final = "tests.bench.ours_routed"
RELAY: Final = "tests.bench.relay_broker"
PEERS: Final = "tests.bench.peers."


@dataclass(frozen=True, slots=True, kw_only=True)
class Row(Subject):
    """A subject with what the table says of it."""

    environment: str | None = None
    """A file of pins below `peers/pins`; None is the interpreter that runs the comparison."""
    note: str = ""
    """What a reader has to know to judge the row."""
    skipped: tuple[str, ...] = ()
    """Phases that would say nothing here."""


def start(row: Row, cache: Path) -> AbstractContextManager[Running]:
    """The programs of a row, in the environment that it names, which is made if it is not there.

    Raises:
        CannotInstall: pip refused, or took too long.
        ProgramFailed (on entering): one of them did not start.
    """
    return running(row, interpreter_of(row.environment, cache), modules=ROOT)


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

NATS: Final = Row(
    name="NATS",
    module=PEERS + "nats_broker",
    is_alone=True,
    environment="nats",
    broker=PEERS + "nats_broker",
    is_routed=True,
    note="plaintext; the broker is nats-server (Go); pydantic by hand",
)
CROSSBAR: Final = Row(
    name="WAMP through crossbar",
    module=PEERS + "wamp_crossbar",
    is_alone=True,
    environment="crossbar",
    broker=PEERS + "wamp_crossbar",
    is_routed=True,
    note="plaintext, JSON; both ends are autobahn with asyncio; pydantic by hand",
)
HYPHA: Final = Row(
    name="hypha",
    module=PEERS + "hypha_broker",
    is_alone=True,
    environment="hypha",
    broker=PEERS + "hypha_broker",
    is_routed=True,
    note="plaintext, msgpack; pydantic by hand; it drops the service when 256 calls are in flight",
    skipped=("256", "idle"),
)
PLAIN_RELAY: Final = Row(
    name="duologue through a plain `websockets` relay",
    module=ROUTED,
    broker=PEERS + "websockets_relay",
    is_routed=True,
    note="plaintext; a pump of two loops, nothing else",
    skipped=("set-up", "idle"),
)
MET: Final = Row(
    name="duologue through `duologue relay`, unencrypted",
    module=ROUTED,
    broker=RELAY,
    is_routed=True,
    kind="meet",
    note="joined at a meeting point; the relay as in the next row",
    skipped=("set-up", "idle"),
)
SEALED: Final = Row(
    name="duologue through `duologue relay`, encrypted",
    module=ROUTED,
    broker=RELAY,
    is_routed=True,
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
    NATS,
    CROSSBAR,
    HYPHA,
    PLAIN_RELAY,
    MET,
    SEALED,
    CROSSED,
)
