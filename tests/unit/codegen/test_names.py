import pytest

from duologue_codegen.names import (
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


@pytest.mark.parametrize(
    "name",
    [
        "class",
        "match",
        "self",
        "_a",
        "model_x",
        "parse_x",
        "json",
        "copy",
        "list",
        "fields",
    ],
)
def test_fields_leave_python_its_names(name: str) -> None:
    assert field_name_taken(name) is not None


@pytest.mark.parametrize("name", ["params", "ctx", "items", "out"])
def test_arguments_of_services_are_taken_in_params_only(name: str) -> None:
    assert field_name_taken(name, in_params=True) is not None
    assert field_name_taken(name) is None


@pytest.mark.parametrize(
    "name",
    ["datetime", "date", "time", "timedelta", "args", "kwargs", "day", "none", "kind", "client"],
)
def test_ordinary_words_are_free_for_fields(name: str) -> None:
    assert field_name_taken(name, in_params=True) is None


@pytest.mark.parametrize("name", ["list", "with_options", "on_x", "emit_x", "import", "deprecated"])
def test_methods_leave_generated_classes_their_names(name: str) -> None:
    assert method_name_taken(name) is not None


@pytest.mark.parametrize("name", ["join", "copy", "json", "on", "validate", "date", "datetime"])
def test_ordinary_words_are_free_for_methods(name: str) -> None:
    assert method_name_taken(name) is None


@pytest.mark.parametrize("name", ["None", "ValueError", "Model", "Client", "Field"])
def test_types_leave_generated_modules_their_names(name: str) -> None:
    assert type_name_taken(name) is not None


@pytest.mark.parametrize("name", ["Event", "Peer", "Subscription", "ByteStream"])
def test_types_may_be_called_as_what_only_events_and_streams_need(name: str) -> None:
    assert type_name_taken(name) is None
