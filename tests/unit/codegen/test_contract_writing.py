"""Contracts from their canonical JSON: every contract that is here comes back as it was."""

import json
from pathlib import Path

import pytest

from duologue_codegen.contract_writing import contract_files
from duologue_codegen.model.canonical import canonical, canonical_text
from duologue_codegen.reading.project import load_project

ROOT = Path(__file__).parents[3]
FOLDERS = [ROOT / "schema", ROOT / "tests/bench/schema", ROOT / "tests/ports"]


def canonical_of(schema: Path) -> dict[str, bytes]:
    contracts = load_project(schema).everything
    return {each.package: canonical_text(canonical(each)).encode() for each in contracts}


def written(packages: dict[str, bytes], folder: Path) -> Path:
    for path, text in contract_files(packages).items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
    return folder


@pytest.mark.parametrize("schema", FOLDERS, ids=lambda each: each.name)
def test_every_contract_comes_back_as_it_was(schema: Path, tmp_path: Path) -> None:
    before = canonical_of(schema)
    if not before:
        pytest.fail(f"there are no contracts in {schema}")
    after = canonical_of(written(before, tmp_path))
    assert before.keys() == after.keys()
    for name in before:
        assert json.loads(after[name]) == json.loads(before[name])


AWKWARD = ["yes", "null", "1", "1e3", "- a", "a: b", "a #b", "#", "", " a", "[", "{a}", "'", '"',
    "\\", "é€😀", "a\nb", "\u2028", "\x85", "\ufeff", "0x1f", "~", "=", "<<", "!x", "&a", "*a",
    "%", "@", "`", "|", ">", "?", "2026-01-01", "a, b", "a:", "True", ".5", "a\tb"]  # fmt: skip


@pytest.mark.parametrize("word", AWKWARD)
def test_any_text_comes_back_as_it_was(word: str, tmp_path: Path) -> None:
    enum = {f"v{number}": {"value": each} for number, each in enumerate({word or "-", "other"})}
    if word == word.strip() and word.isprintable() and word:
        type_ = {"enum": enum, "open": False, "examples": [word]}
    else:
        type_ = {"is": {"type": "string"}, "examples": [word, [word]][:1]}
    contract = {
        "duologue": 1,
        "package": "words.v1",
        "types": {"Word": type_},
        "services": {
            "Says": {
                "base": 1,
                "doc": f"A{word}" if word.isprintable() and word.strip() else "A",
                "methods": {"say": {"id": 1, "effect": "read", "returns": "json"}},
            }
        },
    }
    before = {"words.v1": json.dumps(contract).encode()}
    after = json.loads(canonical_of(written(before, tmp_path))["words.v1"])
    assert after["types"]["Word"]["examples"] == type_["examples"]
    assert after["services"]["Says"]["doc"] == contract["services"]["Says"]["doc"].strip()  # type: ignore[index]


@pytest.mark.parametrize(
    "name", ["../../etc/v1", "/etc.v1", "a", "A.v1", "a..v1", "a.v1\n", "a.b/c.v1", "", ".a.v1"]
)
def test_a_name_that_leads_elsewhere_is_refused(name: str) -> None:
    text = json.dumps({"duologue": 1, "package": name}).encode()
    with pytest.raises(ValueError, match="no name of a package"):
        contract_files({name: text})


@pytest.mark.parametrize(
    "contract",
    [
        [],
        5,
        {"package": "b.v1"},
        {"package": "a.v1"},
        {"package": "a.v1", "duologue": 1, "types": 5},
        {"package": "a.v1", "duologue": 1, "types": {"A": {"fields": {"x": {}}}}},
        {"package": "a.v1", "duologue": 1, "services": {"S": {"methods": {"m": 5}}}},
    ],
)
def test_what_is_no_contract_is_refused(contract: object) -> None:
    with pytest.raises(ValueError, match="this is n"):
        contract_files({"a.v1": json.dumps(contract).encode()})
