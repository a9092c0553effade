"""The base of generated clients, against a service spoken by hand."""

import asyncio
import math
from typing import Any

import pytest

from duologue.errors import (
    ConnectionClosed,
    ContractError,
    DeadlineExceeded,
    InvalidParams,
    InvalidResult,
    LimitExceeded,
    RefusedValue,
    Unimplemented,
)
from duologue.limits import Limits
from duologue.typed import (
    NO_PARAMS,
    NOTHING,
    Client,
    Codec,
    DeclaredError,
    Params,
    ServiceContract,
    Unary,
)
from duologue.typed.model import Model
from tests.support import Conversation, has_timer, turns


class JoinParams(Model):
    room: str
    seats: int = 1


class RoomFull(ContractError[None]):
    code = "room_full"


JOIN = Unary(
    id=1,
    name="join",
    params=Params(JoinParams),
    returns=Codec(str),
    errors=(DeclaredError(RoomFull, NOTHING),),
)
PING = Unary(id=2, name="ping", params=NO_PARAMS, returns=NOTHING, timeout=0.01)
ROOMS = ServiceContract(name="chat.v1.Rooms", base=100, digest="", methods=(JOIN, PING))


class RoomsClient(Client):
    __contract__ = ROOMS

    async def join(self, *, room: str, seats: int = 1) -> str:
        return await self._unary(JOIN, room=room, seats=seats)

    async def ping(self) -> None:
        await self._unary(PING)


async def answered(talk: Conversation, answer: str) -> Any:
    call = asyncio.ensure_future(RoomsClient(talk.peer).join(room="a"))
    await turns()
    await talk.hear('{"responseId":0,%s}' % answer)
    return await call


async def test_a_call_is_one_request_with_one_object() -> None:
    async with Conversation() as talk:
        assert await answered(talk, '"type":"data","data":"in"') == "in"
        assert talk.said == [
            {
                "requestId": 0,
                "type": "request",
                "serviceId": 101,
                "args": [{"room": "a", "seats": 1}],
            }
        ]


async def test_a_method_without_params_sends_no_arguments() -> None:
    async with Conversation() as talk:
        call = asyncio.ensure_future(RoomsClient(talk.peer).ping())
        await turns()
        assert talk.said[0]["args"] == []
        await talk.hear('{"responseId":0,"type":"data","data":"$__undefined$"}')
        await call


async def test_params_that_do_not_fit_are_refused_before_anything_is_sent() -> None:
    async with Conversation() as talk:
        with pytest.raises(InvalidParams) as refused:
            await RoomsClient(talk.peer).join(room=5)  # type: ignore[arg-type]
        assert [str(each) for each in refused.value.problems] == [
            "room: Input should be a valid string"
        ]
        with pytest.raises(RefusedValue):
            await RoomsClient(talk.peer).join(room="$__undefined$")
        await turns()
        assert talk.said == []


async def test_what_was_refused_here_is_foreign_to_a_handler_that_lets_it_pass() -> None:
    async with Conversation() as talk:
        for room in (5, "$__undefined$"):
            with pytest.raises((InvalidParams, RefusedValue)) as refused:
                await RoomsClient(talk.peer).join(room=room)  # type: ignore[arg-type]
            assert refused.value.foreign


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ('"type":"data","data":5', InvalidResult),
        ('"type":"data"', InvalidResult),
        ('"type":"error","error":{"code":"room_full"}', RoomFull),
        ('"type":"error","error":{"code":"UNKNOWN-SERVICE"}', Unimplemented),
        (
            '"type":"error","error":{"code":"LIMIT_EXCEEDED","details":{"limit":"x","value":1}}',
            LimitExceeded,
        ),
    ],
)
async def test_answers_other_than_the_result_are_errors(
    answer: str, error: type[Exception]
) -> None:
    async with Conversation() as talk:
        with pytest.raises(error):
            await answered(talk, answer)


async def test_the_contract_states_the_deadline() -> None:
    async with Conversation() as talk:
        with pytest.raises(DeadlineExceeded, match=r"chat\.v1\.Rooms/ping within 0\.01 s"):
            await RoomsClient(talk.peer).ping()


async def test_limits_state_it_where_the_contract_does_not() -> None:
    async with Conversation(Limits(call_timeout_s=0.02)) as talk:
        with pytest.raises(DeadlineExceeded, match=r"chat\.v1\.Rooms/join within 0\.02 s"):
            await RoomsClient(talk.peer).join(room="a")


@pytest.mark.parametrize("how", ["with_options", "constructor"])
async def test_the_caller_may_state_another(how: str) -> None:
    async with Conversation() as talk:
        if how == "with_options":
            client = RoomsClient(talk.peer).with_options(timeout=0.03)
        else:
            client = RoomsClient(talk.peer, timeout=0.03)
        for call in (client.join(room="a"), client.ping()):
            with pytest.raises(DeadlineExceeded, match=r"within 0\.03 s"):
                await call


async def test_other_options_make_another_client_of_the_same_class() -> None:
    async with Conversation() as talk:
        client = RoomsClient(talk.peer)
        assert type(client.with_options(timeout=1)) is RoomsClient
        assert client.with_options(timeout=1) is not client
        with pytest.raises(DeadlineExceeded, match=r"within 0\.01 s"):
            await client.with_options(timeout=1).with_options(timeout=None).ping()


async def test_no_deadline_is_infinity() -> None:
    async with Conversation() as talk:
        call = asyncio.ensure_future(RoomsClient(talk.peer).with_options(timeout=math.inf).ping())
        await turns()
        assert not has_timer(talk.peer)
        await talk.hear('{"responseId":0,"type":"data"}')
        await call


@pytest.mark.parametrize("timeout", [0, -1, math.nan])
async def test_a_deadline_in_the_past_is_a_mistake(timeout: float) -> None:
    async with Conversation() as talk:
        with pytest.raises(ValueError, match="timeout= takes seconds, above 0"):
            RoomsClient(talk.peer, timeout=timeout)
        with pytest.raises(ValueError, match="timeout= takes seconds, above 0"):
            RoomsClient(talk.peer).with_options(timeout=timeout)


async def test_a_call_after_the_end_was_not_sent() -> None:
    async with Conversation() as talk:
        talk.peer.close()
        await talk.peer.promise
        with pytest.raises(ConnectionClosed) as closed:
            await RoomsClient(talk.peer).ping()
        assert closed.value.sent == "no"
