"""Golden packages at work: wire names, numbers and everyday words go over the wire and back."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from duologue import CallContext, InvalidParams
from duologue.testing import linked, linked_peers
from duologue.typed import Codec, Unknown
from tests.golden.packages.everyday_words.expected.golden.words.v1 import (
    Circle,
    Client,
    Colour,
    ContractError,
    Reply,
    ServiceAbstractmethodParams,
    ServiceClient,
    ServiceRegisterParams,
    ServiceServicePartial,
    Shape,
    TypeAlias,
)
from tests.golden.packages.numbers.expected.golden.numbers.v1 import (
    DeviceChanged,
    DeviceChannelsParams,
    DeviceClient,
    DeviceServicePartial,
    DeviceSetParams,
    Everything,
    Level,
    State,
    Stuck,
)
from tests.golden.packages.wire_names.expected.golden.wire.v1 import (
    Growing,
    NotFound,
    One,
    Only,
    Relation,
    Swap,
    Swapped,
    Text,
    Thing,
    Tool,
    ToolsCallParams,
    ToolsChanged,
    ToolsClient,
    ToolsPlaceParams,
    ToolsServicePartial,
)

# ---- wire names ----------------------------------------------------------------------------------

WIRE: list[tuple[Codec[Any], str]] = [
    (
        Codec(Tool),
        '{"name":"a","inputSchema":{"type":1},"_meta":{"k":1},"m.relates_to":{"from":"x","to":"y"},'
        '"30d_active":3,"is":true,"class":"b","with \\"quotes\\" \'and\' \\\\":"q"}',
    ),
    (Codec(Swapped), '{"b":1,"a":2}'),
    (Codec[Thing](Thing), '{"@type":"text","kind":"swap","$raw":"aGk="}'),
    (Codec[Thing](Thing), '{"@type":"swap","inner":[{"a":1,"b":2}]}'),
    (
        Codec[Growing](Growing),
        '{"@type":"two","More":[{"@type":"one","number":3},{"@type":"x","z":1}]}',
    ),
    (Codec[Only](Only), '{"@":"alone"}'),
]


@pytest.mark.parametrize(("codec", "text"), WIRE)
def test_what_has_wire_names_comes_back_as_it_was(codec: Codec[Any], text: str) -> None:
    assert json.loads(codec.encode(codec.decode(text.encode()))) == json.loads(text)


class Tools(ToolsServicePartial):
    def call(self, params: ToolsCallParams, ctx: CallContext) -> list[Tool]:
        if params.tool_name == "none":
            raise NotFound(tool_name="none")
        related = Relation(from_whom=params.thing.kind, to="b")
        tool = Tool(name=params.tool_name, input_schema=1, class_name="x", relates_to=related)
        self.emit_changed(tool=tool)
        return [tool]

    def swap(self, params: Swapped, ctx: CallContext) -> Swapped:
        return Swapped(a=params.b, b=params.a)

    def place(self, params: ToolsPlaceParams, ctx: CallContext) -> Growing:
        if params.second is None:
            return Unknown("nine", {"@type": "nine"})
        return One(value=params.first_one + params.second)


async def test_python_has_names_and_the_other_side_finds_the_same() -> None:
    heard: list[ToolsChanged] = []
    async with linked(Tools(), ToolsClient) as tools:
        tools.on_changed(heard.append)
        (tool,) = await tools.call(tool_name="a", thing=Text(type="q", raw=b"x" * 10_000))
        assert tool.relates_to == Relation(from_whom="text", to="b")
        assert heard == [ToolsChanged(tool=tool)]
        assert await tools.swap(a=1, b=2) == Swapped(a=2, b=1)
        assert await tools.place(first_one=3, second=4) == One(value=7)
        assert await tools.place(first_one=3) == Unknown("nine", {"@type": "nine"})
        with pytest.raises(NotFound, match="there is no none") as caught:
            await tools.call(tool_name="none", thing=Swap(inner=[]))
        assert caught.value.data.tool_name == "none"


async def test_a_peer_without_the_contract_sees_wire_names() -> None:
    async with linked_peers([Tools()]) as (_, right):
        assert await right.send(902, {"a": 1, "b": 2}) == {"b": 1, "a": 2}
        thing = {"@type": "text", "kind": "k"}
        (tool,) = await right.send(901, {"toolName": "a", "THING": thing})
        assert (tool["inputSchema"], tool["class"]) == (1, "x")
        assert tool["m.relates_to"] == {"from": "text", "to": "b"}
        assert await right.send(903, 3, 4) == {"@type": "one", "number": 7}


# ---- numbers -------------------------------------------------------------------------------------

NUMBERS: dict[str, Any] = {
    "u32": 3,
    "u64": "9007199254740993",
    "state": 1,
    "level": 77,
    "alias": 0,
    "colour": "red",
    "shade": "odd",
    "maybe": 10,
    "some": [10, 11],
    "by_int": {"0": "a", "-7": "b"},
    "by_int32": {"1": None},
    "by_int64": {"-9223372036854775808": 10},
    "by_uint32": {"0": {"18446744073709551615": ""}},
    "byChannel": {"15": -1},
    "by_serial": {"3": 4},
    "by_state": {"0": "x", "-1": "y"},
    "by_level": {"10": "a", "11": "b"},
    "by_colour": {"red": 1.5},
}


def test_numbers_come_back_as_they_were() -> None:
    codec = Codec(Everything)
    met = codec.decode(json.dumps(NUMBERS).encode())
    assert json.loads(codec.encode(met)) == NUMBERS
    assert met.state is State.BUSY
    assert met.by_level == {Level.LOW: "a", 11: "b"}
    assert [type(key) for key in met.by_level] == [Level, int]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("u32", 0),
        ("u64", "9007199254740994"),
        ("state", True),
        ("by_int", {"01": "a"}),
        ("by_int32", {"2147483648": 1}),
        ("by_int64", {"x": 10}),
        ("by_uint32", {"-1": {}}),
        ("byChannel", {"16": 0}),
        ("by_state", {"2": "x"}),
    ],
)
def test_other_numbers_are_refused(field: str, value: object) -> None:
    with pytest.raises(ValidationError):
        Codec(Everything).decode(json.dumps({**NUMBERS, field: value}).encode())


class Device(DeviceServicePartial):
    def set(self, params: DeviceSetParams, ctx: CallContext) -> State:
        if params.level == 5:
            raise Stuck(state=params.state, level=params.level)
        self.emit_changed(state=params.state, levels={1: params.level})
        return params.state

    def levels(self, ctx: CallContext) -> dict[Level | int, list[State]]:
        return {Level.LOW: [State.IDLE], 7: []}

    def level(self, ctx: CallContext) -> Level | int | None:
        return 99

    def channels(self, params: DeviceChannelsParams, ctx: CallContext) -> dict[int, State]:
        return {channel: each.state for channel, each in params.list.items()}


async def test_enums_of_numbers_and_numbered_maps_go_over_the_wire() -> None:
    heard: list[DeviceChanged] = []
    everything = Codec(Everything).decode(json.dumps(NUMBERS).encode())
    async with linked(Device(), DeviceClient) as device:
        device.on_changed(heard.append)
        assert await device.set(state=State.BUSY) is State.BUSY
        assert heard == [DeviceChanged(state=State.BUSY, levels={1: Level.LOW})]
        assert await device.levels() == {Level.LOW: [State.IDLE], 7: []}
        assert await device.level() == 99
        assert await device.channels(list={3: everything}) == {3: State.BUSY}
        with pytest.raises(Stuck, match="it is -1 at 5") as caught:
            await device.set(state=State.BROKEN, level=5)
        assert caught.value.data.state is State.BROKEN
        with pytest.raises(InvalidParams):
            await device.channels(list={16: everything})
    async with linked_peers([Device()]) as (_, right):
        assert await right.send(1, {"state": -1, "level": 20}) == -1
        assert await right.send(2) == {"10": [0], "7": []}


# ---- everyday words ------------------------------------------------------------------------------


class Words(ServiceServicePartial):
    def abstractmethod(self, params: ServiceAbstractmethodParams, ctx: CallContext) -> list[Client]:
        return [*params.list, Client(x=1, token=params.str)]

    def mro(self, ctx: CallContext) -> Shape:
        return Circle(filter=1.5, str=Reply(x=3))

    def register(self, params: ServiceRegisterParams, ctx: CallContext) -> None:
        if params.c:
            raise TypeAlias(type=Colour.MRO, str=params.peer)
        raise ContractError(args=["https://example.org"], code=4)


async def test_everyday_words_are_names_like_others() -> None:
    async with linked(Words(), ServiceClient) as words:
        assert await words.abstractmethod(list=[], str="s") == [Client(x=1, token="s")]
        assert await words.mro() == Circle(filter=1.5, str=Reply(x=3))
        with pytest.raises(TypeAlias) as caught:
            await words.register(c=1, peer="p")
        assert (caught.value.data.type, caught.value.data.str) == (Colour.MRO, "p")
        with pytest.raises(ContractError, match=r"4: \['https://example.org'\]"):
            await words.register(c=0, peer="p")
