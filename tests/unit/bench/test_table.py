"""The tables of the comparison: one for each group, without columns that nobody fills."""

from duologue.bench.comparison import Figures
from tests.bench import rows
from tests.bench.rows import Row
from tests.bench.table import tables


def found(**values: float) -> Figures:
    made = Figures()
    for name, value in values.items():
        made.values[name.replace("__", ".")].append(value)
    return made


def text_of(figures: dict[Row, Figures], *, only_costs: bool = False) -> str:
    return tables(
        list(figures), {row.name: each for row, each in figures.items()}, only_costs=only_costs
    )


CALLS = {"64__per_s": 100_000.0, "64__server_us": 7.04, "64__client_us": 9.0}


def test_each_group_has_its_rates_and_its_costs() -> None:
    lines = text_of({rows.PLAIN: found(**CALLS), rows.CAPNWEB: found(**CALLS)}).splitlines()
    assert lines[0] == "**Direct**"
    assert "| duologue, `def` handler | 100,000 |" in lines
    assert "| duologue, `def` handler | 7.0 + 9.0 |" in lines
    assert lines.index("**On Node**") < lines.index("| capnweb | 100,000 |")


def test_columns_in_which_no_row_has_anything_are_left_out() -> None:
    text = text_of({rows.PLAIN: found(**CALLS), rows.WEBSOCKETS: found(seq__per_s=5.0)})
    assert "|  | seq/s | 64 in flight /s |" in text
    assert "| duologue, `def` handler | – | 100,000 |" in text
    assert "set-up" not in text


def test_a_quick_run_tells_no_rates() -> None:
    text = text_of({rows.PLAIN: found(**CALLS)}, only_costs=True)
    assert "7.0 + 9.0" in text
    assert "100,000" not in text


def test_a_row_that_failed_says_why_below_its_table() -> None:
    failed = Figures(failure="this machine has no Python 3.14")
    text = text_of({rows.ON_OTHERS[-1]: failed})
    assert text.endswith("**failed**: this machine has no Python 3.14")
