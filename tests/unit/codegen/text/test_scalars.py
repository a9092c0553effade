import math

import pytest

from duologue_codegen.text.scalars import MAX_DIGITS, resolve
from duologue_codegen.text.tree import ScalarData

TABLE: dict[str, ScalarData] = {
    "": None,
    "~": None,
    "null": None,
    "Null": None,
    "nULL": "nULL",
    "true": True,
    "TRUE": True,
    "tRUE": "tRUE",
    "False": False,
    "on": "on",
    "off": "off",
    "yes": "yes",
    "No": "No",
    "y": "y",
    "0": 0,
    "010": 10,
    "-7": -7,
    "+7": 7,
    "0o17": 15,
    "0x1F": 31,
    "0b1": "0b1",
    "1_000": "1_000",
    "1:30": "1:30",
    "190:20:30": "190:20:30",
    "2026-01-01": "2026-01-01",
    "2026-01-01T00:00:00Z": "2026-01-01T00:00:00Z",
    "1.5": 1.5,
    ".5": 0.5,
    "5.": 5.0,
    "1e3": 1000.0,
    "-.inf": -math.inf,
    ".INF": math.inf,
    "inf": "inf",
    "nan": "nan",
    "١": "١",
    "=": "=",
    "<<": "<<",
}


@pytest.mark.parametrize("text", TABLE)
def test_plain_scalar_means_what_yaml_1_2_says(text: str) -> None:
    found = resolve(text)
    assert found == TABLE[text]
    assert type(found) is type(TABLE[text])


def test_not_a_number_is_a_float() -> None:
    found = resolve(".nan")
    assert isinstance(found, float)
    assert math.isnan(found)


def test_endless_digits_become_a_float_instead_of_an_exception() -> None:
    assert resolve("9" * MAX_DIGITS) == int("9" * MAX_DIGITS)
    assert resolve("9" * (MAX_DIGITS + 1)) == math.inf
    assert resolve("9" * 100_000) == math.inf
