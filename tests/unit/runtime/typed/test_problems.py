"""What is said of invalid values: where and what, never the value (row 28 of the test matrix)."""

from datetime import date, datetime, time, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from pydantic import Field, TypeAdapter, ValidationError

from duologue.errors import InvalidParams, Problem
from duologue.limits import MAX_REPORTED_PROBLEMS
from duologue.promisifier.failures import describe_failure
from duologue.protocol.codec import error_answer
from duologue.typed import Int64, Json, OpenUnion, SafeInt, Unknown, Url
from duologue.typed.model import Model
from duologue.typed.problems import problems_of

SECRET = "canary"


class Text(Model):
    kind: Literal["text"]
    text: str


class Image(Model):
    kind: Literal["image"]


class Everything(Model):
    name: str = Field(default="", min_length=2, max_length=5, pattern="^[a-z]+$")
    number: SafeInt = 0
    big: Int64 = 0
    link: Url = "x:y"
    key: UUID | None = None
    day: date | None = None
    at: datetime | None = None
    clock: time | None = None
    length: timedelta | None = None
    raw: bytes = b""
    anything: Json = None
    choice: Literal["a", "b"] = "a"
    by_name: dict[str, int] = {}  # noqa: RUF012
    by_key: dict[UUID, "Everything"] = {}  # noqa: RUF012
    closed: Annotated[Text | Image, Field(discriminator="kind")] | None = None
    open: Annotated[Text | Image | Unknown, OpenUnion("kind")] | None = None
    inner: "Everything | None" = None
    many: list["Everything"] = []  # noqa: RUF012


SCHEMA = TypeAdapter(Everything)


def problems(text: str | bytes) -> list[Problem]:
    with pytest.raises(ValidationError) as refused:
        SCHEMA.validate_json(text)
    return problems_of(refused.value, SCHEMA.core_schema)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"name":5}', "name: Input should be a valid string"),
        (
            '{"inner":{"inner":{"number":"x"}}}',
            "inner.inner.number: Input should be a valid integer",
        ),
        ('{"many":[{},{"number":"x"}]}', "many.1.number: Input should be a valid integer"),
        ('{"by_name":{"canary":"x"}}', "by_name.*: Input should be a valid integer"),
        ('{"key":"canary"}', "key: Input should be a valid UUID"),
        ('{"day":"canary"}', "day: Input should be a valid date"),
        ('{"at":"canary"}', "at: Input should be a valid datetime"),
        ('{"clock":"canary"}', "clock: Input should be a valid time"),
        ('{"length":"canary"}', "length: Input should be a valid duration"),
        ('{"raw":"canary*"}', "raw: Input should be base64"),
        ('{"closed":{"kind":"canary"}}', "closed: Input should be tagged 'text', 'image'"),
        ('{"closed":{}}', "closed: Input should carry the tag of a variant"),
        ('{"closed":{"kind":"text","text":5}}', "closed.text.text: Input should be a valid string"),
        ("{canary", "Input should be one JSON value"),
        ("[]", "Input should be an object"),
    ],
)
def test_a_problem_has_its_path_and_our_words(text: str, problem: str) -> None:
    assert [str(each) for each in problems(text)] == [problem]


HOSTILE: list[Any] = [
    SECRET,
    SECRET * 100,
    f"{SECRET} 2020-99-99",
    f"{SECRET}:",
    [SECRET],
    {SECRET: SECRET},
    {"kind": SECRET},
    {"kind": "text", "text": {SECRET: SECRET}},
    {SECRET: {SECRET: SECRET}},
    [[SECRET]],
    {"name": SECRET},
    {"00000000-0000-0000-0000-000000000000": {"name": SECRET}},
    {"inner": {"by_name": {SECRET: SECRET}}},
    1e300,
    None,
    True,
]


@pytest.mark.parametrize("field", Everything.model_fields)
@pytest.mark.parametrize("value", HOSTILE, ids=lambda value: ascii(value)[:30])
def test_the_input_is_never_repeated(field: str, value: Any) -> None:
    for text in (TypeAdapter(Any).dump_json({field: value}), TypeAdapter(Any).dump_json(value)):
        try:
            SCHEMA.validate_json(text)
        except ValidationError as error:
            said = " ".join(map(str, problems_of(error, SCHEMA.core_schema)))
            assert SECRET not in said


def test_problems_up_to_the_limit_are_named_and_no_more() -> None:
    names = TypeAdapter(dict[str, int])
    for count in (MAX_REPORTED_PROBLEMS - 1, MAX_REPORTED_PROBLEMS, MAX_REPORTED_PROBLEMS + 1):
        with pytest.raises(ValidationError) as refused:
            names.validate_python({str(number): "x" for number in range(count)})
        found = problems_of(refused.value, names.core_schema)
        assert len(found) == min(count, MAX_REPORTED_PROBLEMS)


def answer_to(error: ValidationError, adapter: TypeAdapter[Any]) -> bytes:
    found = problems_of(error, adapter.core_schema)
    assert found
    failure = describe_failure(InvalidParams("chat.rooms.v1.Rooms/join", found), "x")
    return error_answer(0, failure)


def test_the_answer_to_deep_paths_is_short() -> None:
    deep = '{"number":"x"}'
    for _ in range(60):
        deep = '{"inner":%s}' % deep
    with pytest.raises(ValidationError) as refused:
        SCHEMA.validate_json('{"many":[%s]}' % ",".join([deep] * 30))
    assert len(answer_to(refused.value, SCHEMA)) <= 4096


def test_the_answer_is_short_even_if_the_contract_is_long() -> None:
    many_names = "|".join(f"choice-{number}" for number in range(500))
    choices = TypeAdapter(dict[str, Annotated[str, Field(pattern=many_names)]])
    with pytest.raises(ValidationError) as refused:
        choices.validate_python({str(number): "x" for number in range(30)})
    assert len(answer_to(refused.value, choices)) <= 4096


def test_a_report_holds_as_many_characters_as_it_may_and_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    adapter = TypeAdapter(list[int])
    with pytest.raises(ValidationError) as refused:
        adapter.validate_python(["a", "b"])
    whole = problems_of(refused.value, adapter.core_schema)
    characters = sum(len(each.path) + len(each.text) for each in whole)
    for most, told in ((characters, 2), (characters - 1, 1)):
        monkeypatch.setattr("duologue.typed.problems._MAX_REPORT_CHARACTERS", most)
        assert len(problems_of(refused.value, adapter.core_schema)) == told
