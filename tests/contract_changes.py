"""Random contracts that are small, and random changes of them: pairs of an old and a new one.

A contract has the same things three times: for what goes to the provider, for what comes from it,
and for what does both. Every row of the table of changes can so be met in each direction.
"""

import copy
import itertools
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

Plain: TypeAlias = dict[str, Any]
"""A contract or a part of one, as plain data. JSON is YAML."""
FAMILIES: Final = ("In", "Out", "Both")

_FIELDS: Final[tuple[Plain | str, ...]] = (
    "string",
    "int",
    "uuid",
    "optional datetime",
    {"type": "string", "min": 2, "max": 9},
    {"type": "int", "min": 0, "max": 100},
    {"type": "int32", "gt": -4, "multiple_of": 2},
    {"type": "float", "min": -1.5, "lt": 8},
    {"type": "decimal", "min": 0.5},
    {"type": "int64", "max": 1000},
    {"type": "bytes", "max": 6},
    {"type": "optional string", "presence": "omit_null"},
    {"type": "optional int", "presence": "explicit"},
    {"type": "bool", "default": True},
    {"type": "string", "default": "x"},
    "Enum",
    "optional Enum",
    "Alias",
    "Union",
    "Number",
    "list of Enum",
    "list of Part",
    {"type": "list of int", "min": 1, "max": 4},
    "map of Part",
    "map of Alias to int",
    "map of uint32 to string",
    "text of Part",
    "int or string",
    "optional bool or list of Part",
    "json",
)


def contract(pick: random.Random) -> Plain:
    """A random contract `pair.v1`."""
    types: Plain = {}
    for family in FAMILIES:
        types |= {f"{name}{family}": value for name, value in _types(pick, family).items()}
    return {
        "duologue": 1,
        "package": "pair.v1",
        "types": types,
        "errors": {
            "Fault": {"fields": {"why": "EnumOut", "part": "PartOut", "left": "int"}},
            "Plain": {"code": "plain-one"},
        },
        "services": {
            "Things": _service(pick),
            "Clock": {"base": 900, "methods": {"now": {"id": 1}}},
        },
        "dialogues": {"Talk": {"host": ["Things"], "guest": ["Clock"]}},
    }


def _types(pick: random.Random, family: str) -> Plain:
    fields = {f"f{index}": _field(pick, family) for index in range(5)}
    return {
        "Enum": {"enum": {"red": {}, "green": {"value": "GREEN"}}, "open": pick.random() < 0.3},
        "Number": {
            "enum": {"low": {"value": 1}, "high": {"value": 7}},
            "open": pick.random() < 0.3,
        },
        "Alias": {"is": {"type": "string", "pattern": "^[a-z]{1,8}$"}},
        "Part": {
            "fields": {"a": "int", "b": "optional string", "c": {"type": "int", "default": 3}}
        },
        "FormA": {"fields": {"x": "int"}},
        "FormB": {"fields": {"y": f"optional Enum{family}"}},
        "FormC": {"fields": {"z": "string"}},
        "Union": {
            "union": {"a": f"FormA{family}", "b": f"FormB{family}"},
            "tag": "kind",
            "open": pick.random() < 0.3,
        },
        "Thing": {"fields": {**fields, "e": f"Enum{family}", "u": f"Union{family}"}},
    }


_NAMED: Final = ("Enum", "Alias", "Union", "Number", "Part")


def _field(pick: random.Random, family: str) -> Plain:
    stated = pick.choice(_FIELDS)
    field: Plain = {"type": stated} if isinstance(stated, str) else dict(stated)
    words = [f"{word}{family}" if word in _NAMED else word for word in field["type"].split()]
    field["type"] = " ".join(words)
    return field


def _service(pick: random.Random) -> Plain:
    effect = pick.choice(["read", "idempotent", "write"])
    return {
        "base": 100,
        "methods": {
            "take": {"id": 1, "params": {"thing": "ThingIn", "number": "NumberIn", "n": "int"}},
            "give": {"id": 2, "effect": effect, "returns": "ThingOut", "errors": ["Fault"]},
            "both": {"id": 3, "params": "ThingBoth", "returns": "list of ThingBoth"},
            "pour": {
                "id": 4,
                "params": {"n": "int"},
                "sends": "PartIn",
                "yields": "UnionOut",
                "returns": "optional NumberOut",
            },
            "spare": {"id": 5, "effect": effect, "params": {"n": "int"}, "returns": "string"},
            "placed": {
                "id": 6,
                "args": "positional",
                "params": {"a": "int", "b": "optional string"},
            },
        },
        "events": {
            "told": {"id": 20, "fields": {"part": "PartOut", "n": "int"}, "key": "n", "replay": 5}
        },
        "reserved": {"ids": [9], "names": ["gone"]},
    }


