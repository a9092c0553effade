"""Names that a generated package already has, given to everything else that a contract can name.

A small contract has one thing of each kind. Every name that its package holds is then the name of
one thing more, of each kind in turn: refused with a finding, or the package works and is clean.
"""

import copy
import itertools
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from token import NAME
from tokenize import tokenize
from typing import Any, Final

import pytest

from duologue_codegen.build import build
from duologue_codegen.checks import check
from duologue_codegen.diagnostics import Diagnostic
from duologue_codegen.known_targets import TARGETS
from duologue_codegen.names import pascal, snake
from duologue_codegen.reading.project import project_of_texts
from tests.generated_code import check_types, run_python
from tests.unit.codegen.words import REFUSALS

Plain = dict[str, Any]

OTHER: Final[Plain] = {
    "duologue": 1,
    "package": "named.other.v1",
    "types": {
        "Thing": {"fields": {"x": "int"}},
        "Kind": {"enum": {"left": {}, "right": {}}, "open": False},
    },
}
BASE: Final[Plain] = {
    "duologue": 1,
    "package": "named.base.v1",
    "imports": {"other": "named/other/v1.yaml"},
    "types": {
        "Thing": {"fields": {"a": "optional other.Thing", "k": "other.Kind"}},
        "Kind": {"enum": {"left": {}, "right": {}}, "open": False},
        "Level": {"enum": {"low": {"value": 1}, "high": {"value": 7}}, "open": True},
        "Label": {"is": {"type": "string", "pattern": "^[a-z]+$"}},
        "Round": {"fields": {"r": "float"}},
        "Square": {"fields": {"s": "float", "next": "optional Shape"}},
        "Shape": {
            "union": {"round": "Round", "square": "Square", "far": "other.Thing"},
            "tag": "form",
        },
    },
    "errors": {"Broken": {"fields": {"why": "string"}, "message": "{why}"}, "Gone": {}},
    "services": {
        "Shop": {
            "methods": {
                "get": {"id": 1, "params": {"thing": "Thing"}, "returns": "other.Thing"},
                "scan": {"id": 2, "yields": "Shape", "returns": "Level", "errors": ["Broken"]},
                "load": {"id": 3, "params": "Thing", "sends": "Kind", "errors": ["Gone"]},
                "talk": {"id": 4, "params": {"a": "Label"}, "sends": "bytes", "yields": "bytes"},
                "file": {"id": 5, "returns": "byte stream", "deprecated": "Use `get`."},
            },
            "events": {
                "said": {"id": 20, "fields": {"label": "Label", "thing": "Thing"}, "key": "label"},
                "rung": {"id": 21, "payload": "Thing"},
            },
        }
    },
    "dialogues": {"Chat": {"host": ["Shop"], "guest": []}},
}

OF_TYPES: Final[dict[str, Any]] = {
    "object": {"fields": {"x": "optional int"}},
    "enum": {"enum": {"left": {}, "right": {}}, "open": True},
    "union": {"union": {"round": "Round", "other": "other.Thing"}, "tag": "form"},
    "alias": {"is": {"type": "list of other.Thing", "max": 3}},
}
UPPER: Final = (*OF_TYPES, "error", "service", "dialogue")
LOWER: Final = (
    *("method", "event", "field", "param", "form", "role", "value", "detail", "import"),
)
A_PART: Final = 150
"""Of how many names one is tried in `make test`."""
PARTS: Final = 4
WORDS_OF_DIALOGUES: Final = {"doc", "deprecated"}


