"""Bytes of every place in a type: beside the JSON, or in it as base64 (PROTOCOL 12)."""

from base64 import b64encode
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field, ValidationError
from typing_extensions import TypeAliasType

from duologue.errors import BadFrame, ContractError, InvalidParams, InvalidResult, RefusedValue
from duologue.limits import MAX_PARTS, PART_ABOVE_BYTES
from duologue.protocol.messages import Failure
from duologue.protocol.parcels import Parcel, Parts
from duologue.typed import NO_PARAMS, NOTHING, Codec, DeclaredError, Params, Unary
from duologue.typed.codec import ANY_STREAM, BYTE_STREAM, TEXT_STREAM
from duologue.typed.model import Model
from duologue.typed.params import PositionalParams
from duologue.typed.unions import OpenUnion, Unknown

SHORT = bytes(PART_ABOVE_BYTES)
LONG = bytes(PART_ABOVE_BYTES + 1)
LONGER = b"\xff" * 5000
SHORT_JSON = b'"' + b64encode(SHORT) + b'"'
LONG_JSON = b'"' + b64encode(LONG) + b'"'

Blob = TypeAliasType("Blob", bytes)
Blobs = TypeAliasType("Blobs", dict[str, Blob])
Token = TypeAliasType("Token", Annotated[bytes, Field(max_length=PART_ABOVE_BYTES)])


class Leaf(Model):
    kind: Literal["leaf"] = "leaf"
    blob: bytes


class Stone(Model):
    kind: Literal["stone"] = "stone"
    weight: int = 0


class Tree(Model):
    leaf: Leaf | None = None
    more: list["Tree"] = []  # noqa: RUF012


class Aliased(Model):
    one: Blob
    maybe: Blob | None = None
    many: Blobs = {}  # noqa: RUF012


class Bounded(Model):
    never: Annotated[bytes, Field(max_length=PART_ABOVE_BYTES)] = b""
    ever: Annotated[bytes, Field(max_length=PART_ABOVE_BYTES + 1)] = b""
    token: Token = b""
    least: Annotated[bytes, Field(min_length=1)] = b"x"


class Upload(Model):
    name: str
    data: bytes | None = None
    rest: bytes | None = None


Thing = TypeAliasType("Thing", Annotated[Leaf | Stone, Field(discriminator="kind")])
OpenThing = TypeAliasType("OpenThing", Annotated[Leaf | Stone | Unknown, OpenUnion("kind")])

PLACES: list[tuple[Any, Any, bytes | None, int]] = [
    (bytes, LONG, b"0", 1),
    (bytes | None, LONG, b"0", 1),
    (bytes | None, None, b"null", 0),
    (Blob, LONG, b"0", 1),
    (list[bytes], [LONG, LONGER], b"[0,1]", 2),
    (list[Blob], [LONG], b"[0]", 1),
    (dict[str, bytes | None], {"a": LONG, "b": None}, b'{"a":0,"b":null}', 1),
    (Blobs, {"a": LONG}, b'{"a":0}', 1),
    (Leaf, Leaf(blob=LONG), b'{"kind":"leaf","blob":0}', 1),
    (
        Tree,
        Tree(leaf=Leaf(blob=LONG), more=[Tree(leaf=Leaf(blob=LONGER))]),
        b'{"leaf":{"kind":"leaf","blob":0},'
        b'"more":[{"leaf":{"kind":"leaf","blob":1},"more":[]}]}',
        2,
    ),
    (
        Aliased,
        Aliased(one=LONG, maybe=LONGER, many={"a": LONG}),
        b'{"one":0,"maybe":1,"many":{"a":2}}',
        3,
    ),
    (Thing, Leaf(blob=LONG), b'{"kind":"leaf","blob":0}', 1),
    (OpenThing, Leaf(blob=LONG), b'{"kind":"leaf","blob":0}', 1),
    (list[Thing], [Stone(), Leaf(blob=LONG)], None, 1),
    (bytes, SHORT, SHORT_JSON, 0),
    (bytes, b"", b'""', 0),
    (bytes, b"\xfb\xff", b'"+/8="', 0),
    (
        Bounded,
        Bounded(token=b"\xfb\xff"),
        b'{"never":"","ever":"","token":"+/8=","least":"eA=="}',
        0,
    ),
]  # fmt: skip


@pytest.mark.parametrize(("form", "value", "text", "number"), PLACES)
def test_long_bytes_stand_beside_the_text_and_come_back(
    form: Any, value: Any, text: bytes | None, number: int
) -> None:
    codec = Codec[Any](form)
    assert codec.knows_bytes()
    parts = Parts()
    written = codec.encode(value, parts)
    assert len(parts) == number
    assert text is None or written == text
    assert codec.decode(Parcel(written, parts)) == value


@pytest.mark.parametrize(("form", "value", "text", "number"), PLACES)
def test_without_parts_everything_is_base64(
    form: Any, value: Any, text: bytes | None, number: int
) -> None:
    codec = Codec[Any](form)
    written = codec.encode(value)
    assert codec.decode(written) == value
    assert codec.decode(Parcel(written, [b"nobody asks for it"])) == value


