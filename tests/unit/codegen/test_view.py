from pathlib import Path

import pytest

from duologue_codegen.view import (
    AliasModel,
    ClassModel,
    EnumModel,
    EventView,
    PackageView,
    package_view,
)
from duologue_codegen.view.models import (
    EndlessAlias,
    FieldModel,
    TypeModel,
    in_reading_order,
)
from tests.unit.codegen.contracts import contract_of, view_of, write

SERVICE = """
types:
  Role: {doc: A role., enum: {owner: Owns., member: Is in.}, open: true}
  Thing: {doc: A thing., fields: {text: string}}
services:
  Rooms:
    doc: Rooms.
    methods:
      join: %s
"""

OTHER = """
duologue: 1
package: other.v1
types: {Event: {fields: {name: string}}, Subscription: {fields: {}}}
"""


def annotation_of(body: str, tmp_path: Path, field: str = "it") -> str:
    """The annotation of the field `it` of the type `Thing`."""
    view = view_of(body, tmp_path, imports_common=True)
    return field_of(view, "Thing", field).annotation


def field_of(view: PackageView, type_: str, field: str) -> FieldModel:
    model = next(each for each in view.models.types if each.name == type_)
    assert isinstance(model, ClassModel)
    return next(each for each in model.fields if each.name == field)


@pytest.mark.parametrize(
    ("stated", "spelled"),
    [
        ("string", "str"),
        ("int", "SafeInt"),
        ("int32", "Int32"),
        ("int64", "Int64"),
        ("float", "float"),
        ("bool", "bool"),
        ("bytes", "bytes"),
        ("datetime", "AwareDatetime"),
        ("date", "date"),
        ("time", "time"),
        ("duration", "timedelta"),
        ("uuid", "UUID"),
        ("decimal", "Decimal"),
        ("url", "Url"),
        ("json", "Json"),
        ("optional int", "SafeInt | None"),
        ("list of optional bytes", "list[bytes | None]"),
        ("map of int64", "dict[str, Int64]"),
        ("common.User", "User"),
        ("map of common.Color to list of common.User", "dict[Color, list[User]]"),
    ],
)
def test_every_type_has_one_spelling(stated: str, spelled: str, tmp_path: Path) -> None:
    body = f"types: {{Thing: {{fields: {{it: {stated}, of: common.User}}}}}}"
    assert annotation_of(body, tmp_path) == spelled


def test_an_open_enum_keeps_unknown_values_wherever_it_stands(tmp_path: Path) -> None:
    body = """
    types:
      Role: {enum: {owner: Owns.}, open: true}
      Thing: {fields: {it: map of Role to list of Role, of: common.User}}
    """
    assert annotation_of(body, tmp_path) == "dict[OpenEnum[Role], list[OpenEnum[Role]]]"


def test_an_imported_type_keeps_its_name(tmp_path: Path) -> None:
    view = view_of("types: {Thing: {fields: {it: common.User}}}", tmp_path, imports_common=True)
    assert "from generated.common.v1.models import User" in view.models.imports


def test_an_imported_type_whose_name_is_taken_gets_its_import_alias(tmp_path: Path) -> None:
    body = "types: {User: {fields: {it: common.User}}}"
    view = view_of(body, tmp_path, imports_common=True)
    assert field_of(view, "User", "it").annotation == "CommonUser"
    assert "from generated.common.v1.models import User as CommonUser" in view.models.imports


def test_without_an_import_root_packages_find_each_other_from_the_top(tmp_path: Path) -> None:
    body = "types: {Thing: {fields: {it: common.User}}}"
    view = view_of(body, tmp_path, imports_common=True, import_root="")
    assert "from common.v1.models import User" in view.models.imports


def test_an_enum_default_is_its_member_even_through_an_alias(tmp_path: Path) -> None:
    body = """
    types:
      Thing:
        fields:
          it: {type: Other, default: dark-red}
          of: {type: common.Color, default: red}
      Other: {is: Role}
      Role: {enum: {dark_red: {value: dark-red}}, open: false}
    """
    view = view_of(body, tmp_path, imports_common=True)
    defaults = [field_of(view, "Thing", name).default for name in ("it", "of")]
    assert [default and default.text for default in defaults] == ["Role.DARK_RED", "Color.RED"]


def test_an_optional_field_is_null_when_it_is_not_given(tmp_path: Path) -> None:
    view = view_of("types: {Thing: {fields: {it: optional int}}}", tmp_path)
    default = field_of(view, "Thing", "it").default
    assert default is not None
    assert default.text == "None"


