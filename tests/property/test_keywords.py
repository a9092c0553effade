"""For all methods of all packages here: keywords are written and refused as their model is."""

import importlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from pydantic import ValidationError
from pydantic_core import PydanticSerializationError

from duologue.typed.codec import Codec
from duologue.typed.keywords import ways_of_keywords
from duologue_codegen.reading.project import load_project
from tests.contract_values import Values

SCHEMA: Final = Path(__file__).parents[2] / "schema"
ODD: Final[list[Any]] = [None, 5, 2**70, -1, 0.5, float("nan"), "", "x", "\ud800", b"\xff", [], {}]
ROUNDS: Final = 20


def methods() -> Iterator[Any]:
    for contract in load_project(SCHEMA).everything:
        module = importlib.import_module(f"generated.{contract.package}")
        for service in contract.services.values():
            tables = {
                each.name: each
                for each in getattr(module, f"{service.name}Client").__contract__.methods
            }
            for method in service.methods.values():
                if method.params is not None:
                    name = f"{contract.package}.{service.name}.{method.name}"
                    yield pytest.param(contract, method, tables[method.name], id=name)


def outcome(way: Any, fields: dict[str, Any]) -> object:
    """What is written, or why it is not."""
    check, write = way
    try:
        return write(check(fields))
    except (ValidationError, PydanticSerializationError) as error:
        return str(error)


@pytest.mark.parametrize(("contract", "method", "table"), list(methods()))
def test_keywords_are_written_and_refused_as_their_model_is(
    contract: Any, method: Any, table: Any
) -> None:
    model: Any = table.params.model
    codec: Codec[Any] = Codec(model)
    short, long = ways_of_keywords(codec), (codec.validate_python, codec.to_json)
    fields, home = contract.fields_of(method.params)
    for seed in range(ROUNDS):
        data = Values(contract, seed).fields(fields, home)
        made = model.model_validate_json(json.dumps(data))
        given: dict[str, Any] = {name: vars(made)[name] for name in made.model_fields_set}
        assert outcome(short, given) == outcome(long, given)
        for name in model.model_fields:
            for odd in ODD:
                changed = {**given, name: odd}
                assert outcome(short, changed) == outcome(long, changed)
            less = {each: value for each, value in given.items() if each != name}
            assert outcome(short, less) == outcome(long, less)