def with_name(made: Plain, place: str, name: str) -> Plain | None:
    """A contract with one thing more, which is used where it can be; none if it has the name."""
    made = copy.deepcopy(made)
    shop, types, dialogues = made["services"]["Shop"], made["types"], made["dialogues"]
    methods, errors = shop["methods"], made["errors"]
    upper, lower = pascal(name), snake(name)
    place_in: dict[str, tuple[Any, str, Any]] = {
        "error": (errors, upper, {"fields": {"x": "int"}, "message": "{x}"}),
        "service": (made["services"], upper, service(shop["base"] + 50)),
        "dialogue": (dialogues, upper, {"host": [], "guest": ["Shop"]}),
        "method": (methods, lower, {"id": 6, "params": {"kind": "Kind"}, "yields": "Thing"}),
        "event": (shop["events"], lower, {"id": 22, "fields": {"kind": "Kind"}}),
        "field": (types["Thing"]["fields"], lower, {"type": "Level", "default": 7}),
        "param": (methods["get"]["params"], lower, "optional Shape"),
        "form": (types["Shape"]["union"], lower, "Thing"),
        "role": (dialogues["Chat"], lower, ["Shop"]),
        "value": (types["Kind"]["enum"], lower, {}),
        "detail": (errors["Broken"]["fields"], lower, "optional Thing"),
        "import": (made["imports"], lower, "named/other/v1.yaml"),
        **{kind: (types, upper, stated) for kind, stated in OF_TYPES.items()},
    }
    holder, key, stated = place_in[place]
    if key in holder or (place == "role" and key in WORDS_OF_DIALOGUES):
        return None
    holder[key] = stated
    match place:
        case "error":
            methods["scan"]["errors"] = ["Broken", upper]
        case "role":
            del dialogues["Chat"]["host"]
        case "value":
            types["Thing"]["fields"]["d"] = {"type": "Kind", "default": lower}
        case "import":
            types["Thing"]["fields"]["imported"] = f"optional {lower}.Thing"
        case _ if place in OF_TYPES:
            methods["scan"]["params"] = {"one": upper, "more": f"list of {upper}"}
            methods["scan"]["yields"] = upper
        case _:
            pass  # it is used by being there
    return made


def service(base: int) -> Plain:
    """A whole one, whose parts are called as those of another are."""
    call = {"id": 1, "params": {"thing": "Thing"}, "returns": "Thing", "errors": ["Gone"]}
    news = {"id": 2, "fields": {"kind": "Kind"}}
    return {"base": base, "methods": {"get": call}, "events": {"said": news}}


def names_of_the_base(folder: Path) -> list[str]:
    """Every name in the package of `BASE`."""
    schema = folder / "schema"
    write(schema, OTHER)
    write(schema, BASE)
    result = build(schema, folder / "generated", targets=TARGETS, import_root="generated")
    assert result.ok
    found: set[str] = set()
    for file in (folder / "generated" / "named" / "base").rglob("*.py"):
        with file.open("rb") as read:
            found.update(one.string for one in tokenize(read.readline) if one.type == NAME)
    return sorted({snake(word.strip("_")) for word in found} - {""})


def write(schema: Path, contract: Plain) -> None:
    file = schema / f"{contract['package'].replace('.', '/')}.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(contract))


def findings(contract: Plain) -> list[Diagnostic]:
    texts = {
        f"{each['package'].replace('.', '/')}.yaml": json.dumps(each).encode()
        for each in (OTHER, contract)
    }
    found = [one for one in check(project_of_texts(texts, "schema")) if one.level == "error"]
    assert [f"{one.rule}: {one.message}" for one in found if one.rule not in REFUSALS] == []
    return found


def accepted(schema: Path, names: Sequence[str]) -> Iterator[str]:
    """Packages whose contract is written: one for each kind of thing whose name begins with a
    capital, and all others in it against which the checks have nothing."""
    for number, (name, kind) in enumerate(itertools.product(names, UPPER)):
        made = copy.deepcopy(BASE)
        made["package"] = f"named.p{number}.v1"
        made["services"]["Shop"]["base"] = 100 * number
        for place in (kind, *LOWER):
            more = with_name(made, place, name)
            if more is not None and not findings(more):
                made = more
        write(schema, made)
        yield made["package"]


def work(names: Sequence[str], folder: Path) -> None:
    schema = folder / "schema"
    write(schema, OTHER)
    packages = list(accepted(schema, names))
    result = build(schema, folder / "generated", targets=TARGETS, import_root="generated")
    errors = [each.message for each in result.diagnostics if each.level == "error"]
    assert errors == []
    run_python(folder, "-m", "tests.property.values_at_work", "schema", *packages)
    check_types(folder, "generated")


@pytest.mark.timeout(600)
def test_names_of_a_package_at_every_place_of_its_contract(tmp_path: Path) -> None:
    work(names_of_the_base(tmp_path / "base")[::A_PART], tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("part", range(PARTS))
def test_all_names_of_a_package_at_every_place_of_its_contract(part: int, tmp_path: Path) -> None:
    work(names_of_the_base(tmp_path / "base")[part::PARTS], tmp_path)
