"""The rows of the table: what is compared, from which environment, as which programs."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

OURS: Final = "tests.bench.ours"
PEERS: Final = "tests.bench.peers."


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One of the compared: a server and a client, or a broker with a service and a client at it."""

    name: str
    module: str
    """The program; what it does depends on its first argument (see `load.main`)."""
    environment: str | None = None
    """A file of pins below `peers/pins`; None is the interpreter that runs the comparison."""
    broker: str | None = None
    """The program of the broker, where it is another one than `module`."""
    is_routed: bool = False
    kind: str = ""
    """For `ours.KIND`."""
    note: str = ""
    """What a reader has to know to judge the row."""
    skipped: Sequence[str] = field(default=())
    """Figures that would say nothing here."""


GRPC: Final = Row(
    name="grpc.aio",
    module=PEERS + "grpc_aio",
    environment="grpc",
)
CONNECT: Final = Row(
    name="connectrpc",
    module=PEERS + "connect_rpc",
    environment="connectrpc",
    note="granian serves (one worker), pyqwest calls; it opens HTTP/1.1 connections as needed",
    skipped=("idle",),
)
RIVER: Final = Row(
    name="replit-river",
    module=PEERS + "replit_river_rpc",
    environment="replit-river",
    note="0.14.1: later versions do not import on Python 3.11",
)
AIORPCX: Final = Row(
    name="aiorpcX",
    module=PEERS + "json_rpc_aiorpcx",
    environment="aiorpcx",
    note="pydantic by hand; throttling switched off",
)
CAPNP: Final = Row(name="pycapnp", module=PEERS + "pycapnp_rpc", environment="pycapnp")
WEBSOCKETS: Final = Row(
    name="raw `websockets` echo",
    module=PEERS + "raw_websockets",
    note="text back as it came: no calls, no types",
)
PICOWS: Final = Row(
    name="raw picows echo",
    module=PEERS + "raw_picows",
    environment="picows",
    note="text back as it came: no calls, no types",
)
PLAIN: Final = Row(
    name="duologue, `def` handler",
    module=OURS,
    note="stream items are pieces of text, without types",
)
ASYNC: Final = Row(name="duologue, `async def` handler", module=OURS, kind="async")
UVLOOP: Final = Row(name="duologue, `def`, uvloop", module=OURS, kind="uvloop")

NATS: Final = Row(
    name="NATS",
    module=PEERS + "nats_broker",
    environment="nats",
    is_routed=True,
    note="plaintext; the broker is nats-server (Go); pydantic by hand",
)
PLAIN_RELAY: Final = Row(
    name="plain `websockets` relay",
    module=OURS,
    broker=PEERS + "websockets_relay",
    is_routed=True,
    note="plaintext; both ends are duologue",
    skipped=("set-up", "idle"),
)

ROWS: Final = (
    GRPC,
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
    PLAIN_RELAY,
)
