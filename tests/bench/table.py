"""The tables of the comparison, as Markdown."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, TypeAlias

from duologue.bench.comparison import LARGE_IN_FLIGHT, Figures
from tests.bench.relay_listeners import Listeners
from tests.bench.rows import Group, Row

Cell = Callable[[Figures], str]


def _number(name: str, digits: int = 0) -> Cell:
    def cell(figures: Figures) -> str:
        value = figures.median(name)
        return "–" if value is None else f"{value:,.{digits}f}"

    return cell


def _cpu(phase: str, digits: int = 1) -> Cell:
    def cell(figures: Figures) -> str:
        both = (figures.median(f"{phase}.{side}_us") for side in ("server", "client"))
        cells = ["–" if side is None else f"{side:,.{digits}f}" for side in both]
        return "–" if "–" in cells else " + ".join(cells)

    return cell


Columns: TypeAlias = Sequence[tuple[str, Cell]]

RATES: Final[Columns] = (
    ("seq/s", _number("seq.per_s")),
    ("p50 µs", _number("seq.p50_us")),
    ("p99 µs", _number("seq.p99_us")),
    ("64 in flight /s", _number("64.per_s")),
    ("256 in flight /s", _number("256.per_s")),
    (f"64 KiB of text /s ({LARGE_IN_FLIGHT} in flight)", _number("large.per_s")),
    (f"64 KiB of bytes /s ({LARGE_IN_FLIGHT} in flight)", _number("blob.per_s")),
    ("items/s from the server", _number("stream.items_per_s")),
    ("items/s to it", _number("upload.items_per_s")),
    ("items/s both ways", _number("exchange.items_per_s")),
    ("item and back, p50 µs", _number("trips.p50_us")),
    ("set-up ms", _number("set-up.set_up_ms", 1)),
    ("KiB per idle conn", _number("idle.idle_kib")),
)
COSTS: Final[Columns] = (
    ("a call, µs", _cpu("64")),
    ("64 KiB of text, µs", _cpu("large", 0)),
    ("64 KiB of bytes, µs", _cpu("blob", 0)),
    ("item from the server, µs", _cpu("stream")),
    ("item to it, µs", _cpu("upload")),
    ("item there and one back, µs", _cpu("exchange")),
    ("set-up, both sides, ms", _number("set-up.set_up_cpu_ms", 2)),
)
BROKER_COSTS: Final[Columns] = (
    ("broker alone, a call, µs", _number("64.broker_us", 1)),
    ("broker alone, 64 KiB of text, µs", _number("large.broker_us", 0)),
)


def markdown(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    rows = [head, ["---"] * len(head), *lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def tables(rows: Sequence[Row], found: Mapping[str, Figures], *, only_costs: bool = False) -> str:
    """What the rows of each group reached, what it cost, and what has to be known of them.

    `only_costs` leaves out all but processor time.
    """
    parts: list[str] = []
    for group in Group:
        chosen = [row for row in rows if row.group is group]
        if not chosen:
            continue
        costs = (*COSTS, *BROKER_COSTS) if group is Group.ROUTED else COSTS
        parts.append(f"**{group.value}**")
        if not only_costs:
            parts.append(_table(chosen, found, "", RATES))
        parts.append(_table(chosen, found, "CPU, server + client", costs))
        notes = [f"* {row.name}: {row.note}." for row in chosen if row.note]
        notes += [
            f"* {row.name} **failed**: {found[row.name].failure}"
            for row in chosen
            if found[row.name].failure
        ]
        if notes:
            parts.append("\n".join(notes))
    return "\n\n".join(parts)


def _table(rows: Sequence[Row], found: Mapping[str, Figures], what: str, columns: Columns) -> str:
    """Columns in which no row has anything are left out."""
    cells = [[cell(found[row.name]) for _, cell in columns] for row in rows]
    kept = [at for at in range(len(columns)) if any(line[at] != "–" for line in cells)]
    return markdown(
        [what, *(columns[at][0] for at in kept)],
        ([row.name, *(line[at] for at in kept)] for row, line in zip(rows, cells, strict=True)),
    )


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