# ---- changes -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Place:
    """Where a change happens, and what decides it."""

    pick: random.Random
    old: Plain
    new: Plain
    family: str

    @property
    def types(self) -> Plain:
        """The types of the new contract."""
        found: Plain = self.new["types"]
        return found

    def type(self, name: str) -> Plain:
        """One that goes this family's way."""
        found: Plain = self.types[f"{name}{self.family}"]
        return found

    @property
    def methods(self) -> Plain:
        """The methods of the new contract's service."""
        found: Plain = self.new["services"]["Things"]["methods"]
        return found

    def fields(self) -> Plain:
        """The fields of an object that goes this family's way."""
        found: Plain = self.type(self.pick.choice(["Thing", "Part"]))["fields"]
        return found

    def field(self) -> tuple[Plain, str, Plain]:
        """One of them, in its long form."""
        fields = self.fields()
        name = self.pick.choice([each for each in fields if each not in {"e", "u"}])
        if isinstance(fields[name], str):
            fields[name] = {"type": fields[name]}
        return fields, name, fields[name]


Changer: TypeAlias = Callable[[Place], None]
CHANGES: Final[dict[str, Changer]] = {}


class NotHere(Exception):
    """The change cannot be made at this place."""


ATTEMPTS: Final = 40
"""Random contracts that are looked at for a place where a change can be made."""


def _change(function: Changer) -> Changer:
    CHANGES[function.__name__] = function
    return function


@_change
def add_required_field(at: Place) -> None:
    at.fields()["added"] = "int"


@_change
def add_optional_field(at: Place) -> None:
    at.fields()["added"] = at.pick.choice(
        ["optional int", {"type": "int", "default": 1}, {"type": "int", "presence": "explicit"}]
    )


@_change
def remove_field(at: Place) -> None:
    fields, name, _ = at.field()
    del fields[name]


@_change
def remove_deprecated_field(at: Place) -> None:
    holder = at.pick.choice(["Thing", "Part"])
    name = at.pick.choice(["f0", "f1"] if holder == "Thing" else ["a", "b"])
    old = at.old["types"][f"{holder}{at.family}"]["fields"]
    stated = old[name]
    old[name] = {**({"type": stated} if isinstance(stated, str) else stated), "deprecated": "Old."}
    del at.type(holder)["fields"][name]


@_change
def rename_field(at: Place) -> None:
    fields, name, stated = at.field()
    del fields[name]
    fields["renamed"] = stated


@_change
def change_wire_name(at: Place) -> None:
    _, _, stated = at.field()
    stated["wire"] = "otherKey"


@_change
def change_name_in_code(at: Place) -> None:
    fields, name, stated = at.field()
    del fields[name]
    fields["in_code"] = {**stated, "wire": stated.get("wire", name)}


@_change
def make_optional(at: Place) -> None:
    _, _, stated = at.field()
    if stated["type"].startswith("optional") or "default" in stated or "presence" in stated:
        raise NotHere
    stated["type"] = f"optional {stated['type']}"


@_change
def make_required(at: Place) -> None:
    _, _, stated = at.field()
    if not stated["type"].startswith("optional "):
        raise NotHere
    stated["type"] = stated["type"].removeprefix("optional ")
    stated.pop("presence", None)


@_change
def change_default(at: Place) -> None:
    _, _, stated = at.field()
    if "default" in stated:
        if at.pick.random() < 0.5:
            del stated["default"]
        else:
            stated["default"] = {True: False, "x": "y", 3: 4}[stated["default"]]
    elif stated["type"] == "string" and "min" not in stated:
        stated["default"] = "new"
    elif stated["type"] == "int" and "min" not in stated:
        stated["default"] = 5
    else:
        raise NotHere


@_change
def change_presence(at: Place) -> None:
    _, _, stated = at.field()
    if "default" in stated:
        raise NotHere
    if "presence" in stated:
        del stated["presence"]
    elif stated["type"].startswith("optional "):
        stated["presence"] = at.pick.choice(["omit_null", "explicit"])
    else:
        stated["presence"] = "explicit"


