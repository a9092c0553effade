"""`python -m tests.bench.curves`: how duologue grows, as pictures in `curves/`."""

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, TypeAlias

from duologue.bench.comparison import calls
from duologue.bench.load import Json
from duologue.bench.programs import Running, command_of, running
from tests.bench.contracts import run_compiler, write
from tests.bench.machine import describe
from tests.bench.ours import CHARACTERS, SERVICES, STREAMS, WINDOW
from tests.bench.relay_listeners import measure
from tests.bench.rows import ASYNC, PLAIN, ROOT, Row
from tests.bench.svg import Chart, Line

FOLDER: Final = Path(__file__).with_name("curves")

ROUNDS: Final = 3
SECONDS: Final = 0.3

IN_FLIGHT: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
SIZES: Final = (16, 256, 1024, 4096, 16_384, 65_536, 262_144, 524_288)
CONNECTIONS: Final = (1, 4, 16, 64, 256, 1024)
SERVICE_NUMBERS: Final = (1, 4, 16, 64, 256, 1024)
WINDOWS: Final = (8192, 16_384, 32_768, 65_536, 131_072, 262_144, 524_288, 1_048_576)
STREAM_NUMBERS: Final = (1, 4, 16, 64, 200)
TYPES: Final = (10, 30, 100, 300, 1000, 2000)

HANDLERS: Final = ((PLAIN, "def handler"), (ASYNC, "async def handler"))


LISTENERS: Final = (100, 300, 1000, 3000, 10_000)
LISTENING_S: Final = 30.0
"""Each is pinged every 20 s."""

Charts: TypeAlias = dict[str, Chart]
"""By the names of their files."""


def calls_by_in_flight(small_print: str) -> Charts:
    """Calls per second against calls in flight."""

    def order(in_flight: int) -> Json:
        return calls("small", in_flight, SECONDS)

    chart = Chart(
        title="Calls per second against calls in flight",
        x="calls in flight on one connection",
        y="calls/s",
        lines=[_line(row, name, IN_FLIGHT, order, "per_s") for row, name in HANDLERS],
        small_print=small_print,
    )
    return {"in-flight": chart}


def calls_by_payload(small_print: str) -> Charts:
    """Calls per second against the size of their payload."""

    def text(size: int) -> Json:
        return calls(size, 4, SECONDS)

    def blob(size: int) -> Json:
        return calls(size, 4, SECONDS, is_blob=True)

    chart = Chart(
        title="Calls per second against size, 4 in flight",
        x="characters of text, or bytes, in request and reply",
        y="calls/s",
        lines=[
            _line(PLAIN, "text", SIZES, text, "per_s"),
            _line(PLAIN, "bytes", SIZES, blob, "per_s"),
        ],
        small_print=small_print,
    )
    return {"payload": chart}


def calls_by_connections(small_print: str) -> Charts:
    """Calls per second of one server against the number of connections."""

    def order(connections: int) -> Json:
        return {
            "what": "spread",
            "connections": connections,
            "payload": "small",
            "in_flight": IN_FLIGHT[-1],
            "seconds": 2 * SECONDS,
        }

    chart = Chart(
        title="Calls per second against connections, 512 calls in flight, or one each",
        x="connections to one server",
        y="calls/s",
        lines=[_line(PLAIN, "def handler", CONNECTIONS, order, "per_s")],
        small_print=small_print,
    )
    return {"connections": chart}


def calls_by_services(small_print: str) -> Charts:
    """Calls per second against the number of services offered."""
    order = calls("small", 64, SECONDS)
    points: list[tuple[float, float]] = []
    for number in SERVICE_NUMBERS:
        _tell(f"{number} services")
        with running(PLAIN, command_of(), {SERVICES: str(number)}, ROOT) as programs:
            points.append((number, _median(programs, order, "per_s")))
    chart = Chart(
        title="Calls per second against services offered, 64 in flight",
        x="services that the server offers",
        y="calls/s",
        lines=[Line("def handler", points)],
        small_print=small_print,
    )
    return {"services": chart}


def items_by_window(small_print: str) -> Charts:
    """Items per second of one call against its window."""
    return _items(
        "items-window",
        "Items per second against the window of the call",
        "bytes that may be on the way or unread",
        WINDOW,
        WINDOWS,
        small_print,
    )


def items_by_size(small_print: str) -> Charts:
    """Items per second of one call against their size."""
    return _items(
        "items-size",
        "Items per second against their size",
        "characters of text in each item",
        CHARACTERS,
        SIZES[: SIZES.index(65_536) + 1],
        small_print,
    )


