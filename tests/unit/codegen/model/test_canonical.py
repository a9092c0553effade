import json
from pathlib import Path

import pytest

from duologue_codegen.model.canonical import canonical, canonical_text, contract_digest
from tests.unit.codegen.contract_text import contract_of, project_of

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


WORLD = """
    types:
      A:
        unknown: keep
        fields:
          a: {type: optional int or list of B or bool, presence: omit_null}
          b: {type: duration, default: PT5S}
      B: {is: string or map of text of A}
    services: {S: {methods: {m: {id: 1, params: A, returns: stream}}}}
    """


def test_canonical_form_tells_of_alternatives_and_what_is_kept_and_left_out() -> None:
    form = canonical(contract_of(WORLD))
    assert form["types"] == {
        "A": {
            "unknown": "keep",
            "fields": {
                "a": {"type": "optional int or list of B or bool", "presence": "omit_null"},
                "b": {"type": "duration", "default": "PT5S"},
            },
        },
        "B": {"is": {"type": "string or map of text of A"}},
    }
    method = {"id": 1, "effect": "write", "params": "A", "returns": "stream"}
    assert form["services"] == {"S": {"base": 0, "methods": {"m": method}}}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("unknown: keep", ""),
        (", presence: omit_null", ""),
        ("list of B or bool", "list of B"),
        ("text of A", "A"),
        ("PT5S", "PT6S"),
        ("returns: stream", "returns: byte stream"),
    ],
)
def test_digest_changes_with_what_is_kept_left_out_or_alternative(before: str, after: str) -> None:
    assert before in WORLD
    changed = contract_of(WORLD.replace(before, after))
    assert contract_digest(changed) != contract_digest(contract_of(WORLD))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("string or int", "int or string"),
        ("bool or string or list of int or A", "string or bool or list of A or int"),
    ],
)
def test_order_of_alternatives_means_nothing(one: str, other: str) -> None:
    digests = {
        contract_digest(contract_of(f"types: {{A: {{fields: {{}}}}, T: {{is: {text}}}}}"))
        for text in (one, other)
    }
    assert len(digests) == 1


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


def test_digest_of_a_contract_without_events_and_streams_is_what_it_always_was() -> None:
    assert contract_digest(contract_of(PLAIN)) == (
        "sha256:9dba49c63d0d2e9698b0f413a1a69d34a9b8f2d5ed8bef013bacd96ac09fe797"
    )


TALKS = """
    types: {P: {fields: {a: int, b: int}}}
    services:
      S:
        methods:
          m: {id: 1, params: {x: int, y: int}, args: positional, returns: byte stream}
          n: {id: 2, params: P, args: positional}
        events:
          e: {id: 3, fields: {x: int}}
          f: {id: 4, payload: P}
    """


def test_canonical_form_tells_of_events_streams_and_the_order_of_arguments() -> None:
    assert canonical(contract_of(TALKS))["services"] == {
        "S": {
            "base": 0,
            "methods": {
                "m": {
                    "id": 1,
                    "effect": "write",
                    "params": {"x": {"type": "int"}, "y": {"type": "int"}},
                    "args": ["x", "y"],
                    "returns": "byte stream",
                },
                "n": {"id": 2, "effect": "write", "params": "P", "args": ["a", "b"]},
            },
            "events": {
                "e": {"id": 3, "fields": {"x": {"type": "int"}}},
                "f": {"id": 4, "payload": "P"},
            },
        }
    }


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("id: 3,", "id: 5,"),
        ("e: {id: 3, fields: {x: int}}\n", "\n"),
        ("fields: {x: int}", "fields: {x: string}"),
        ("payload: P", "fields: {a: int, b: int}"),
        ("byte stream", "text stream"),
        ("returns: byte stream", "returns: bytes"),
        ("params: P, args: positional", "params: P"),
        ("{x: int, y: int}, args", "{y: int, x: int}, args"),
        ("P: {fields: {a: int, b: int}}", "P: {fields: {b: int, a: int}}"),
    ],
)
def test_digest_changes_with_events_streams_and_the_order_of_arguments(
    before: str, after: str
) -> None:
    assert before in TALKS
    changed = contract_of(TALKS.replace(before, after))
    assert contract_digest(changed) != contract_digest(contract_of(TALKS))


def test_digest_stays_when_only_the_words_of_an_event_change() -> None:
    event = "e: {id: 3, fields: {x: int}, doc: D., deprecated: Use f., examples: [{name: a}]}"
    changed = contract_of(TALKS.replace("e: {id: 3, fields: {x: int}}", event))
    assert contract_digest(changed) == contract_digest(contract_of(TALKS))


