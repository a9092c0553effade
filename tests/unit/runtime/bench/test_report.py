"""What `duologue bench` says of its figures."""

import json

from duologue.bench.comparison import Figures
from duologue.bench.report import BASELINE, DUOLOGUE, as_json, as_text, plan


def figures(**values: float) -> Figures:
    made = Figures()
    for name, value in values.items():
        made.values[name.replace("__", ".")].append(value)
    return made


def found() -> dict[str, Figures]:
    return {
        DUOLOGUE.name: figures(**{"64.per_s": 50_000.0, "64.cpu_us": 15.0}),
        BASELINE.name: figures(**{"64.per_s": 25_000.0}),
    }


def test_each_measure_belongs_to_a_phase() -> None:
    phases, measures = plan(0.1, 10)
    names = {phase.name for phase in phases}
    assert len(names) == len(phases)
    assert {measure.figure.partition(".")[0] for measure in measures} == names


def test_the_text_has_both_sides_and_their_ratio() -> None:
    _, measures = plan(0.1, 10)
    lines = as_text(measures, found()).splitlines()
    (rate,) = (line for line in lines if line.startswith("64 in flight"))
    assert rate.split() == ["64", "in", "flight", "calls/s", "50,000", "25,000", "2.00"]
    cpu = lines[lines.index(rate) + 1]
    assert cpu.split() == ["CPU", "µs/call", "15.0", "–"]


def test_the_json_names_every_measure() -> None:
    _, measures = plan(0.1, 10)
    both = found()
    both[BASELINE.name].failure = "64: it fell silent"
    said = json.loads(as_json(measures, both, {"rounds": 3}))
    assert said["rounds"] == 3
    assert said["failures"] == {"websockets": "64: it fell silent"}
    assert all(each["what"] for each in said["measures"])
    assert {
        "what": "64 in flight",
        "unit": "CPU µs/call",
        "duologue": 15.0,
        "websockets": None,
    } in said["measures"]
