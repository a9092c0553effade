from pathlib import Path

import pytest

from duologue_codegen.targets.python.view import (
    AliasModel,
    ClassModel,
    FieldModel,
    PackageView,
)
from tests.unit.codegen.contracts import view_of

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
