"""The table of the comparison, as Markdown."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from duologue.bench.comparison import LARGE_IN_FLIGHT, Figures
from tests.bench.relay_listeners import Listeners
from tests.bench.rows import Row

Cell = Callable[[Figures], str]


def _number(name: str, digits: int = 0) -> Cell:
    def cell(figures: Figures) -> str:
        value = figures.median(name)
        return "–" if value is None else f"{value:,.{digits}f}"

    return cell


def _cpu(figures: Figures) -> str:
    server, client = figures.median("64.server_us"), figures.median("64.client_us")
    return "–" if server is None or client is None else f"{server:.0f} + {client:.0f}"


COLUMNS: Final[Sequence[tuple[str, Cell]]] = (
    ("seq/s", _number("seq.per_s")),
    ("p50 µs", _number("seq.p50_us")),
    ("p99 µs", _number("seq.p99_us")),
    ("64 in flight /s", _number("64.per_s")),
    ("256 in flight /s", _number("256.per_s")),
    ("CPU µs/call server + client", _cpu),
    (f"64 KiB of text /s ({LARGE_IN_FLIGHT} in flight)", _number("large.per_s")),
    (f"64 KiB of bytes /s ({LARGE_IN_FLIGHT} in flight)", _number("blob.per_s")),
    ("items/s from the server", _number("stream.items_per_s")),
    ("items/s to it", _number("upload.items_per_s")),
    ("items/s both ways", _number("exchange.items_per_s")),
    ("item and back, p50 µs", _number("trips.p50_us")),
    ("set-up ms", _number("set-up.set_up_ms", 1)),
    ("set-up CPU ms", _number("set-up.set_up_cpu_ms", 1)),
    ("KiB per idle conn", _number("idle.idle_kib")),
)
BROKER: Final = ("broker alone µs", _number("64.broker_us", 1))


def markdown(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    rows = [head, ["---"] * len(head), *lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def table(rows: Sequence[Row], found: Mapping[str, Figures]) -> str:
    """Direct and routed rows, each with its medians, and what has to be known of them."""
    parts: list[str] = []
    for is_routed, title in ((False, "Direct"), (True, "Routed (server is broker + service)")):
        chosen = [row for row in rows if row.is_routed is is_routed]
        if not chosen:
            continue
        columns = (*COLUMNS, BROKER) if is_routed else COLUMNS
        lines = [[row.name, *_cells(found[row.name], columns)] for row in chosen]
        parts += [f"**{title}**", markdown(["", *(name for name, _ in columns)], lines)]
        notes = [f"* {row.name}: {row.note}." for row in chosen if row.note]
        troubles = [
            f"* {row.name} **failed**: {found[row.name].failure}"
            for row in chosen
            if found[row.name].failure
        ]
        if notes or troubles:
            parts.append("\n".join(notes + troubles))
    return "\n\n".join(parts)


def _cells(figures: Figures, columns: Sequence[tuple[str, Cell]]) -> list[str]:
    if not figures.values:
        return [figures.failure.replace("|", "/"), *("" for _ in columns[1:])]
    return [cell(figures) for _, cell in columns]


def listeners_table(measured: Sequence[Listeners]) -> str:
    """What idle listeners cost, a line for each number of them."""
    head = [
        *("listeners", "registered in s", "relay MiB", "KiB per listener"),
        *("CPU when idle, % of a core", "lost", "request p99 ms"),
    ]
    lines = [
        [
            *(f"{each.listeners:,}", f"{each.register_s:.1f}", f"{each.relay_mib:.0f}"),
            *(f"{each.kib_per_listener:.1f}", f"{100 * each.idle_cpu:.1f}"),
            *(str(each.lost), f"{each.request_p99_ms:.1f}"),
        ]
        for each in measured
    ]
    return markdown(head, lines)
