"""Changes of types and fields: what travels."""

from typing import Final

from tests.contract_changes.place import Changer, NotHere, Place, noted_in

CHANGES: Final[dict[str, Changer]] = {}
_change = noted_in(CHANGES)


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