_OTHERS: Final = {
    "string": ("int", "uuid", "list of string", "json", "url"),
    "int": ("int64", "int32", "string", "float", "list of int", "int or string", "uint32"),
    "uuid": ("string", "int"),
    "float": ("int", "decimal"),
    "int32": ("int", "int64", "uint32"),
    "int64": ("int", "uint64", "decimal", "string"),
    "decimal": ("float", "string"),
    "bytes": ("string", "list of int"),
    "bool": ("int", "string"),
    "json": ("string", "map of json"),
    "list of int": ("int", "list of int64"),
}


@_change
def replace_type(at: Place) -> None:
    _, _, stated = at.field()
    optional = "optional " if stated["type"].startswith("optional ") else ""
    bare = stated["type"].removeprefix("optional ")
    if bare in _OTHERS:
        stated["type"] = optional + at.pick.choice(_OTHERS[bare])
    elif bare.startswith(("Enum", "Alias")):
        stated["type"] = f"{optional}string"
    elif bare.startswith("Number"):
        stated["type"] = f"{optional}int"
    else:
        stated["type"] = f"list of {bare}" if not optional else "optional int"
    for bound in ("min", "max", "gt", "lt", "multiple_of", "default"):
        stated.pop(bound, None)


@_change
def single_to_list(at: Place) -> None:
    _, _, stated = at.field()
    if " " in stated["type"] or {"min", "max", "gt", "default"} & stated.keys():
        raise NotHere
    stated["type"] = f"list of {stated['type']}"


@_change
def tighten_bounds(at: Place) -> None:
    _, _, stated = at.field()
    if "max" in stated:
        stated["max"] = stated["max"] - 1
    elif "min" in stated:
        stated["min"] = stated["min"] + 1
    elif stated["type"] in {"string", "int"} and "default" not in stated:
        stated["max"] = 7
    elif stated["type"] == "int32":
        stated["multiple_of"] = 4
    else:
        raise NotHere


@_change
def loosen_bounds(at: Place) -> None:
    _, _, stated = at.field()
    bound = next(
        (each for each in ("max", "gt", "lt", "min", "multiple_of") if each in stated), None
    )
    if bound is None:
        raise NotHere
    if at.pick.random() < 0.5:
        del stated[bound]
    else:
        stated[bound] = {"max": stated[bound] + 1, "min": 0, "gt": -9, "lt": 9, "multiple_of": 1}[
            bound
        ]


@_change
def change_pattern(at: Place) -> None:
    if at.type("Alias")["is"] == "string":
        raise NotHere
    at.type("Alias")["is"]["pattern"] = at.pick.choice(["^[a-z0-9]{1,8}$", "^x"])


@_change
def drop_pattern(at: Place) -> None:
    at.type("Alias")["is"] = "string"


@_change
def add_enum_value(at: Place) -> None:
    values: list[tuple[str, dict[str, int]]] = [("Enum", {}), ("Number", {"value": 9})]
    name, value = at.pick.choice(values)
    at.type(name)["enum"]["added"] = value


@_change
def remove_enum_value(at: Place) -> None:
    enum = at.type(at.pick.choice(["Enum", "Number"]))["enum"]
    del enum[at.pick.choice(list(enum))]


@_change
def change_enum_value(at: Place) -> None:
    at.type("Enum")["enum"]["green"] = {"value": "verde"}


@_change
def rename_enum_member(at: Place) -> None:
    enum = at.type("Enum")["enum"]
    enum["lime"] = enum.pop("green")


@_change
def open_or_close(at: Place) -> None:
    type_ = at.type(at.pick.choice(["Enum", "Number", "Union"]))
    type_["open"] = not type_["open"]


@_change
def add_form(at: Place) -> None:
    at.type("Union")["union"]["c"] = f"FormC{at.family}"


@_change
def remove_form(at: Place) -> None:
    del at.type("Union")["union"]["b"]


@_change
def change_tag(at: Place) -> None:
    at.type("Union")["tag"] = "other_tag"


@_change
def change_tag_value(at: Place) -> None:
    union = at.type("Union")["union"]
    union["alpha"] = union.pop("a")


@_change
def null_in_list(at: Place) -> None:
    at.type("Thing")["fields"]["listed"] = "list of optional int"
    at.old["types"][f"Thing{at.family}"]["fields"]["listed"] = "list of int"


