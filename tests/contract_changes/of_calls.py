"""Changes of methods, events, errors, services and dialogues: what is called.

They are the same whichever way the values go.
"""

from typing import Final

from tests.contract_changes.place import Changer, Place, noted_in

CHANGES: Final[dict[str, Changer]] = {}
_change = noted_in(CHANGES)


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
