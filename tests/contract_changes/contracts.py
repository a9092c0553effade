"""Small random contracts, to be changed.

A contract has the same things three times: for what goes to the provider, for what comes from it,
and for what does both. Every row of the table of changes can so be met in each direction.
"""

import random
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