@pytest.mark.parametrize("form", [str, int, Stone, list[Stone], Token, dict[str, Token]])
def test_types_that_hold_no_long_bytes_are_known_for_it(form: Any) -> None:
    codec = Codec[Any](form)
    assert not codec.knows_bytes()


@pytest.mark.parametrize("codec", [NOTHING, BYTE_STREAM, TEXT_STREAM, ANY_STREAM])
def test_no_result_and_streams_have_no_parts(codec: Codec[Any]) -> None:
    assert not codec.knows_bytes()


def test_bytes_are_not_copied_on_either_side() -> None:
    codec = Codec(Leaf)
    parts = Parts()
    text = codec.encode(Leaf(blob=LONGER), parts)
    assert parts[0] is LONGER
    assert codec.decode(Parcel(text, parts)).blob is LONGER


def test_parts_above_the_limit_stay_in_the_text() -> None:
    codec = Codec(list[bytes])
    value = [LONG] * (MAX_PARTS + 1)
    parts = Parts()
    text = codec.encode(value, parts)
    assert len(parts) == MAX_PARTS
    assert text.endswith(b",63,%b]" % LONG_JSON)
    assert codec.decode(Parcel(text, parts)) == value


# -- bounds of the type -------------------------------------------------------------------------


def test_bytes_that_are_always_short_take_no_part() -> None:
    for name in ("never", "token"):
        with pytest.raises(ValidationError):
            Codec(Bounded).decode(Parcel(b'{"%b":0}' % name.encode(), [b"x"]))


def test_bytes_that_may_be_one_longer_take_one() -> None:
    codec = Codec(Bounded)
    parts = Parts()
    text = codec.encode(Bounded(never=SHORT, ever=LONG, token=SHORT), parts)
    assert list(parts) == [LONG]
    assert codec.decode(Parcel(text, parts)) == Bounded(never=SHORT, ever=LONG, token=SHORT)


@pytest.mark.parametrize(("text", "part"), [(b'{"ever":0}', LONG + b"x"), (b'{"least":0}', b"")])
def test_a_part_has_to_fit_the_bounds_of_its_type(text: bytes, part: bytes) -> None:
    with pytest.raises(ValidationError):
        Codec(Bounded).decode(Parcel(text, [part]))


def test_a_part_may_be_shorter_than_anything_we_send() -> None:
    assert Codec(bytes).decode(Parcel(b"0", [b"x"])) == b"x"


# -- indexes ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [b"1", b"-1", b"true", b"false", b"0.0", b"1e0", b"-0.0", b"null", b"[0]", b"{}", b'"0"'],
)
def test_what_names_no_part_is_no_bytes(text: bytes) -> None:
    with pytest.raises(ValidationError):
        Codec(bytes).decode(Parcel(text, [LONG]))


@pytest.mark.parametrize("index", [2**63, 2**64, 10**400])
def test_a_huge_index_names_no_part(index: int) -> None:
    with pytest.raises(ValidationError):
        Codec(bytes).decode(Parcel(b"%d" % index, [LONG]))


def test_a_number_without_parts_is_no_bytes() -> None:
    with pytest.raises(ValidationError):
        Codec(bytes).decode(b"0")


def test_a_part_can_be_named_once() -> None:
    codec = Codec(list[bytes])
    assert codec.decode(Parcel(b"[1,0]", [LONG, LONGER])) == [LONGER, LONG]
    with pytest.raises(ValidationError) as refused:
        codec.decode(Parcel(b"[0,1,0]", [LONG, LONGER]))
    assert [error["loc"] for error in refused.value.errors()] == [(2,)]


def test_a_part_that_nothing_names_is_ignored() -> None:
    # A newer peer may have fields that this one does not know.
    assert Codec(Leaf).decode(Parcel(b'{"blob":1,"new":0}', [LONG, b"x"])) == Leaf(blob=b"x")


def test_numbers_that_are_no_bytes_stay_numbers() -> None:
    assert Codec(Stone).decode(Parcel(b'{"kind":"stone","weight":0}', [LONG])) == Stone()


# -- the sentinel, variants that are not known, spoiled models ----------------------------------


def test_the_sentinel_is_resolved_beside_parts() -> None:
    text = b'{"name":"a","data":0,"rest":"$__undefined$"}'
    assert Codec(Upload).decode(Parcel(text, [LONG])) == Upload(name="a", data=LONG)
    listed = Codec(list[bytes | None]).decode(Parcel(b'["$__undefined$",0]', [LONG]))
    assert listed == [None, LONG]


def test_the_sentinel_cannot_be_sent_beside_parts_either() -> None:
    with pytest.raises(RefusedValue):
        Codec(Upload).encode_result(Upload(name="$__undefined$", data=LONG), takes_parts=True)


