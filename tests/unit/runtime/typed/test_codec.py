"""JSON of one type, checked in both directions."""

import subprocess
import sys
import warnings
from typing import Annotated, Any, Literal, TypeAlias

import pytest
from pydantic import Field, ValidationError

from duologue.errors import BadFrame, InvalidResult, RefusedValue
from duologue.promisifier.streams.stream import ByteStream, TextStream
from duologue.typed import codec as typed_codec
from duologue.typed.codec import ANY_STREAM, BYTE_STREAM, NOTHING, TEXT_STREAM, Codec
from duologue.typed.model import Model


class Member(Model):
    name: str
    seat: int | None = None
    friends: list["Member"] = []  # noqa: RUF012


class Stranger(Model):
    name: str


RoomId: TypeAlias = Annotated[str, Field(min_length=2)]

MEMBER = Codec(Member)
MEMBERS = Codec(list[Member])
ROOM = Codec[RoomId](RoomId)
RAW = Codec(bytes)
MAYBE = Codec[Member | None](Member | None)


@pytest.mark.parametrize(
    ("codec", "text", "value"),
    [
        (MEMBER, b'{"name":"Ann","seat":null,"friends":[]}', Member(name="Ann")),
        (
            MEMBERS,
            b'[{"name":"A","seat":1,"friends":[]}]',
            [Member(name="A", seat=1)],
        ),
        (ROOM, b'"lobby"', "lobby"),
        (RAW, b'"//4="', b"\xff\xfe"),
        (MAYBE, b"null", None),
        (Codec(float), b"1.5", 1.5),
        (Codec(dict[str, int]), b'{"a":1}', {"a": 1}),
    ],
)
def test_a_value_and_its_json_stand_for_each_other(
    codec: Codec[Any], text: bytes, value: Any
) -> None:
    assert codec.encode(value) == text
    assert codec.encode_result(value) == text
    assert codec.decode(text) == value


@pytest.mark.parametrize(
    ("codec", "text"),
    [
        (MEMBER, b"{}"),
        (MEMBER, b'{"name":5}'),
        (MEMBER, b'{"name":"a"'),
        (MEMBER, b"null"),
        (MEMBERS, b"{}"),
        (ROOM, b'"x"'),
        (ROOM, b"5"),
        (RAW, b'"*"'),
        (Codec(float), b"NaN"),
        (Codec(float), b"1e400"),
        (Codec(str), b'"\\ud800"'),
        (Codec(int), b"[" * 300),
    ],
)
def test_other_json_is_refused(codec: Codec[Any], text: bytes) -> None:
    with pytest.raises(ValidationError):
        codec.decode(text)


