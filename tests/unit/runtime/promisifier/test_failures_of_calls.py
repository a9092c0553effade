"""What a call fails with, as the object an application holds tells it (base profile 7.4)."""

import asyncio
from typing import Any

import pytest

from duologue.errors import (
    BadFrame,
    DuologueError,
    RemoteError,
)
from duologue.promisifier.own_call import NO_DEADLINE
from duologue.protocol.parcels import Payload
from tests.support import Conversation, PlainReading, turns


class Unreadable(DuologueError):
    pass


class Refusing(PlainReading):
    def decode_result(self, data: Payload | None) -> bytes | None:
        raise Unreadable


FAILURES: list[tuple[str, tuple[str, str, str | None]]] = [
    ('{"name":"N","message":"M","code":"C"}', ("N", "M", "C")),
    ('{"name":"N","message":"M","code":"$__undefined$"}', ("N", "M", None)),
    ('{"name":"","message":"M"}', ("Error", "M", None)),
    ("{}", ("Error", "", None)),
    ("null", ("Error", "", None)),
    ('"$__undefined$"', ("Error", "", None)),
    ('{"name":1e400}', ("Error", "", None)),
]


@pytest.mark.parametrize(("error", "cause"), FAILURES)
async def test_a_failed_service_is_a_remote_error_with_its_cause(
    error: str, cause: tuple[str, str, str | None]
) -> None:
    async with Conversation() as talk:
        call = talk.peer.send(3)
        await talk.hear('{"responseId":0,"type":"error","error":%s}' % error)
        with pytest.raises(RemoteError) as failed:
            await call
        met = failed.value.cause
        assert (met.name, met.message, met.code) == cause
        assert failed.value.name == "WebsocketRequestError"
        assert str(failed.value).startswith(
            'WSRQ-JRMH1: Remote websocket function returned an error (see "cause" property)'
        )


async def test_an_unreadable_result_fails_the_call_and_is_counted() -> None:
    async with Conversation() as talk:
        call = talk.peer.send(3)
        await talk.hear('{"responseId":0,"type":"data","data":[1e400]}')
        with pytest.raises(BadFrame):
            await call
        assert talk.peer.stats.requests_received_invalid == 1


async def test_a_result_of_another_type_fails_the_call_and_is_not_counted() -> None:
    async with Conversation() as talk:
        call = talk.peer.start_call(Refusing(), b"[]", Refusing(), NO_DEADLINE)
        await talk.hear('{"responseId":0,"type":"data","data":1}')
        with pytest.raises(Unreadable):
            await call
        assert talk.peer.stats.requests_received_invalid == 0


async def test_a_late_answer_is_dropped_and_counted() -> None:
    async with Conversation() as talk:
        call = talk.peer.send(3)
        call.cancel()
        await talk.hear('{"responseId":0,"type":"data","data":1}')
        assert talk.peer.stats.answers_dropped_late == 1
        with pytest.raises(asyncio.CancelledError):
            await call


async def test_cancelling_the_awaiting_task_gives_the_call_up() -> None:
    async with Conversation() as talk:

        async def call() -> Any:
            return await talk.peer.send(3)

        task = asyncio.ensure_future(call())
        await turns()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await talk.hear('{"responseId":0,"type":"error","error":{}}')
        assert talk.peer.stats.answers_dropped_late == 1
        talk.peer.close()
        status = await talk.peer.promise
        assert status.pending == ()


async def test_an_answer_to_nobody_is_dropped_and_counted() -> None:
    async with Conversation() as talk:
        await talk.hear('{"responseId":5,"type":"data","data":1}')
        assert talk.peer.stats.answers_dropped_unknown == 1