@_change
def no_null_in_list(at: Place) -> None:
    at.type("Thing")["fields"]["listed"] = "list of int"
    at.old["types"][f"Thing{at.family}"]["fields"]["listed"] = "list of optional int"


@_change
def add_alternative(at: Place) -> None:
    at.type("Thing")["fields"]["either"] = f"int or string or Part{at.family}"
    at.old["types"][f"Thing{at.family}"]["fields"]["either"] = "int or string"


@_change
def remove_alternative(at: Place) -> None:
    at.type("Thing")["fields"]["either"] = "int or bool"
    at.old["types"][f"Thing{at.family}"]["fields"]["either"] = "int or bool or string"


@_change
def change_map_key(at: Place) -> None:
    keys = at.pick.sample(["uint32", "int", "string", f"Alias{at.family}", f"Enum{at.family}"], 2)
    at.type("Thing")["fields"]["mapped"] = f"map of {keys[0]} to int"
    at.old["types"][f"Thing{at.family}"]["fields"]["mapped"] = f"map of {keys[1]} to int"


@_change
def toggle_unknown(at: Place) -> None:
    at.type("Part")["unknown"] = "keep"


@_change
def change_text_of(at: Place) -> None:
    at.type("Thing")["fields"]["held"] = "string"
    at.old["types"][f"Thing{at.family}"]["fields"]["held"] = f"text of Part{at.family}"


@_change
def rename_type(at: Place) -> None:
    text = repr(at.new).replace(f"Part{at.family}", f"Piece{at.family}")
    at.new.clear()
    at.new.update(eval(text, {}))


# ---- changes of methods --------------------------------------------------------------------------


@_change
def remove_method(at: Place) -> None:
    del at.methods["spare"]
    if at.pick.random() < 0.7:
        at.new["services"]["Things"]["reserved"]["ids"] = [9, 5]
    if at.pick.random() < 0.3:
        at.old["services"]["Things"]["methods"]["spare"]["deprecated"] = "Use `give`."


@_change
def rename_method(at: Place) -> None:
    at.methods["renamed"] = at.methods.pop("spare")


@_change
def change_id(at: Place) -> None:
    at.methods["spare"]["id"] = 15


@_change
def reuse_id(at: Place) -> None:
    at.methods["fresh"] = {"id": 9, "returns": "int"}
    at.new["services"]["Things"]["reserved"]["ids"] = [8]


@_change
def free_reserved(at: Place) -> None:
    at.new["services"]["Things"]["reserved"] = {"ids": [10], "names": ["gone"]}


@_change
def add_method(at: Place) -> None:
    at.methods["fresh"] = {"id": 16, "returns": "int"}


@_change
def change_kind(at: Place) -> None:
    at.methods["spare"][at.pick.choice(["sends", "yields"])] = "int"


@_change
def change_items(at: Place) -> None:
    name, choices = at.pick.choice([("sends", ["bytes", "int"]), ("yields", ["bytes", "PartOut"])])
    at.methods["pour"][name] = at.pick.choice(choices)


@_change
def change_result(at: Place) -> None:
    result = at.pick.choice(["int", "json", "optional string", "byte stream", None])
    if result is None:
        del at.methods["spare"]["returns"]
    else:
        at.methods["spare"]["returns"] = result


@_change
def add_result(at: Place) -> None:
    at.methods["take"]["returns"] = at.pick.choice(["int", "optional int", "ThingOut"])


@_change
def drop_params(at: Place) -> None:
    del at.methods["spare"]["params"]


@_change
def add_params(at: Place) -> None:
    at.methods["give"]["params"] = at.pick.choice([{"n": "int"}, {"n": "optional int"}])


@_change
def change_args(at: Place) -> None:
    if at.pick.random() < 0.5:
        del at.methods["placed"]["args"]
    else:
        at.methods["spare"]["args"] = "positional"


@_change
def reorder_args(at: Place) -> None:
    params = at.methods["placed"]["params"]
    at.methods["placed"]["params"] = at.pick.choice(
        [
            {"b": params["b"], "a": params["a"]},
            {**params, "c": "optional int"},
            {**params, "c": "int"},
        ]
    )


@_change
def change_effect(at: Place) -> None:
    spare = at.methods["spare"]
    spare["effect"] = at.pick.choice(
        [each for each in ("read", "write") if each != spare["effect"]]
    )