def test_a_variant_that_is_not_known_is_sent_on_exactly_as_it_came() -> None:
    codec = Codec[Any](OpenThing)
    came = b'{"kind":"cloud","blob":%b,"n":0}' % LONG_JSON
    unknown = codec.decode(came)
    assert isinstance(unknown, Unknown)
    assert isinstance(unknown.data, Mapping)
    parts = Parts()
    assert codec.encode(unknown, parts) == came
    assert not parts


def test_a_spoiled_model_is_refused_with_parts_too() -> None:
    leaf = Leaf(blob=LONG)
    vars(leaf)["blob"] = "a text"
    tree = Tree(leaf=Leaf(blob=LONG), more=[Tree(leaf=leaf)])
    for _ in range(2):
        with pytest.raises(InvalidResult):
            Codec(Tree).encode_result(tree, takes_parts=True)


# -- results, params, errors --------------------------------------------------------------------


def test_a_result_has_parts_only_if_the_caller_takes_them() -> None:
    codec = Codec(bytes)
    assert codec.encode_result(LONG, takes_parts=True) == Parcel(b"0", [LONG])
    assert codec.encode_result(LONG) == LONG_JSON
    assert codec.encode_result(SHORT, takes_parts=True) == SHORT_JSON
    assert Codec(str).encode_result("x", takes_parts=True) == b'"x"'


def test_a_method_knows_where_it_has_bytes() -> None:
    def method(params: Params[..., Any], returns: Codec[Any]) -> Unary[..., Any, Any]:
        return Unary(id=1, name="m", params=params, returns=returns)

    both = [
        (method(Params(Upload), NOTHING), True, False),
        (method(NO_PARAMS, Codec(bytes)), True, True),
        (method(Params(Stone), Codec(Stone)), False, False),
    ]
    for each, has_bytes, takes_parts in both:
        assert each.look_for_bytes() is has_bytes
        assert each.takes_parts is takes_parts


@pytest.mark.parametrize(
    ("params", "text"),
    [
        (Params(Upload), b'[{"name":"a","data":0,"rest":1}]'),
        (PositionalParams(Upload), b'["a",0,1]'),
    ],
)
def test_params_have_parts(params: Params[..., Upload], text: bytes) -> None:
    fields: dict[str, object] = {"name": "a", "data": LONG, "rest": LONGER}
    encoded = params.encode_with_parts("m", (), fields)
    assert encoded == Parcel(text, [LONG, LONGER])
    assert params.decode("m", encoded) == Upload(name="a", data=LONG, rest=LONGER)


@pytest.mark.parametrize(
    ("params", "text"),
    [
        (Params(Upload), b'[{"name":"a","data":null,"rest":0}]'),
        (PositionalParams(Upload), b'["a","$__undefined$",0]'),
    ],
)
def test_params_that_are_absent_stand_beside_parts(
    params: Params[..., Upload], text: bytes
) -> None:
    encoded = params.encode_with_parts("m", (), {"name": "a", "rest": LONG})
    assert encoded == Parcel(text, [LONG])
    assert params.decode("m", encoded) == Upload(name="a", rest=LONG)


def test_params_without_long_bytes_are_a_text() -> None:
    encoded = Params(Upload).encode_with_parts("m", (), {"name": "a", "data": SHORT})
    assert encoded == b'[{"name":"a","data":%b,"rest":null}]' % SHORT_JSON


def test_params_with_a_wrong_index_are_refused_and_say_where() -> None:
    with pytest.raises(InvalidParams) as refused:
        Params(Upload).decode("m", Parcel(b'[{"name":"a","data":3}]', [LONG]))
    assert [problem.path for problem in refused.value.problems] == ["data"]


@pytest.mark.parametrize("args", [b"[", b"[{]", b"[1e400]"])
def test_params_beside_parts_that_are_no_json_are_a_typed_error(args: bytes) -> None:
    with pytest.raises((BadFrame, InvalidParams)):
        Params(Upload).decode("m", Parcel(args, [LONG]))


def test_an_empty_list_of_arguments_beside_parts_is_an_empty_object() -> None:
    assert Params(Bounded).decode("m", Parcel(b"[]", [LONG])) == Bounded()
    NO_PARAMS.decode("m", Parcel(b"[0]", [LONG]))


class Torn(ContractError[Upload]):
    code = "torn"


def test_a_declared_error_has_its_bytes_in_base64() -> None:
    declared = DeclaredError(Torn, Codec(Upload))
    failure = declared.describe(Torn.from_data(Upload(name="a", data=LONG)))
    assert failure.details == {"name": "a", "data": LONG_JSON[1:-1].decode(), "rest": None}
    rebuilt = declared.rebuild(failure)
    assert isinstance(rebuilt, Torn)
    assert rebuilt.data == Upload(name="a", data=LONG)


def test_a_number_in_a_declared_error_names_no_part() -> None:
    rebuilt = DeclaredError(Torn, Codec(Upload)).rebuild(
        Failure("Torn", "", "torn", {"name": "a", "data": 0})
    )
    assert isinstance(rebuilt, InvalidResult)
