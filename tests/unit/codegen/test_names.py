import pytest
from pydantic import BaseModel

from duologue.typed.model import HIDDEN
from duologue_codegen.names import (
    as_yaml,
    field_name_taken,
    is_pascal,
    is_snake,
    method_name_taken,
    pascal,
    snake,
    type_name_taken,
    upper_snake,
)


@pytest.mark.parametrize(
    ("name", "as_snake", "as_pascal"),
    [
        ("RoomFull", "room_full", "RoomFull"),
        ("sent_at", "sent_at", "SentAt"),
        ("sentAt", "sent_at", "SentAt"),
        ("HTTPError", "http_error", "HTTPError"),
        ("V2Plan", "v2_plan", "V2Plan"),
        ("read_2", "read_2", "Read2"),
        ("dark-green", "dark_green", "DarkGreen"),
    ],
)
def test_names_change_their_case(name: str, as_snake: str, as_pascal: str) -> None:
    assert snake(name) == as_snake
    assert upper_snake(name) == as_snake.upper()
    assert pascal(name) == as_pascal


@pytest.mark.parametrize("name", ["a", "a1", "sent_at", "a_1"])
def test_snake_names_are_known(name: str) -> None:
    assert is_snake(name)


@pytest.mark.parametrize("name", ["", "A", "_a", "a_", "a__b", "1a", "a-b", "ä", "a\n"])
def test_other_names_are_not_snake(name: str) -> None:
    assert not is_snake(name)


@pytest.mark.parametrize("name", ["", "a", "A_B", "1A", "Ä", "A\n"])
def test_other_names_are_not_pascal(name: str) -> None:
    assert not is_pascal(name)


@pytest.mark.parametrize("name", ["class", "self", "_a", "is", "from", "model_fields"])
def test_fields_leave_python_its_names(name: str) -> None:
    assert field_name_taken(name) is not None


@pytest.mark.parametrize(
    "name",
    [
        *("type", "list", "id", "format", "filter", "match", "case", "items", "params", "ctx"),
        *("json", "copy", "schema", "dict", "validate", "mro", "register", "model_name"),
        *("datetime", "date", "time", "args", "kwargs", "day", "none", "kind", "client"),
    ],
)
def test_ordinary_words_are_free_for_fields_and_methods(name: str) -> None:
    assert field_name_taken(name) is None
    assert method_name_taken(name) is None


def test_every_attribute_of_a_model_is_taken_or_hidden() -> None:
    attributes = {name for name in {*dir(BaseModel), *dir(type(BaseModel))} if name[0] != "_"}
    assert {name for name in attributes if field_name_taken(name) is None} == HIDDEN


@pytest.mark.parametrize("name", ["with_options", "on_x", "emit_x", "import"])
def test_methods_leave_generated_classes_their_names(name: str) -> None:
    assert method_name_taken(name) is not None


@pytest.mark.parametrize("name", ["None", "True", "False"])
def test_types_leave_python_its_keywords(name: str) -> None:
    assert type_name_taken(name) is not None


@pytest.mark.parametrize(
    "name", ["Service", "Client", "Model", "Reply", "Url", "Json", "Codec", "Event", "ValueError"]
)
def test_types_may_be_called_as_what_generated_code_imports(name: str) -> None:
    assert type_name_taken(name) is None


@pytest.mark.parametrize(
    ("text", "in_yaml"),
    [("inputSchema", "inputSchema"), ("_meta", "_meta"), ("@type", '"@type"'), ("a b", '"a b"')],
)
def test_a_wire_name_is_quoted_where_yaml_would_not_read_it(text: str, in_yaml: str) -> None:
    assert as_yaml(text) == in_yaml
