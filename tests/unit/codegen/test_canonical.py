import json
from pathlib import Path

import pytest

from duologue_codegen.canonical import canonical, canonical_text, contract_digest

from .contract_text import contract_of, project_of

PLAIN = """
    types:
      A: {fields: {x: {type: int, min: 1}, y: {type: optional string}}}
      E: {enum: {red: {value: R}}, open: false}
    errors: {Gone: {fields: {a: A}, message: "{a} is {{gone}}"}}
    services:
      S: {methods: {m: {id: 1, params: {a: A}, returns: list of A, errors: [Gone], timeout: 5s}}}
    """


def test_canonical_form_tells_what_the_contract_says() -> None:
    assert canonical(contract_of(PLAIN)) == {
        "duologue": 1,
        "package": "demo.v1",
        "types": {
            "A": {"fields": {"x": {"type": "int", "min": 1}, "y": {"type": "optional string"}}},
            "E": {"enum": {"red": {"value": "R"}}, "open": False},
        },
        "errors": {
            "Gone": {
                "code": "gone",
                "retry": "never",
                "fields": {"a": {"type": "A"}},
                "message": "{a} is {{gone}}",
            }
        },
        "services": {
            "S": {
                "base": 0,
                "methods": {
                    "m": {
                        "id": 1,
                        "effect": "write",
                        "params": {"a": {"type": "A"}},
                        "returns": "list of A",
                        "errors": ["Gone"],
                        "timeout_s": 5.0,
                    }
                },
            }
        },
    }


def test_text_has_sorted_keys_and_no_spaces() -> None:
    assert canonical_text({"b": [1, "ü"], "a": None}) == '{"a":null,"b":[1,"ü"]}'


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("types:", "doc: Something.\n    types:"),
        ("x: {type: int, min: 1}", "x: {type: int, min: 1, doc: A number., examples: [2]}"),
        ("x: {type: int, min: 1}", "x: {type: int, min: 1, deprecated: Use y.}"),
        ("{value: R}", "{value: R, doc: Red.}"),
        ("id: 1", "id: 1, effect: write, since: '1.0', doc: Does it."),
        (
            "x: {type: int, min: 1}, y: {type: optional string}",
            "y: optional string, x: {min: 1, type: int}",
        ),
    ],
)
def test_digest_stays_when_only_words_for_people_or_the_layout_change(
    before: str, after: str
) -> None:
    assert before in PLAIN
    changed = contract_of(PLAIN.replace(before, after))
    assert contract_digest(changed) == contract_digest(contract_of(PLAIN))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("min: 1", "min: 2"),
        ("optional string", "string"),
        ("value: R", "value: r"),
        ("open: false", "open: true"),
        ("id: 1", "id: 2"),
        ("id: 1", "id: 1, effect: read"),
        ("S: {", "S: {base: 5, "),
        ("timeout: 5s", "timeout: 6s"),
        ("errors: [Gone], ", ""),
    ],
)
def test_digest_changes_with_the_meaning(before: str, after: str) -> None:
    assert before in PLAIN
    changed = contract_of(PLAIN.replace(before, after))
    assert contract_digest(changed) != contract_digest(contract_of(PLAIN))


def test_digest_changes_with_an_imported_contract(tmp_path: Path) -> None:
    demo = "imports: {c: common/v1.yaml}\ntypes: {U: {is: c.User}}\n"
    common = "types: {User: {fields: {id: string}}}\n"
    files = {"demo/v1.yaml": demo, "common/v1.yaml": common}
    before = project_of(tmp_path / "a", files).contracts[1]
    files["common/v1.yaml"] = common.replace("string", "int")
    after = project_of(tmp_path / "b", files).contracts[1]
    assert contract_digest(before) != contract_digest(after)


def test_alias_of_an_import_leaves_no_trace(tmp_path: Path) -> None:
    common = "types: {User: {fields: {id: string}}}\n"
    demo = "imports: {c: common/v1.yaml}\ntypes: {U: {is: c.User}}\n"
    other = demo.replace("{c:", "{shared:").replace("c.User", "shared.User")
    first = project_of(tmp_path / "a", {"demo/v1.yaml": demo, "common/v1.yaml": common})
    second = project_of(tmp_path / "b", {"demo/v1.yaml": other, "common/v1.yaml": common})
    assert canonical(first.contracts[1]) == canonical(second.contracts[1])


def test_digest_of_raw_schema_leaves_its_docs_out_but_not_properties_of_that_name() -> None:
    raw = "types: {R: {schema: {type: object, properties: {description: {type: string}}}}}"
    described = raw.replace("{type: object,", "{type: object, description: What it is.,")
    renamed = raw.replace("{description:", "{summary:")
    assert contract_digest(contract_of(described)) == contract_digest(contract_of(raw))
    assert contract_digest(contract_of(renamed)) != contract_digest(contract_of(raw))


def test_examples_of_the_schema_folder_have_a_canonical_form(tmp_path: Path) -> None:
    text = canonical_text(canonical(contract_of(PLAIN)))
    assert canonical_text(json.loads(text)) == text