def test_a_field_of_explicit_presence_has_no_default_but_may_be_absent(tmp_path: Path) -> None:
    body = "types: {Thing: {fields: {it: {type: optional int, presence: explicit}}}}"
    field = field_of(view_of(body, tmp_path), "Thing", "it")
    assert field.default is None
    assert field.may_be_absent
    assert not field.required


def test_a_variant_starts_with_the_tag_of_its_union(tmp_path: Path) -> None:
    body = """
    types:
      Text: {fields: {text: string}}
      File: {fields: {name: string}}
      Body: {union: {text: Text, file: File}, tag: kind, open: false}
    """
    view = view_of(body, tmp_path)
    text = next(each for each in view.models.types if each.name == "Text")
    assert isinstance(text, ClassModel)
    assert [field.name for field in text.fields] == ["kind", "text"]
    assert text.fields[0].annotation == "Literal['text']"


@pytest.mark.parametrize(
    ("stated", "spelled"),
    [
        ("open: false", "Annotated[A | B, Field(discriminator='kind')]"),
        ("open: true", "Annotated[A | B | Unknown, OpenUnion('kind')]"),
    ],
)
def test_a_union_is_told_apart_by_its_tag(stated: str, spelled: str, tmp_path: Path) -> None:
    body = f"""
    types:
      A: {{fields: {{text: string}}}}
      B: {{fields: {{name: string}}}}
      Body: {{union: {{a: A, b: B}}, tag: kind, {stated}}}
    """
    view = view_of(body, tmp_path)
    union = next(each for each in view.models.types if each.name == "Body")
    assert isinstance(union, AliasModel)
    assert union.annotation == spelled


def test_a_closed_union_of_one_is_that_one(tmp_path: Path) -> None:
    body = """
    types:
      A: {fields: {text: string}}
      Body: {union: {a: A}, tag: kind, open: false}
    """
    union = next(each for each in view_of(body, tmp_path).models.types if each.name == "Body")
    assert isinstance(union, AliasModel)
    assert union.annotation == "A"


def test_a_field_called_as_its_type_gives_the_type_another_name(tmp_path: Path) -> None:
    body = """
    types: {Thing: {fields: {time: optional time, it: time, of: date}}}
    """
    view = view_of(body, tmp_path)
    spelled = [field_of(view, "Thing", name).annotation for name in ("time", "it", "of")]
    assert spelled == ["time_ | None", "time_", "date"]
    assert "from datetime import time as time_" in view.models.imports
    assert "from datetime import date" in view.models.imports


@pytest.mark.parametrize(
    "body",
    [
        "types: {Thing: {fields: {it: date}}, B: {fields: {date: int}}}",
        "types: {Thing: {fields: {it: date}}}\nerrors: {Bad: {fields: {date: int}}}",
        "types: {Thing: {fields: {it: date}}}\n"
        "services: {S: {methods: {m: {id: 1, params: {date: int}}}}}",
        "types: {Thing: {fields: {it: date}}}\n"
        "services: {S: {events: {e: {id: 1, fields: {date: int}}}}}",
        "types:\n"
        "  Thing: {fields: {it: date}}\n"
        "  B: {union: {thing: Thing}, tag: date, open: false}",
        "types:\n"
        "  Thing: {fields: {it: date}}\n"
        "  B: {schema: {type: object, properties: {date: {type: integer}}}}",
    ],
)
def test_every_class_of_the_models_is_looked_at_for_such_names(body: str, tmp_path: Path) -> None:
    assert annotation_of(body + "\n", tmp_path) == "date_"


def test_a_raw_property_with_an_underscore_is_made_way_for(tmp_path: Path) -> None:
    properties = "{date: {type: string, format: date}, date_: {type: integer}}"
    body = f"types: {{Thing: {{schema: {{type: object, properties: {properties}}}}}}}"
    assert field_of(view_of(body, tmp_path), "Thing", "date").annotation == "date__"


# ---- services ------------------------------------------------------------------------------------


def join_of(stated: str, tmp_path: Path) -> PackageView:
    return view_of(SERVICE % stated, tmp_path)


def test_keywords_are_spelled_for_people(tmp_path: Path) -> None:
    stated = (
        "{id: 1, params: {a: int, b: datetime, c: {type: Role, default: owner}, "
        "d: {type: list of int, default: []}, e: {type: string, presence: explicit}}}"
    )
    method = join_of(stated, tmp_path).services[0].methods[0]
    assert [each.parameter for each in method.keywords] == [
        "a: int",
        "b: datetime",
        "c: Role | str = Role.OWNER",
        "d: list[int] = []",
        "e: str | MISSING = MISSING",
    ]