def items_by_streams(small_print: str) -> Charts:
    """Items per second of one connection against the calls they come in."""
    return _items(
        "items-streams",
        "Items per second against calls with items, side by side",
        "calls on one connection, all of them together",
        STREAMS,
        STREAM_NUMBERS,
        small_print,
    )


def _items(
    name: str, title: str, x: str, variable: str, xs: Sequence[int], small_print: str
) -> Charts:
    order: Json = {"what": "items", "flow": "stream", "seconds": SECONDS}
    points: list[tuple[float, float]] = []
    for each in xs:
        _tell(f"{name}, {each}")
        with running(PLAIN, command_of(), {variable: str(each)}, ROOT) as programs:
            points.append((each, _median(programs, order, "items_per_s")))
    lines = [Line("server to caller", points)]
    return {name: Chart(title=title, x=x, y="items/s", lines=lines, small_print=small_print)}


def compiler_by_types(small_print: str) -> Charts:
    """Seconds of `generate` and `check` against the size of the contract."""
    lines: dict[str, list[tuple[float, float]]] = {"generate": [], "check": []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for types in TYPES:
            schema = write(folder, types)
            for command, points in lines.items():
                _tell(f"{command}, {types} types")
                start = time.perf_counter()
                run_compiler(command, schema, folder / f"out{types}")
                points.append((types, time.perf_counter() - start))
    chart = Chart(
        title="Compiling a contract: one method and one params model per type",
        x="types in the contract",
        y="seconds, start of the command included",
        lines=[Line(name, points) for name, points in lines.items()],
        small_print=small_print,
    )
    return {"compiler": chart}


def relay_by_listeners(small_print: str) -> Charts:
    """Memory and CPU of a relay against idle listeners."""
    memory: list[tuple[float, float]] = []
    cpu: list[tuple[float, float]] = []
    for number in LISTENERS:
        _tell(f"{number} listeners")
        measured = asyncio.run(measure(number, LISTENING_S))
        memory.append((number, measured.relay_mib))
        cpu.append((number, 100 * measured.idle_cpu))
    return {
        "relay-memory": Chart(
            title="Memory of a relay against idle listeners",
            x="registered listeners",
            y="MiB, the whole process",
            lines=[Line("duologue relay", memory)],
            small_print=small_print,
        ),
        "relay-cpu": Chart(
            title="CPU of a relay against idle listeners, each pinged every 20 s",
            x="registered listeners",
            y="% of one core",
            lines=[Line("duologue relay", cpu)],
            small_print=small_print,
        ),
    }


CURVES: Final[dict[str, Callable[[str], Charts]]] = {
    "in-flight": calls_by_in_flight,
    "payload": calls_by_payload,
    "connections": calls_by_connections,
    "services": calls_by_services,
    "items-window": items_by_window,
    "items-size": items_by_size,
    "items-streams": items_by_streams,
    "compiler": compiler_by_types,
    "relay": relay_by_listeners,
}


def _line(
    row: Row, name: str, xs: Sequence[int], order: Callable[[int], Json], figure: str
) -> Line:
    points: list[tuple[float, float]] = []
    with running(row, command_of(), modules=ROOT) as programs:
        for x in xs:
            _tell(f"{row.name}, {x}")
            points.append((x, _median(programs, order(x), figure)))
    return Line(name, points)


def _median(programs: Running, order: Json, figure: str) -> float:
    measured: list[float] = [programs.measure(order, 60)[figure] for _ in range(ROUNDS)]
    return statistics.median(measured)


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    """Draw all curves, or those named."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.curves", description="how duologue grows, as SVG"
    )
    parser.add_argument("names", nargs="*", metavar="CURVE", help=f"of {', '.join(CURVES)}")
    parser.add_argument("--out", type=Path, default=FOLDER, metavar="DIR")
    options = parser.parse_args()
    names: list[str] = options.names or list(CURVES)
    for name in names:
        if name not in CURVES:
            parser.error(f"no curve {name!r}; there are {', '.join(CURVES)}")
    options.out.mkdir(exist_ok=True)
    for name in names:
        machine = describe()
        for stem, chart in CURVES[name](machine).items():
            file: Path = options.out / f"{stem}.svg"
            file.write_text(chart.svg(), encoding="utf-8")
            print(f"{file}  ({machine})")


if __name__ == "__main__":
    main()
