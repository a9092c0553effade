"""Handlers that raise, and that end as no handler should: what their callers are told."""

import asyncio
import json
from typing import Any

import pytest
from pydantic import BaseModel

from duologue.errors import BadFrame, CallError, ContractError
from duologue.limits import Limits
from tests.support import Conversation, turns
from tests.unit.runtime.promisifier.gates import code_of
from tests.unit.runtime.promisifier.gates import talk as talk


def text_of(size: int) -> str:
    return "x" * size


async def failing(talk: Conversation, error: BaseException) -> Any:
    """The answer to a call of an async service that raises `error`; a plain one must agree."""

    def fail() -> None:
        raise error

    async def fail_later() -> None:
        await asyncio.sleep(0)
        raise error

    talk.peer.add_service(1, fail)
    talk.peer.add_service(2, fail_later)
    (plain,) = await talk.hear(talk.request(1, 1))
    (later,) = await talk.hear(talk.request(2, 2))
    assert (plain["type"], plain["error"]["name"]) == (later["type"], later["error"]["name"])
    assert plain["error"]["code"] == later["error"]["code"]
    return later["error"]


async def test_an_error_meant_for_the_caller_is_told(talk: Conversation) -> None:
    error = await failing(talk, CallError("no", code="NO", details={"why": 1}))
    assert error == {"name": "CallError", "message": "no", "code": "NO", "details": {"why": 1}}


async def test_any_other_exception_is_an_incident(talk: Conversation) -> None:
    error = await failing(talk, ValueError("secret"))
    assert error["code"] == "INTERNAL"
    assert "secret" not in json.dumps(error)


async def test_a_bad_frame_that_a_service_meets_is_an_incident(talk: Conversation) -> None:
    error = await failing(talk, BadFrame("of something else"))
    assert error["code"] == "INTERNAL"
    assert talk.peer.stats.requests_received_invalid == 0


async def test_a_service_that_ends_as_if_cancelled_is_answered(talk: Conversation) -> None:
    assert (await failing(talk, asyncio.CancelledError()))["code"] == "CANCELLED"


async def test_what_is_no_exception_is_an_incident_and_the_service_lives(
    talk: Conversation,
) -> None:
    class PanicException(BaseException):
        """As a Rust extension raises it."""

    assert (await failing(talk, PanicException("secret")))["code"] == "INTERNAL"
    talk.peer.add_service(3, lambda: "alive")
    (answer,) = await talk.hear(talk.request(9, 3))
    assert answer["data"] == "alive"


async def test_details_without_a_form_in_json_are_an_incident(talk: Conversation) -> None:
    assert (await failing(talk, CallError("no", details=object())))["code"] == "INTERNAL"


async def test_a_declared_error_of_an_untyped_service_is_answered_somehow(
    talk: Conversation,
) -> None:
    class Fields(BaseModel):
        capacity: int

    class RoomFull(ContractError[Fields]):
        code = "room_full"

    assert (await failing(talk, RoomFull(Fields(capacity=1))))["code"] in ("room_full", "INTERNAL")


async def test_an_error_whose_text_raises_is_an_incident(talk: Conversation) -> None:
    class Broken(CallError):
        def __getattribute__(self, name: str) -> Any:
            if name == "message":
                raise ValueError("secret")
            return super().__getattribute__(name)

    assert (await failing(talk, Broken("no")))["code"] == "INTERNAL"


async def test_a_failure_larger_than_a_message_is_told_as_that() -> None:
    async with Conversation(Limits(max_message_bytes=1000)) as talk:
        error = await failing(talk, CallError("x" * 1000))
        assert error["code"] == "LIMIT_EXCEEDED"
        assert error["details"] == {"limit": "max_message_bytes", "value": 1000}


async def test_a_result_larger_than_a_message_is_told_as_that() -> None:
    async with Conversation(Limits(max_message_bytes=1000)) as talk:
        overhead = len('{"responseId":0,"type":"data","data":""}')
        talk.peer.add_service(1, text_of)
        talk.peer.add_service(2, lambda: "x" * 1000)
        (answer,) = await talk.hear(talk.request(0, 1, 1000 - overhead))
        assert answer["type"] == "data"
        (answer,) = await talk.hear(talk.request(0, 1, 1001 - overhead))
        assert code_of(answer) == "LIMIT_EXCEEDED"


async def test_a_result_that_the_wire_cannot_carry_is_answered_so(talk: Conversation) -> None:
    talk.peer.add_service(3, lambda: float("nan"))
    (answer,) = await talk.hear(talk.request(0, 3))
    assert code_of(answer) == "WSP-ESV"


# -- handlers that end as no handler should -------------------------------------------------------


async def raise_generator_exit() -> None:
    await asyncio.sleep(0)
    raise GeneratorExit


def raise_generator_exit_at_once() -> None:
    raise GeneratorExit


@pytest.mark.parametrize("handler", [raise_generator_exit, raise_generator_exit_at_once])
async def test_a_handler_that_ends_in_generator_exit_is_an_incident(handler: Any) -> None:
    async with Conversation() as talk:
        talk.peer.add_service(3, handler)
        (answer,) = await talk.hear(talk.request(0, 3))
        assert answer["error"]["code"] == "INTERNAL"


async def test_what_comes_when_answers_may_leave_again_does_not_overtake_what_has_waited() -> None:
    async with Conversation() as talk:
        ran: list[int] = []
        talk.peer.add_service(3, ran.append)
        talk.connection.gate.shut()
        await talk.hear(talk.request(1, 3, 1), talk.request(2, 3, 2))
        assert ran == []
        # Those that wait are told in a later turn than that in which the gate opens.
        talk.connection.gate.open()
        talk.connection.on_message.emit(talk.request(3, 3, 3))
        assert ran == []
        await turns()
        assert ran == [1, 2, 3]
        await talk.hear(talk.request(4, 3, 4))
        assert ran == [1, 2, 3, 4]