def test_a_keyword_called_c_gives_the_contract_module_another_name(tmp_path: Path) -> None:
    assert join_of("{id: 1, params: {c: int}}", tmp_path).services[0].contract_module == "_contract"
    assert join_of("{id: 1, params: {d: int}}", tmp_path).services[0].contract_module == "c"


def test_params_have_a_class_named_after_service_and_method(tmp_path: Path) -> None:
    view = join_of("{id: 1, params: {a: int}}", tmp_path)
    assert view.services[0].methods[0].params == "Params(m.RoomsJoinParams)"
    assert view.services[0].methods[0].params_class == "RoomsJoinParams"
    assert "RoomsJoinParams" in [each.name for each in view.models.types]


def test_a_named_object_is_used_as_params_directly(tmp_path: Path) -> None:
    view = join_of("{id: 1, params: Thing}", tmp_path)
    assert view.services[0].methods[0].params == "Params(m.Thing)"
    assert [each.parameter for each in view.services[0].methods[0].keywords] == ["text: str"]
    assert "RoomsJoinParams" not in [each.name for each in view.models.types]


@pytest.mark.parametrize(
    ("returns", "codec", "spelled"),
    [
        ("Thing", "Codec(m.Thing)", "Thing"),
        ("bool", "Codec(bool)", "bool"),
        ("int", "Codec[int](SafeInt)", "int"),
        ("list of Thing", "Codec[list[m.Thing]](list[m.Thing])", "list[Thing]"),
        (
            "Role",
            'Codec[m.Role | str](Annotated[m.Role | str, Field(union_mode="left_to_right")])',
            "Role | str",
        ),
        (
            "optional Role",
            "Codec[m.Role | str | None]"
            '(Annotated[m.Role | str | None, Field(union_mode="left_to_right")])',
            "Role | str | None",
        ),
    ],
)
def test_a_result_has_a_codec_and_a_type(
    returns: str, codec: str, spelled: str, tmp_path: Path
) -> None:
    method = join_of(f"{{id: 1, returns: {returns}}}", tmp_path).services[0].methods[0]
    assert (method.codec, method.returns) == (codec, spelled)


def test_a_method_that_gives_nothing_returns_none(tmp_path: Path) -> None:
    method = join_of("{id: 1}", tmp_path).services[0].methods[0]
    assert (method.codec, method.returns, method.params) == ("NOTHING", "None", "NO_PARAMS")


def test_a_method_called_as_a_type_gives_the_type_another_name(tmp_path: Path) -> None:
    body = """
    services:
      S: {methods: {date: {id: 1, params: {time: time}, returns: date}}}
    """
    view = view_of(body, tmp_path)
    method = view.services[0].methods[0]
    assert (method.returns, method.codec) == ("date_", "Codec(date)")
    assert [each.parameter for each in method.keywords] == ["time: time"]
    assert "from datetime import date as date_" in view.imports["service"]


@pytest.mark.parametrize(
    ("returns", "codec", "class_"),
    [("byte stream", "BYTE_STREAM", "ByteStream"), ("text stream", "TEXT_STREAM", "TextStream")],
)
def test_a_stream_is_a_class_of_the_runtime(
    returns: str, codec: str, class_: str, tmp_path: Path
) -> None:
    view = join_of(f"{{id: 1, returns: {returns}}}", tmp_path)
    method = view.services[0].methods[0]
    assert (method.codec, method.returns) == (codec, class_)
    for file in ("client", "service"):
        assert f"from duologue import {class_}" in view.imports[file]


def test_positional_params_have_a_constructor_of_their_own(tmp_path: Path) -> None:
    method = join_of("{id: 1, args: positional, params: Thing}", tmp_path).services[0].methods[0]
    assert method.params == "PositionalParams(m.Thing)"


def event_of(stated: str, tmp_path: Path) -> EventView:
    body = f"""
    types: {{Peer: {{fields: {{name: string}}}}, Role: {{enum: {{a: A.}}, open: true}}}}
    services: {{Rooms: {{events: {{happened: {stated}}}}}}}
    """
    return view_of(body, tmp_path).services[0].events[0]


def test_an_event_has_a_class_named_after_service_and_event(tmp_path: Path) -> None:
    event = event_of("{id: 1, fields: {at: datetime, role: {type: Role, default: a}}}", tmp_path)
    assert (event.constant, event.full_name) == ("ROOMS_HAPPENED", "Rooms.happened")
    assert (event.constructor, event.payload) == ("Event", "Params(m.RoomsHappened)")
    assert event.handler_type == "EventHandler[RoomsHappened]"
    assert event.subscription_type == "Subscription[RoomsHappened]"
    assert [each.parameter for each in event.keywords] == [
        "at: datetime",
        "role: Role | str = Role.A",
    ]
    assert (event.peer, event.contract_module) == ("peer", "c")


