"""The table of the comparison, as Markdown."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from tests.bench.comparison import LARGE_IN_FLIGHT, Figures
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
    (f"64 KiB /s ({LARGE_IN_FLIGHT} in flight)", _number("large.per_s")),
    ("stream items/s", _number("stream.items_per_s")),
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