@pytest.mark.parametrize(
    ("codec", "value", "problem"),
    [
        (MEMBER, {"name": "Ann"}, "met dict, expected Member"),
        (MEMBER, Stranger(name="Ann"), "met Stranger, expected Member"),
        (MEMBER, None, "met NoneType, expected Member"),
        (MEMBER, "secret", "met str, expected Member"),
        (MEMBERS, Member(name="Ann"), "Input should be a valid list"),
        (MEMBERS, (), "Input should be a valid list"),
        (ROOM, "x", "String should have at least 2 characters"),
        (ROOM, 5, "Input should be a valid string"),
        (Codec(float), float("nan"), "Input should be a finite number"),
        (Codec(int), "secret", "Input should be a valid integer"),
    ],
)
def test_a_value_of_another_type_is_not_sent(codec: Codec[Any], value: Any, problem: str) -> None:
    with pytest.raises(InvalidResult) as refused:
        codec.encode(value)
    assert [str(each) for each in refused.value.problems] == [problem]
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("action", ["default", "ignore", "always", "once", "error"])
def test_a_model_that_was_spoiled_afterwards_is_not_sent(
    action: Literal["default", "ignore", "always", "once", "error"],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever an application does to its warnings."""
    monkeypatch.setattr(typed_codec, "__warningregistry__", {})
    member = Member(name="Ann")
    with warnings.catch_warnings(record=True):
        warnings.simplefilter(action)
        MEMBER.encode(member)
        vars(member).update(name=5)
        for _ in range(2):
            with pytest.raises(InvalidResult):
                MEMBER.encode(member)
        vars(member).update(name="Ann")
        assert MEMBER.decode(MEMBER.encode(member)) == member


def test_a_spoiled_model_is_told_of_by_its_error_alone() -> None:
    program = (
        "import duologue\n"
        "from duologue.typed import Codec\n"
        "class Member(duologue.Model):\n"
        "    name: str\n"
        "member = Member(name='Ann')\n"
        "vars(member).update(name=5)\n"
        "try:\n"
        "    Codec(Member).encode(member)\n"
        "except duologue.InvalidResult:\n"
        "    print('refused')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("refused\n", "")


def test_text_that_utf_8_cannot_hold_is_not_sent() -> None:
    with pytest.raises(InvalidResult):
        MEMBER.encode(Member(name="\ud800"))
    with pytest.raises(InvalidResult):
        ROOM.encode("lobby\ud800")


def test_a_string_equal_to_the_sentinel_is_not_sent() -> None:
    for value in (
        Member(name="$__undefined$"),
        Member(name="A", friends=[Member(name="$__undefined$")]),
    ):
        with pytest.raises(RefusedValue) as refused:
            MEMBER.encode(value)
        assert refused.value.key == "Member"
    assert MEMBER.encode(Member(name="not $__undefined$ at all"))


def test_undefined_members_are_absent_and_undefined_items_null() -> None:
    assert MEMBER.decode(b'{"name":"A","seat":"$__undefined$"}') == Member(name="A")
    with pytest.raises(ValidationError):
        MEMBER.decode(b'{"name":"$__undefined$"}')
    assert Codec[list[int | None]](list[int | None]).decode(b'[1,"$__undefined$"]') == [1, None]
    assert MAYBE.decode(b'"$__undefined$"') is None


def test_a_number_beyond_float_beside_an_undefined_one_is_no_json() -> None:
    with pytest.raises(BadFrame):
        Codec(list[float]).decode(b'["$__undefined$",1e400]')


def test_nothing_is_no_result_and_whatever_came_is_nothing() -> None:
    assert NOTHING.encode_result(None) is None
    assert NOTHING.decode(b'{"newer":1}') is None
    with pytest.raises(InvalidResult, match="the method has no result"):
        NOTHING.encode_result(5)  # type: ignore[arg-type]


def test_pydantic_is_not_asked_before_the_first_use() -> None:
    codec = Codec[Any]("no type at all")
    with pytest.raises(Exception, match="no type"):
        codec.decode(b"1")


def test_types_are_named() -> None:
    assert MEMBER.form_name == "Member"


async def test_a_stream_is_its_own_result_and_no_json() -> None:
    for codec, stream in ((BYTE_STREAM, ByteStream(b"x")), (TEXT_STREAM, TextStream("x"))):
        typed: Codec[Any] = codec
        assert typed.encode_result(stream) is stream
        assert typed.decode_stream(stream, "m") is stream
        with pytest.raises(InvalidResult, match="a value came where the contract has a"):
            typed.decode(b'"x"')
        with pytest.raises(InvalidResult, match=r"met str, expected (Byte|Text)Stream"):
            typed.encode_result("x")


async def test_a_stream_of_the_other_kind_is_an_invalid_result() -> None:
    with pytest.raises(InvalidResult, match="a text stream came where m has a byte stream"):
        BYTE_STREAM.decode_stream(TextStream("x"), "m")
    with pytest.raises(InvalidResult, match="a byte stream came where m has a text stream"):
        TEXT_STREAM.decode_stream(ByteStream(b"x"), "m")


async def test_a_stream_in_place_of_a_value_is_an_invalid_result() -> None:
    with pytest.raises(InvalidResult, match="a stream came where m has Member"):
        MEMBER.decode_stream(ByteStream(b"x"), "m")


async def test_a_stream_of_either_kind_is_a_result_where_the_contract_says_only_stream() -> None:
    for stream in (ByteStream(b"x"), TextStream("x")):
        assert ANY_STREAM.encode_result(stream) is stream
        assert ANY_STREAM.decode_stream(stream, "m") is stream
    wrong: Codec[Any] = ANY_STREAM
    with pytest.raises(InvalidResult, match="a value came where the contract has a stream"):
        wrong.decode(b'"x"')
    with pytest.raises(InvalidResult, match="met str"):
        wrong.encode_result("x")
