"""The schema that editors complete contracts by."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from duologue_codegen.language_schema import language_schema
from duologue_codegen.text.source import parse, read_source

ROOT = Path(__file__).parents[3]
SCHEMA: dict[str, Any] = json.loads(language_schema())
VALIDATOR: Any = Draft7Validator(SCHEMA)

CONTRACTS = sorted(
    path
    for folder in ("schema", "tests/ports", "tests/golden/packages", "tests/bench/schema")
    for path in (ROOT / folder).rglob("*.yaml")
)


def contents(path: Path) -> Any:
    tree, _ = parse(read_source(str(path), path.read_bytes())[0])
    assert tree is not None
    return tree.data


def test_it_is_a_schema_of_draft_7() -> None:
    Draft7Validator.check_schema(SCHEMA)


@pytest.mark.parametrize(
    "path", CONTRACTS, ids=[path.relative_to(ROOT).as_posix() for path in CONTRACTS]
)
def test_what_the_compiler_takes_is_right_for_it(path: Path) -> None:
    assert [error.message for error in VALIDATOR.iter_errors(contents(path))] == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"package": "a.v1"},
        {"duologue": 1, "package": "a.v1", "sevices": {}},
        {"duologue": 1, "package": "a.v1", "types": {"A": {"fields": {}, "tga": "x"}}},
        {"duologue": 1, "package": "a.v1", "services": {"S": {"methods": {"m": {"id": "one"}}}}},
        {"duologue": 1, "package": "a.v1", "services": {"S": {"methods": {"m": {}}}}},
    ],
)
def test_another_shape_is_underlined(wrong: dict[str, Any]) -> None:
    assert list(VALIDATOR.iter_errors(wrong))


def test_every_key_says_what_it_is_for() -> None:
    parts: list[Any] = [SCHEMA, *SCHEMA["definitions"].values()]
    for part in parts:
        for key, shape in part.get("properties", {}).items():
            assert shape["description"], key
