"""The compiler's checker of values and the generated models say the same of every value.

One tells whether a default or an example is right, the other what goes over the wire: where they
differ, an example would be refused by the very package that is made from its contract.
"""

import json
import random
import string
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest
from pydantic import ValidationError

from duologue.errors import DuologueError
from duologue.typed import Codec
from duologue_codegen.checks import check
from duologue_codegen.diagnostics import Position
from duologue_codegen.model import NO_CONSTRAINTS, Constraints, Contract, ScalarKind, TypeExpr
from duologue_codegen.model.walk import methods
from duologue_codegen.reading.project import project_of_texts
from duologue_codegen.text.tree import Data
from duologue_codegen.values.fits import misfits
from duologue_codegen.values.json_text import node_of_json
from tests.contract_changes import contract as random_contract
from tests.contract_values import Values
from tests.quick_packages import quick_package, services_of

READ_IN_MORE_FORMS: Final = frozenset(
    {
        ScalarKind.DATETIME,
        ScalarKind.DATE,
        ScalarKind.TIME,
        ScalarKind.DURATION,
        ScalarKind.DECIMAL,
    }
)
"""pydantic reads these in further spellings, such as a time without seconds, which no duologue
writes. An example must be in one of the forms that are written."""
FEW: Final = 1_500
MANY: Final = 100_000
HERE: Final = Position("json", 1, 1)
LETTERS: Final = string.ascii_letters + string.digits + "+-./:=_, TZPeE\u00e9\u0661\U0001f600\n\t"
EDGES: Final[tuple[Data, ...]] = (
    *(None, True, False, [], {}, "", " ", "0", "-0", "01", "+1", "1.0", "1e3", "NaN", "Infinity"),
    *(0, -1, 1.0, -0.0, 0.1, 1e300, 2**31 - 1, 2**31, -(2**31), -(2**31) - 1, 2**32 - 1, 2**32),
    *(2**53 - 1, 2**53, -(2**53), 2**63, 2**64, 10**30),
    *(str(2**63 - 1), str(2**63), str(-(2**63)), str(2**64 - 1), str(2**64), "9" * 25),
    *("2026-02-29", "2024-02-29", "0000-01-01", "9999-12-31", "2026-1-1", "10000-01-01"),
    *("2026-01-31T24:00:00Z", "2026-01-31T12:00:60Z", "2026-01-31T12:00Z", "2026-01-31 12:00:00Z"),
    *("2026-01-31T12:00:00", "2026-01-31T12:00:00+24:00", "2026-01-31T12:00:00.1234567Z"),
    *("12:00", "12:00:00+01:00", "24:00:00", "12:00:00Z", "PT", "P", "P1W", "P1Y", "PT1H", "-P1D"),
    *("P999999999D", "P1000000000D", "PT1.5S", "PT,5S", "P1DT", "1 day", "00:01:00"),
    *("aGVsbG8=", "aGVsbG8", "aGVs bG8=", "____", "+/8=", "=", "a", "ab", "abc", "abcd="),
    *("6f1c1d1e-7f0a-4a51-9c3b-0d8e2b7a5c11", "6f1c1d1e7f0a4a519c3b0d8e2b7a5c11", "{6f1c1d1e}"),
    *(
        "https://example.org/",
        "a:b",
        "a: b",
        ":b",
        "1a:b",
        "a:",
        "http://\u00e9",
        "x:" + "y" * 9000,
    ),
    *("1e400", ".5", "5.", "-.5e-3", "1_000", "١", "0x10", "- 1", "1" * 300, "1e9999", "1e99999"),
)


def values(kind: ScalarKind, pick: random.Random, of_kind: Values) -> Iterator[Data]:
    """Values that are of a scalar type, nearly are, or are nothing like it."""
    yield from EDGES
    while True:
        match pick.randrange(5):
            case 0:
                yield of_kind.scalar(kind, NO_CONSTRAINTS)
            case 1:
                yield of_kind.scalar(pick.choice(list(ScalarKind)), NO_CONSTRAINTS)
            case 2 | 3:
                good = of_kind.scalar(kind, NO_CONSTRAINTS)
                yield _with_a_slip(good, pick) if isinstance(good, str) else _near(good, pick)
            case _:
                yield "".join(pick.choice(LETTERS) for _ in range(pick.randrange(12)))


def _with_a_slip(text: str, pick: random.Random) -> str:
    at = pick.randrange(len(text) + 1)
    return text[:at] + pick.choice([pick.choice(LETTERS), ""]) + text[at + pick.randrange(2) :]


def _near(good: Data, pick: random.Random) -> Data:
    if isinstance(good, int) and not isinstance(good, bool):
        numbers: list[Data] = [good + 1, good - 1, float(good), str(good), -good]
        return pick.choice(numbers)
    around: list[Data] = [[good], {"a": good}, str(good)]
    return pick.choice(around)


