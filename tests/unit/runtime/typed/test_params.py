"""Params of methods: keywords to arguments on the wire, and back."""

import json
from typing import Any

import pytest

from duologue.errors import BadFrame, InvalidParams, RefusedValue
from duologue.limits import MAX_REPORTED_PROBLEMS
from duologue.protocol.values import SENTINEL
from duologue.typed.model import Model
from duologue.typed.params import NO_PARAMS, Params, PositionalParams
from duologue.typed.scalars import Json


class Inner(Model):
    secret: int = 0


class Join(Model):
    room: str
    seats: int = 1
    note: str | None = None
    real: float = 0.0
    by_name: dict[str, int] = {}  # noqa: RUF012


JOIN = Params(Join)
POSITIONAL = PositionalParams(Join)


def test_keywords_become_one_object() -> None:
    assert json.loads(JOIN.encode("join", (), {"room": "a"})) == [
        {"room": "a", "seats": 1, "note": None, "real": 0.0, "by_name": {}}
    ]


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({}, "room: Field required"),
        ({"room": 5}, "room: Input should be a valid string"),
        ({"room": "a", "seats": "5"}, "seats: Input should be a valid integer"),
        ({"room": "a", "real": float("nan")}, "real: Input should be a finite number"),
        ({"room": "a", "by_name": {"canary": "x"}}, "by_name.*: Input should be a valid integer"),
    ],
)
def test_keywords_that_do_not_fit_are_refused_before_anything_is_sent(
    fields: dict[str, Any], problem: str
) -> None:
    with pytest.raises(
        InvalidParams, match=r"^INVALID_PARAMS: Rooms/join was not called"
    ) as refused:
        JOIN.encode("Rooms/join", (), fields)
    assert [str(each) for each in refused.value.problems] == [problem]


def test_text_that_utf_8_cannot_hold_is_refused_as_params() -> None:
    with pytest.raises(InvalidParams):
        JOIN.encode("join", (), {"room": "\ud800"})


def test_a_string_equal_to_the_sentinel_is_refused() -> None:
    with pytest.raises(RefusedValue):
        JOIN.encode("join", (), {"room": "$__undefined$"})


@pytest.mark.parametrize(
    "args",
    [
        b'[{"room":"a"}]',
        b' [ {"room":"a","newer":[1]} ] ',
        b'[{"room":"a","seats":"$__undefined$"}]',
        b'[{"room":"b","room":"a"}]',
    ],
)
def test_one_object_in_a_list_is_read(args: bytes) -> None:
    assert JOIN.decode("join", args.strip()) == Join(room="a")


@pytest.mark.parametrize("args", [None, b"[]", b"[ ]"])
def test_no_arguments_stand_for_an_empty_object(args: bytes | None) -> None:
    assert Params(Inner).decode("x", args) == Inner()
    with pytest.raises(InvalidParams, match="room: Field required"):
        JOIN.decode("join", args)


@pytest.mark.parametrize(
    "args",
    [
        b"[5]",
        b"[null]",
        b'["canary"]',
        b"[[]]",
        b'[{"room":"a"},{"room":"b"}]',
        b'[{"room":"\\ud800"}]',
        b'[{"room":"a","seats":9007199254740993.5}]',
        b'[{"room":{"canary":1}}]',
        b"[" + b"[" * 250 + b"]" * 250 + b"]",
    ],
)
def test_other_arguments_are_refused_without_repeating_them(args: bytes) -> None:
    with pytest.raises(InvalidParams, match=r"^INVALID_PARAMS: Rooms/join refuses") as refused:
        JOIN.decode("Rooms/join", args)
    assert refused.value.problems
    assert "canary" not in str(refused.value)


@pytest.mark.parametrize(
    "args",
    [
        b'[{"room":1e400}]',
        b'[{"room":"a","real":1e400}]',
        b'[{"room":"a"},1e400]',
        b'[{"room":"$__undefined$","real":1e400}]',
    ],
)
def test_arguments_that_are_no_json_after_all_are_a_bad_frame(args: bytes) -> None:
    with pytest.raises(BadFrame):
        JOIN.decode("join", args)


def test_at_most_the_limit_of_problems_is_named() -> None:
    names = {f"canary{number}": "x" for number in range(MAX_REPORTED_PROBLEMS + 5)}
    with pytest.raises(InvalidParams) as refused:
        JOIN.decode("join", json.dumps([{"room": "a", "by_name": names}]).encode())
    assert len(refused.value.problems) == MAX_REPORTED_PROBLEMS
    assert len(refused.value.details) == MAX_REPORTED_PROBLEMS


