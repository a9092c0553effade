from pathlib import Path

import pytest

from duologue_codegen.targets.python.view import PackageView
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
    assert view.services[0].methods[0].signature.service_params == (
        "params: RoomsJoinParams",
        "ctx: CallContext",
    )
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
    assert (method.returns, method.signature.client_returns) == (codec, spelled)
    assert method.signature.service_returns == f"Reply[{spelled}]"


def test_a_method_that_gives_nothing_returns_none(tmp_path: Path) -> None:
    method = join_of("{id: 1}", tmp_path).services[0].methods[0]
    assert (method.returns, method.params) == ("NOTHING", "NO_PARAMS")
    assert method.signature.client_returns == "None"


def test_a_method_called_as_a_type_gives_the_type_another_name(tmp_path: Path) -> None:
    body = """
    services:
      S: {methods: {date: {id: 1, params: {time: time}, returns: date}}}
    """
    view = view_of(body, tmp_path)
    method = view.services[0].methods[0]
    assert (method.signature.client_returns, method.returns) == ("date_", "Codec(date)")
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
    assert (method.returns, method.signature.client_returns) == (codec, class_)
    for file in ("client", "service"):
        assert f"from duologue import {class_}" in view.imports[file]


def test_positional_params_have_a_constructor_of_their_own(tmp_path: Path) -> None:
    method = join_of("{id: 1, args: positional, params: Thing}", tmp_path).services[0].methods[0]
    assert method.params == "PositionalParams(m.Thing)"


@pytest.mark.parametrize(
    ("stated", "client", "service"),
    [
        ("yields: Thing", "Incoming[Thing, None]", "(self, ctx) -> AsyncIterator[Thing]"),
        (
            "yields: Thing, returns: int",
            "Incoming[Thing, int]",
            "(self, out, ctx) -> Awaitable[int]",
        ),
        ("sends: int", "Outgoing[int, None]", "(self, items, ctx) -> Awaitable[None]"),
        (
            "sends: bytes, returns: int",
            "Outgoing[bytes, int]",
            "(self, items, ctx) -> Awaitable[int]",
        ),
        (
            "sends: int, yields: Role",
            "Exchange[int, Role | str, None]",
            "(self, items, ctx) -> AsyncIterator[Role | str]",
        ),
        (
            "sends: int, yields: bytes, returns: bool",
            "Exchange[int, bytes, bool]",
            "(self, items, out, ctx) -> Awaitable[bool]",
        ),
        (
            "params: {a: int}, sends: int, yields: int, returns: bool",
            "Exchange[int, int, bool]",
            "(self, params, items, out, ctx) -> Awaitable[bool]",
        ),
    ],
)
def test_what_a_method_sends_and_yields_makes_its_shape(
    stated: str, client: str, service: str, tmp_path: Path
) -> None:
    shape = join_of(f"{{id: 1, {stated}}}", tmp_path).services[0].methods[0].signature
    names = ["self", *(each.partition(":")[0] for each in shape.service_params)]
    assert (shape.client_def, shape.client_returns) == ("def", client)
    assert f"({', '.join(names)}) -> {shape.service_returns}" == service


def test_the_items_of_both_ways_are_told_apart(tmp_path: Path) -> None:
    view = join_of("{id: 1, sends: int, yields: Thing, returns: bool}", tmp_path)
    shape = view.services[0].methods[0].signature
    assert shape.service_params == (
        "items: AsyncIterator[int]",
        "out: Sender[Thing]",
        "ctx: CallContext",
    )
    assert "from collections.abc import AsyncIterator" in view.imports["service"]
    assert "from duologue.typed import Exchange" in view.imports["client"]
    assert "from duologue.typed import Duplex" in view.imports["_contract"]


@pytest.mark.parametrize(
    ("item", "codec"),
    [
        ("Thing", "Codec(m.Thing)"),
        ("bytes", "BYTE_ITEMS"),
        ("optional bytes", "Codec[bytes | None](bytes | None)"),
        ("int", "Codec[int](SafeInt)"),
    ],
)
def test_items_have_a_codec_and_bytes_one_of_their_own(
    item: str, codec: str, tmp_path: Path
) -> None:
    method = join_of(f"{{id: 1, sends: {item}}}", tmp_path).services[0].methods[0]
    assert (method.sends, method.yields) == (codec, None)


def test_times_are_seconds(tmp_path: Path) -> None:
    stated = "{id: 1, yields: int, timeout: 500ms, idle_timeout: 1m}"
    method = join_of(stated, tmp_path).services[0].methods[0]
    assert (method.timeout, method.idle_timeout) == ("0.5", "60.0")