def read(codec: Codec[Any]) -> Callable[[str], bool]:
    """Whether a generated package takes a JSON text."""

    def takes(text: str) -> bool:
        try:
            codec.decode(text.encode())
        except (ValidationError, DuologueError, ValueError):
            return False
        return True

    return takes


def compare(
    drawn: Iterator[Data],
    takes: Callable[[str], bool],
    fits: Callable[[str], bool],
    count: int,
    *,
    package_may_take_more: bool = False,
) -> list[tuple[str, str]]:
    """Values of which the two say different things, as JSON, and which of them takes it."""
    different: list[tuple[str, str]] = []
    for _, data in zip(range(count), drawn, strict=False):
        text = json.dumps(data)
        mine, theirs = fits(text), takes(text)
        if mine != theirs and not (theirs and package_may_take_more):
            different.append((text, "the compiler" if mine else "the package"))
    return different


def checker(contract: Contract, expr: TypeExpr, bounds: Constraints | None = None) -> Any:
    def fits(text: str) -> bool:
        node = node_of_json(text, HERE)
        return node is not None and not any(misfits(node, expr, contract, bounds))

    return fits


def of_contract(stated: dict[str, Any]) -> Contract:
    project = project_of_texts({"pair/v1.yaml": json.dumps(stated).encode()}, "schema")
    assert [each.message for each in check(project) if each.level == "error"] == []
    return project.contracts[0]


def with_returns(types: list[str]) -> dict[str, Any]:
    calls = {
        f"get{number}": {"id": number, "returns": type_} for number, type_ in enumerate(types, 1)
    }
    return {"duologue": 1, "package": "pair.v1", "services": {"All": {"methods": calls}}}


def scalars_agree(kind: ScalarKind, count: int) -> None:
    contract = of_contract(with_returns([kind.value]))
    drawn = values(kind, random.Random(7), Values(contract, 7))
    with quick_package(contract) as modules:
        (service,) = services_of(modules).values()
        (method,) = service.methods
        ((_, model),) = methods(contract)
        assert model.returns is not None
        fits = checker(contract, model.returns)  # type: ignore[arg-type]
        found = compare(
            drawn,
            read(method.returns),
            fits,
            count,
            package_may_take_more=kind in READ_IN_MORE_FORMS,
        )
        assert found == []


def shapes(contract: Contract, expr: TypeExpr, seed: int) -> Iterator[Data]:
    """Values of a type, most of them with one slip somewhere inside."""
    pick, draw = random.Random(seed), Values(contract, seed)
    while True:
        value = json.loads(json.dumps(draw.of(expr)))
        yield _slipped(value, pick) if pick.random() < 0.7 else value


def _slipped(value: Data, pick: random.Random) -> Data:
    if isinstance(value, dict) and value:
        key = pick.choice(list(value))
        if pick.random() < 0.2:
            return {name: each for name, each in value.items() if name != key}
        return {**value, key: _slipped(value[key], pick)}
    if isinstance(value, list) and value and pick.random() < 0.8:
        at = pick.randrange(len(value))
        return [*value[:at], _slipped(value[at], pick), *value[at + 1 :]]
    if isinstance(value, str) and pick.random() < 0.5:
        return _with_a_slip(value, pick)
    return pick.choice(EDGES)


def shapes_agree(count: int) -> None:
    for seed in range(5):
        contract = of_contract(random_contract(random.Random(seed)))
        with quick_package(contract) as modules:
            service = services_of(modules)["pair.v1.Things"]
            tables = {method.name: method for method in service.methods}
            for _, model in methods(contract):
                if model.name in {"give", "both"}:
                    expr: Any = model.returns
                    drawn = shapes(contract, expr, seed)
                    takes = read(tables[model.name].returns)
                    fits = checker(contract, expr)
                    found = compare(drawn, takes, fits, count // 10, package_may_take_more=True)
                    assert found == []


@pytest.mark.parametrize("kind", list(ScalarKind))
def test_checker_and_package_agree_on_a_scalar(kind: ScalarKind) -> None:
    scalars_agree(kind, FEW)


def test_checker_and_package_agree_on_shapes_and_bounds() -> None:
    shapes_agree(FEW)


@pytest.mark.slow
@pytest.mark.parametrize("kind", list(ScalarKind))
def test_checker_and_package_agree_on_a_scalar_for_long(kind: ScalarKind) -> None:
    scalars_agree(kind, MANY)


@pytest.mark.slow
def test_checker_and_package_agree_on_shapes_and_bounds_for_long() -> None:
    shapes_agree(MANY)