def test_no_params_send_none_and_read_whatever_came_as_none() -> None:
    assert NO_PARAMS.encode("ping", (), {}) == b"[]"
    # Typed as what any method has; these say by themselves that they give nothing.
    params: Params[[], Any] = NO_PARAMS
    assert params.decode("ping", b'[{"newer":1}]') is None
    assert params.decode("ping", None) is None


POSITIONS: list[tuple[dict[str, Any], list[Any]]] = [
    ({"room": "a"}, ["a", 1, "$__undefined$", 0.0, {}]),
    ({"room": "a", "note": "n", "by_name": {"x": 1}}, ["a", 1, "n", 0.0, {"x": 1}]),
]


@pytest.mark.parametrize(("fields", "args"), POSITIONS)
def test_positional_params_are_the_fields_in_their_order(
    fields: dict[str, Any], args: list[Any]
) -> None:
    text = POSITIONAL.encode("join", (), fields)
    assert json.loads(text) == args
    assert POSITIONAL.decode("join", text) == Join(**fields)


@pytest.mark.parametrize("args", [b'["a"]', b'["a",1,null,0,{},"newer"]', b'["a","$__undefined$"]'])
def test_positional_params_may_be_fewer_or_more(args: bytes) -> None:
    assert POSITIONAL.decode("join", args) == Join(room="a")


@pytest.mark.parametrize("args", [None, b"[]", b"[5]", b'["$__undefined$"]'])
def test_positional_params_that_do_not_fit_are_refused(args: bytes | None) -> None:
    with pytest.raises(InvalidParams):
        POSITIONAL.decode("join", args)


def test_positional_params_need_fields() -> None:
    with pytest.raises(TypeError):
        PositionalParams(len)


class Find(Model):
    what: Json
    where: str | None = None
    how: Json = "well"


def test_a_null_that_means_something_is_sent_as_null() -> None:
    assert (
        PositionalParams(Find).encode("find", (), {"what": None})
        == b'[null,"$__undefined$","well"]'
    )
    assert PositionalParams(Find).encode("find", (), {"what": None, "how": None}) == (
        b'[null,"$__undefined$",null]'
    )


def test_a_field_may_have_any_name() -> None:
    assert Params(Find).encode("find", (), {"what": 1}) == b'[{"what":1,"where":null,"how":"well"}]'


def test_params_that_a_caller_has_go_as_they_are() -> None:
    params = Join(room="a", by_name={"x": 1})
    assert JOIN.encode("join", (params,), {}) == JOIN.encode("join", (), vars(params))
    assert json.loads(POSITIONAL.encode("join", (params,), {})) == ["a", 1, SENTINEL, 0.0, {"x": 1}]


def test_params_that_changed_since_they_were_made_are_checked_anew() -> None:
    params = Join(room="a")
    params.by_name["x"] = 2
    params.seats = "five"  # type: ignore[assignment]
    with pytest.raises(InvalidParams) as refused:
        JOIN.encode("join", (params,), {})
    assert [each.path for each in refused.value.problems] == ["seats"]
    params.seats = 5
    assert json.loads(JOIN.encode("join", (params,), {}))[0]["by_name"] == {"x": 2}


def test_unknown_fields_of_params_that_keep_them_go_along() -> None:
    class Kept(Model, extra="allow"):
        room: str

    params = Kept.model_validate_json(b'{"room":"a","x_more":[1]}')
    assert Params(Kept).encode("join", (params,), {}) == b'[{"room":"a","x_more":[1]}]'


@pytest.mark.parametrize("wrong", [None, Inner(), {"room": "a"}])
def test_other_object_than_the_params_is_refused(wrong: object) -> None:
    with pytest.raises(InvalidParams) as refused:
        JOIN.encode("join", (wrong,), {})
    assert str(refused.value.problems[0]) == f"met {type(wrong).__name__}, expected Join"


def test_params_come_as_one_object_or_as_keywords_and_not_as_both() -> None:
    named: dict[str, object] = {"room": "a"}
    for args, kwargs in (((Join(room="a"),), named), ((Join(room="a"),) * 2, {})):
        with pytest.raises(TypeError, match="join takes keywords, or one Join and no more"):
            JOIN.encode("join", args, kwargs)


def test_params_tell_their_model() -> None:
    assert (JOIN.model, NO_PARAMS.model) == (Join, None)