@_change
def change_cancel(at: Place) -> None:
    methods = at.pick.choice([at.methods, at.old["services"]["Things"]["methods"]])
    methods["spare"]["cancel"] = "ignore"


@_change
def change_retry(at: Place) -> None:
    at.new["errors"]["Fault"]["retry"] = "later"


@_change
def change_buffer(at: Place) -> None:
    told = at.new["services"]["Things"]["events"]["told"]
    told["buffer"] = {"max": 9, "when_full": "close"}


@_change
def change_errors(at: Place) -> None:
    at.methods["give"]["errors"] = at.pick.choice([["Plain"], ["Fault", "Plain"]])


@_change
def change_code(at: Place) -> None:
    at.new["errors"]["Fault"]["code"] = "other_fault"


@_change
def change_error_fields(at: Place) -> None:
    fields = at.new["errors"]["Fault"]["fields"]
    match at.pick.randrange(4):
        case 0:
            fields["more"] = "int"
        case 1:
            fields["more"] = "optional int"
        case 2:
            del fields["left"]
        case _:
            fields["left"] = "string"


@_change
def change_event(at: Place) -> None:
    fields = at.new["services"]["Things"]["events"]["told"]["fields"]
    match at.pick.randrange(4):
        case 0:
            fields["more"] = "int"
        case 1:
            fields["more"] = "optional int"
        case 2:
            del fields["part"]
        case _:
            fields["part"] = "optional PartOut"


@_change
def change_key(at: Place) -> None:
    told = at.new["services"]["Things"]["events"]["told"]
    if at.pick.random() < 0.5:
        del told["key"]
    else:
        told["fields"]["k"] = "optional string"
        told["key"] = "k"


@_change
def remove_event(at: Place) -> None:
    del at.new["services"]["Things"]["events"]
    at.new["services"]["Things"]["reserved"]["ids"] = [9, 20]


@_change
def rename_service(at: Place) -> None:
    services = at.new["services"]
    services["Stuff"] = services.pop("Things")
    at.new["dialogues"]["Talk"]["host"] = ["Stuff"]


@_change
def change_role(at: Place) -> None:
    roles = [["Things"], ["Clock"], ["Things", "Clock"]]
    role = at.pick.choice(["host", "guest"])
    talk = at.new["dialogues"]["Talk"]
    talk[role] = at.pick.choice([each for each in roles if each != talk[role]])


@_change
def remove_role(at: Place) -> None:
    talk = at.new["dialogues"]["Talk"]
    talk["visitor"] = talk.pop("guest")


@_change
def move_base(at: Place) -> None:
    at.new["services"]["Things"]["base"] = 500


@_change
def change_docs(at: Place) -> None:
    at.type("Part")["doc"] = "Another one."
    at.methods["spare"]["deprecated"] = "Use `give`."
    at.methods["spare"]["timeout"] = "5s"


CHANGES_OF_CALLS: Final = tuple(list(CHANGES)[list(CHANGES).index("remove_method") :])
"""They are the same whichever way the values go."""
CHANGES_OF_VALUES: Final = tuple(name for name in CHANGES if name not in CHANGES_OF_CALLS)


@dataclass(frozen=True)
class ChangedContract:
    """An old and a new contract, and what was done between them."""

    old: Plain
    new: Plain
    changes: tuple[str, ...]
    family: str


def changed_contracts(seed: int) -> Iterator[ChangedContract]:
    """Pairs without end; every change comes by turns, in every family. Some have several."""
    pick = random.Random(seed)
    turns = [(name, family) for name in CHANGES_OF_VALUES for family in FAMILIES]
    turns += [(name, pick.choice(FAMILIES)) for name in CHANGES_OF_CALLS for _ in range(2)]
    pick.shuffle(turns)
    for name, family in itertools.cycle(turns):
        pair = _changed(pick, name, family)
        if pair is not None:
            yield pair


def _changed(pick: random.Random, first: str, family: str) -> ChangedContract | None:
    for _ in range(ATTEMPTS):
        old = contract(pick)
        new = copy.deepcopy(old)
        done: list[str] = []
        for name in (first, *pick.sample(list(CHANGES), pick.choice([0, 0, 0, 1, 2]))):
            try:
                CHANGES[name](Place(pick, old, new, family))
            except (NotHere, KeyError):
                continue
            done.append(name)
        if first in done:
            return ChangedContract(old, new, tuple(done), family)
    return None
