from decimal import Decimal

import pytest

from duologue_codegen.diagnostics import Position
from duologue_codegen.model import ScalarKind
from duologue_codegen.text.tree import ScalarData, ScalarNode
from duologue_codegen.values.scalars import EXPECTED, MAX_URL, Measured, fits, measured, number_in
from tests.unit.codegen.contract_text import node_of


def scalar(data: ScalarData) -> ScalarNode:
    return ScalarNode(data, str(data), Position("f", 1, 1))


FIT: dict[ScalarKind, list[ScalarData]] = {
    ScalarKind.STRING: ["", "text", "5"],
    ScalarKind.INT: [0, 2**53 - 1, -(2**53) + 1],
    ScalarKind.INT32: [2**31 - 1, -(2**31)],
    ScalarKind.INT64: ["0", "-7", "9223372036854775807", "-9223372036854775808"],
    ScalarKind.UINT32: [0, 2**32 - 1],
    ScalarKind.UINT64: ["0", "18446744073709551615"],
    ScalarKind.FLOAT: [0, 1.5, -3, 10**300],
    ScalarKind.BOOL: [True, False],
    ScalarKind.BYTES: ["", "aGk=", "aGk", "_-8=", "+/8="],
    ScalarKind.DATETIME: [
        "2026-01-01T00:00:00Z",
        "2026-01-01T00:00:00.123456+02:00",
        "2026-01-01 00:00:00z",
    ],
    ScalarKind.DATE: ["2026-01-31", "2024-02-29"],
    ScalarKind.TIME: ["12:30:00", "12:30:00.5Z", "00:00:00-03:30"],
    ScalarKind.DURATION: ["PT0.25S", "P1DT2H3M4S", "-PT5M", "P2W"],
    ScalarKind.UUID: ["6f1c1d1e-7f0a-4a51-9c3b-0d8e2b7a5c11", "6f1c1d1e7f0a4a519c3b0d8e2b7a5c11"],
    ScalarKind.DECIMAL: ["0", "1.50", "-0.01", "1e10", ".5"],
    ScalarKind.URL: ["https://example.org/", "urn:x:y", "a:" + "b" * (MAX_URL - 2)],
    ScalarKind.JSON: [None, True, 1, 1.5, "x"],
}

MISFIT: dict[ScalarKind, list[ScalarData]] = {
    ScalarKind.STRING: [5, None, True],
    ScalarKind.INT: [2**53, -(2**53), 1.0, "5", True, None],
    ScalarKind.INT32: [2**31, -(2**31) - 1],
    ScalarKind.INT64: [5, "9223372036854775808", "-9223372036854775809", "007", "+7", " 7", "1_0"],
    ScalarKind.UINT32: [-1, 2**32, 1.0, "1", True],
    ScalarKind.UINT64: [5, "-1", "-0", "18446744073709551616", "007", "+7", " 7"],
    ScalarKind.FLOAT: [float("inf"), float("nan"), "1.5", True, 10**400],
    ScalarKind.BOOL: [0, 1, "true", None],
    ScalarKind.BYTES: ["a", "a b=", "====", "ü"],
    ScalarKind.DATETIME: [
        "2026-01-01T00:00:00",
        "2026-06-31T00:00:00Z",
        "2026-01-01",
        "2026-01-01T24:61:00Z",
    ],
    ScalarKind.DATE: ["2026-02-29", "2026-1-1", "20260101", "2026-01-01T00:00:00Z"],
    ScalarKind.TIME: ["24:00:01", "12:30", "12:30:00 Z"],
    ScalarKind.DURATION: ["P", "PT", "1h", "P1Y", "PT5", "", "P1DT"],
    ScalarKind.UUID: ["6f1c1d1e", "{6f1c1d1e-7f0a-4a51-9c3b-0d8e2b7a5c11}"],
    ScalarKind.DECIMAL: [1.5, 1, "NaN", "Infinity", "1,5", "", "1e99999"],
    ScalarKind.URL: ["example.org", "https://a b", "", "a:" + "b" * (MAX_URL - 1)],
    ScalarKind.JSON: [float("inf"), float("nan")],
}


@pytest.mark.parametrize(("kind", "data"), [(kind, data) for kind in FIT for data in FIT[kind]])
def test_value_fits_its_type(kind: ScalarKind, data: ScalarData) -> None:
    assert fits(scalar(data), kind)


@pytest.mark.parametrize(
    ("kind", "data"), [(kind, data) for kind in MISFIT for data in MISFIT[kind]]
)
def test_other_value_does_not_fit(kind: ScalarKind, data: ScalarData) -> None:
    assert not fits(scalar(data), kind)


def test_every_kind_is_tested_and_explained() -> None:
    assert set(FIT) == set(MISFIT) == set(EXPECTED) == set(ScalarKind)


@pytest.mark.parametrize("kind", [kind for kind in ScalarKind if kind is not ScalarKind.JSON])
def test_collections_are_no_scalars(kind: ScalarKind) -> None:
    assert not fits(node_of("[]"), kind)
    assert not fits(node_of("{}"), kind)


def test_json_holds_collections_without_infinity() -> None:
    assert fits(node_of("{a: [1, {b: ~}]}"), ScalarKind.JSON)
    assert not fits(node_of("{a: [1, {b: .inf}]}"), ScalarKind.JSON)


@pytest.mark.parametrize(
    ("kind", "data", "met"),
    [
        (ScalarKind.STRING, "日本", 2),
        (ScalarKind.BYTES, "aGk=", 2),
        (ScalarKind.INT, -5, -5),
        (ScalarKind.INT64, "12", 12),
        (ScalarKind.UINT64, "18446744073709551615", 2**64 - 1),
        (ScalarKind.DECIMAL, "1.50", Decimal("1.50")),
        (ScalarKind.FLOAT, 1.5, 1.5),
        (ScalarKind.BOOL, True, None),
        (ScalarKind.UUID, "x", None),
    ],
)
def test_bounds_speak_of_value_or_length(
    kind: ScalarKind, data: ScalarData, met: Measured | None
) -> None:
    assert measured(scalar(data), kind) == met


@pytest.mark.parametrize(
    ("key", "number"), [("0", 0), ("-7", -7), ("18446744073709551615", 2**64 - 1)]
)
def test_a_number_has_one_form_as_a_key(key: str, number: int) -> None:
    assert number_in(key) == number


@pytest.mark.parametrize("key", ["", "-0", "01", "+1", " 1", "1_0", "1.0", "x", "1" * 21])
def test_other_keys_stand_for_no_number(key: str) -> None:
    assert number_in(key) is None