def test_an_event_carries_a_named_object_directly(tmp_path: Path) -> None:
    event = event_of("{id: 1, payload: Peer}", tmp_path)
    assert event.payload == "Params(m.Peer)"
    assert event.handler_type == "EventHandler[Peer]"
    assert [each.parameter for each in event.keywords] == ["name: str"]


def test_an_event_that_carries_nothing_yet_has_its_class_all_the_same(tmp_path: Path) -> None:
    event = event_of("{id: 1, fields: {}}", tmp_path)
    assert (event.payload, event.keywords) == ("Params(m.RoomsHappened)", ())


def test_what_an_event_needs_makes_way_for_names_of_the_contract(tmp_path: Path) -> None:
    event = event_of("{id: 1, fields: {peer: string, c: string}}", tmp_path)
    assert (event.peer, event.peer_type, event.contract_module) == ("peer_", "Peer_", "_contract")


def test_what_an_event_needs_makes_way_for_imported_types(tmp_path: Path) -> None:
    write(tmp_path / "schema", "other/v1.yaml", OTHER)
    text = """
    duologue: 1
    package: test.v1
    imports: {other: other/v1.yaml}
    services: {Rooms: {events: {happened: {id: 1, payload: other.Event}}}}
    """
    view = package_view(
        contract_of(text, tmp_path), contract_json="", digest="", import_root="generated"
    )
    event = view.services[0].events[0]
    assert (event.constructor, event.payload) == ("Event_", "Params(Event)")
    assert event.subscription_type == "Subscription_[Event]"


@pytest.mark.parametrize(
    ("message", "literal"),
    [
        ("plain", '"plain"'),
        ("room {it} not found", 'f"room {self.data.it} not found"'),
        ("{{it}} is {it}", 'f"{{it}} is {self.data.it}"'),
        ("{{it}}", '"{it}"'),
    ],
)
def test_a_message_becomes_a_string_over_the_fields(
    message: str, literal: str, tmp_path: Path
) -> None:
    body = f'errors: {{Bad: {{fields: {{it: string}}, message: "{message}"}}}}'
    assert view_of(body, tmp_path).errors[0].message == literal


def test_quotes_and_backslashes_in_a_message_stay_inside_it(tmp_path: Path) -> None:
    body = """
    errors:
      Bad: {fields: {it: string}, message: 'it''s "{it}" \\ {{x}}'}
    """
    literal = view_of(body, tmp_path).errors[0].message
    assert literal is not None

    class Data:
        it = "A"

    class Self:
        data = Data

    assert eval(literal, {"self": Self}) == 'it\'s "A" \\ {x}'


# ---- order ---------------------------------------------------------------------------------------


def a_class(name: str, *mentioned: str) -> ClassModel:
    field = FieldModel(name="it", annotation="?", needs=frozenset(mentioned))
    return ClassModel(name=name, fields=(field,))


def an_alias(name: str, *mentioned: str) -> AliasModel:
    return AliasModel(name=name, annotation="?", needs=frozenset(mentioned))


def order_of(*types: TypeModel) -> list[str]:
    return [each.name for each in in_reading_order(list(types))]


def test_types_stay_in_the_order_of_the_file_where_they_can() -> None:
    assert order_of(a_class("B"), a_class("A"), a_class("C", "B")) == ["B", "A", "C"]


def test_a_type_comes_after_what_it_mentions() -> None:
    types = (an_alias("List", "Item"), a_class("Item", "Kind"), EnumModel(name="Kind", members=()))
    assert order_of(*types) == ["Kind", "Item", "List"]


def test_a_class_may_mention_itself() -> None:
    assert order_of(a_class("Tree", "Tree")) == ["Tree"]


def test_in_a_circle_the_class_comes_before_the_alias() -> None:
    types = (an_alias("Shape", "Circle"), a_class("Circle", "Shape"))
    assert order_of(*types) == ["Circle", "Shape"]


def test_what_only_leads_into_a_circle_waits_for_it() -> None:
    types = (a_class("Start", "Left"), a_class("Left", "Right"), a_class("Right", "Left"))
    assert order_of(*types) == ["Left", "Right", "Start"]


def test_aliases_that_mean_each_other_are_refused() -> None:
    with pytest.raises(EndlessAlias):
        order_of(an_alias("A", "B"), an_alias("B", "A"))