def test_canonical_form_tells_by_what_one_subscribes_and_how_much_is_kept() -> None:
    contract = contract_of("""
        services:
          S:
            events:
              e: {id: 1, fields: {room: {type: string, wire: "@room"}}, key: room, replay: 9}
              f: {id: 2, fields: {}, buffer: {max: 64, when_full: close}}
              g: {id: 3, fields: {}, buffer: {max: 64, when_full: drop_oldest}}
        """)
    assert canonical(contract)["services"] == {
        "S": {
            "base": 0,
            "methods": {},
            "events": {
                "e": {
                    "id": 1,
                    "fields": {"room": {"type": "string", "wire": "@room"}},
                    "key": "room",
                    "replay": 9,
                },
                "f": {"id": 2, "fields": {}, "buffer": {"when_full": "close"}},
                "g": {"id": 3, "fields": {}},
            },
        }
    }
    assert '"key":"@room"' in canonical_text(canonical(contract, for_people=False))


def test_example_of_an_event_stands_in_the_form_for_people() -> None:
    example = "examples: [{name: one, payload: {x: 1}}, {name: two}]"
    contract = contract_of(
        f"services: {{S: {{events: {{e: {{id: 3, fields: {{}}, {example}}}}}}}}}"
    )
    assert canonical(contract)["services"] == {
        "S": {
            "base": 0,
            "methods": {},
            "events": {
                "e": {
                    "id": 3,
                    "fields": {},
                    "examples": [{"name": "one", "payload": {"x": 1}}, {"name": "two"}],
                }
            },
        }
    }


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


RENAMED = """
    types:
      A: {fields: {first_one: {type: int, wire: firstOne}}}
      U: {union: {a: A}, tag: {name: kind, wire: "@type"}, open: false}
    services: {S: {methods: {m: {id: 1, args: positional, params: {a_b: {type: int, wire: aB}}}}}}
    """


def test_wire_names_stand_beside_names_that_people_read() -> None:
    form = canonical(contract_of(RENAMED))
    assert form["types"] == {
        "A": {"fields": {"first_one": {"type": "int", "wire": "firstOne"}}},
        "U": {"union": {"a": "A"}, "tag": {"name": "kind", "wire": "@type"}, "open": False},
    }


def test_the_digest_knows_fields_by_their_wire_names_alone() -> None:
    digest = contract_digest(contract_of(RENAMED))
    other_names = RENAMED.replace("first_one", "one").replace("name: kind", "name: sort")
    assert contract_digest(contract_of(other_names.replace("a_b", "b"))) == digest
    for wire_name in ("firstOne", "@type", "aB"):
        other = contract_of(RENAMED.replace(wire_name, "other"))
        assert contract_digest(other) != digest, wire_name


def test_a_wire_name_that_is_the_name_says_nothing() -> None:
    plain = contract_of("types: {A: {fields: {a: int}}}")
    stated = contract_of("types: {A: {fields: {a: {type: int, wire: a}}}}")
    assert canonical(stated) == canonical(plain)


def test_numbers_are_values_and_keys_in_the_canonical_form() -> None:
    form = canonical(
        contract_of("""
        types:
          E: {enum: {a: {value: 0}}, reserved: [3], open: true}
          M: {fields: {m: map of uint64 to map of E to int}}
        """)
    )
    assert form["types"] == {
        "E": {"enum": {"a": {"value": 0}}, "reserved": ["3"], "open": True},
        "M": {"fields": {"m": {"type": "map of uint64 to map of E to int"}}},
    }


FLOWS = """
    services:
      S:
        methods:
          m:
            id: 1
            sends: int
            yields: string
            timeout: 1s
            idle_timeout: 2s
            examples: [{name: one, sends: [1], yields: [a]}]
          n: {id: 2, yields: bytes}
    """


def test_canonical_form_tells_of_items() -> None:
    assert canonical(contract_of(FLOWS))["services"] == {
        "S": {
            "base": 0,
            "methods": {
                "m": {
                    "id": 1,
                    "effect": "write",
                    "sends": "int",
                    "yields": "string",
                    "timeout_s": 1.0,
                    "idle_timeout_s": 2.0,
                    "examples": [{"name": "one", "sends": [1], "yields": ["a"]}],
                },
                "n": {"id": 2, "effect": "write", "yields": "bytes"},
            },
        }
    }


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("sends: int", "sends: int64"),
        ("yields: bytes", "sends: bytes"),
        ("yields: bytes", "returns: bytes"),
        ("idle_timeout: 2s", "idle_timeout: 3s"),
    ],
)
def test_digest_changes_with_items(before: str, after: str) -> None:
    assert before in FLOWS
    changed = contract_of(FLOWS.replace(before, after))
    assert contract_digest(changed) != contract_digest(contract_of(FLOWS))
