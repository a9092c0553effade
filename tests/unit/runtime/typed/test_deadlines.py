"""How long calls may take: said to the other side, inherited by what handlers call."""

import asyncio
import math
from typing import Any

import pytest

import duologue
import duologue.typed.service
from duologue import CallContext, DeadlineExceeded, InternalError, Limits
from duologue.promisifier.deadline_scope import in_force
from duologue.testing import linked_peers
from duologue.testing.conversation.service import CheckedClient, CheckedService
from duologue.testing.conversation.timed_service import (
    CONTRACT,
    NO_TIME,
    TimedClient,
    TimedService,
)
from tests.support import Conversation, turns
from tests.virtual_time import at_once


class Gateway(TimedService):
    """Passes calls on to a third side."""

    def __init__(self, behind: TimedClient, asks: CheckedClient) -> None:
        super().__init__()
        self._behind = behind
        self._asks = asks
        self.tasks: list[asyncio.Task[Any]] = []

    async def left(self, ctx: CallContext) -> int:
        self.tasks.append(asyncio.create_task(self._later()))
        await asyncio.sleep(1)
        return await self._behind.with_options(timeout=math.inf).left()

    async def _later(self) -> int:
        await asyncio.sleep(60)
        return await self._behind.with_options(timeout=math.inf).left()

    async def pass_on(self, ctx: CallContext) -> None:
        await self._asks.with_options(timeout=math.inf).hold()


@at_once
async def test_a_handler_calls_others_within_what_is_left_and_what_it_leaves_behind_is_free() -> (
    None
):
    behind = TimedService(), CheckedService()
    async with linked_peers(behind) as (_, third):
        gateway = Gateway(TimedClient(third), CheckedClient(third))
        async with linked_peers([gateway]) as (_, caller):
            left = await TimedClient(caller, timeout=10).left()
            assert 8_990 <= left <= 9_000
            assert await gateway.tasks[0] == NO_TIME


@at_once
async def test_the_time_of_a_call_that_passes_behind_a_gateway_is_no_incident_there(
    caplog: pytest.LogCaptureFixture,
) -> None:
    behind = CheckedService()
    async with linked_peers([behind]) as (_, third):
        conversation, _ = await _served(service=Gateway(TimedClient(third), CheckedClient(third)))
        async with conversation:
            _ask(conversation, 1, 3, 2000)
            await asyncio.sleep(2.1)
            error = conversation.said[-1]["error"]
            assert (error["code"], error["details"]) == ("DEADLINE_EXCEEDED", {"where": "running"})
            assert behind.ended.is_set()
    assert "incident" not in caplog.text


async def _served(
    limits: Limits | None = None, service: TimedService | None = None
) -> tuple[Conversation, TimedService]:
    """A service, and by hand the other end of its connection."""
    service = service or TimedService()
    conversation = Conversation(limits)
    duologue.typed.service.Offer([service]).make_to(conversation.peer)
    conversation.peer._conversation._session.allow_control()  # pyright: ignore[reportPrivateUsage]
    await turns(2)
    return conversation, service


def _ask(conversation: Conversation, request_id: int, method: int, timeout_ms: int) -> None:
    conversation.wire.send(
        f'{{"requestId":{request_id},"type":"request","serviceId":{CONTRACT.base + method},'
        f'"args":[],"timeoutMs":{timeout_ms}}}'
    )


@at_once
async def test_a_handler_is_stopped_when_its_caller_waits_no_more_and_says_where_it_was() -> None:
    conversation, service = await _served()
    async with conversation:
        _ask(conversation, 1, 3, 2000)
        await service.begun.wait()
        await asyncio.sleep(1.9)
        assert not [each for each in conversation.said if each.get("responseId") == 1]
        await asyncio.sleep(0.2)
        assert service.ended.is_set()
        error = conversation.said[-1]["error"]
        assert (error["code"], error["details"]) == ("DEADLINE_EXCEEDED", {"where": "running"})
        assert "duologue.testing.v1.Timed/pass_on" in error["message"]


@at_once
async def test_a_call_that_waits_for_a_handler_is_answered_when_its_time_has_passed() -> None:
    conversation, service = await _served(Limits(max_running_calls=1))
    async with conversation:
        _ask(conversation, 1, 4, 86_400_000)
        _ask(conversation, 2, 1, 2000)
        await asyncio.sleep(2.1)
        answer = conversation.said[-1]
        assert answer["responseId"] == 2
        assert answer["error"]["details"] == {"where": "waiting"}
        service.may_end.set()
        await turns()
        assert conversation.said[-1]["responseId"] == 1


@at_once
async def test_a_method_that_ignores_cancelling_answers_after_its_deadline() -> None:
    conversation, service = await _served()
    async with conversation:
        _ask(conversation, 1, 4, 1000)
        await asyncio.sleep(5)
        conversation.wire.send('{"requestId":1,"type":"cancel"}')
        await turns()
        service.may_end.set()
        await turns()
        assert conversation.said[-1]["type"] == "data"


@at_once
async def test_a_method_that_ignores_cancelling_outlives_its_connection() -> None:
    conversation, service = await _served()
    async with conversation:
        _ask(conversation, 1, 4, 1000)
        await service.begun.wait()
    service.may_end.set()
    await asyncio.wait_for(service.ended.wait(), 1)


@at_once
async def test_what_a_block_bounds_and_what_it_does_not() -> None:
    service, checked = TimedService(), CheckedService()
    async with linked_peers([service, checked]) as (_, peer):
        timed = TimedClient(peer, timeout=math.inf)
        async with duologue.deadline(10) as outer:
            await asyncio.sleep(4)
            assert outer.remaining() == pytest.approx(6, abs=0.001)
            async with duologue.deadline(100):
                assert await timed.left() <= 6_000, "an inner one cannot be longer"
            async with duologue.deadline(1):
                assert await timed.left() <= 1_000
            assert 5_000 < await timed.left() <= 6_000
            assert await timed.with_options(timeout=2).left() <= 2_000, "what is less counts"
            later = asyncio.create_task(_after(20, timed))
            with pytest.raises(DeadlineExceeded, match=r"no answer to .*hold within 6 s"):
                await CheckedClient(peer, timeout=math.inf).hold()
            with pytest.raises(DeadlineExceeded, match="was over before"):
                await timed.left()
        assert await timed.left() == NO_TIME
        assert await later == NO_TIME, "a task that outlives the block is free"
    assert not in_force


async def _after(seconds: float, client: TimedClient) -> int:
    await asyncio.sleep(seconds)
    return await client.left()


@at_once
async def test_peers_that_are_joined_in_a_block_serve_others_without_its_deadline() -> None:
    async with duologue.deadline(5):
        entered = linked_peers([TimedService()], [TimedService()])
        left, right = await entered.__aenter__()
        await asyncio.sleep(6)
        async with duologue.deadline(None):
            # Its handlers run in a context of their own.
            assert await TimedClient(right, timeout=math.inf).left() == NO_TIME
    await entered.__aexit__(None, None, None)
    assert not left.is_connected


async def test_a_block_takes_seconds_above_zero_once() -> None:
    with pytest.raises(ValueError, match="takes seconds, above 0, but was given 0"):
        duologue.deadline(0)
    block = duologue.deadline(1)
    async with block:
        pass
    with pytest.raises(RuntimeError, match="make another one"):
        async with block:
            pass


async def test_a_deadline_that_a_handler_raises_of_its_own_is_an_incident() -> None:
    """It speaks of somebody else's call: that of its caller has time enough."""

    class Impatient(TimedService):
        async def left(self, ctx: CallContext) -> int:
            await CheckedClient(ctx.peer, timeout=0.001).hold()
            return 0

    async with linked_peers([Impatient()], [CheckedService()]) as (_, peer):
        with pytest.raises(InternalError):
            await TimedClient(peer, timeout=30).left()


async def test_base_peers_are_told_of_no_time_and_no_metadata(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", "duologue")
    async with Conversation() as conversation:
        client = TimedClient(conversation.peer, timeout=5, meta={"a": "b"})
        calls = [asyncio.ensure_future(client.left()) for _ in range(3)]
        await turns()
        assert [sorted(each) for each in conversation.said] == [
            ["args", "requestId", "serviceId", "type"]
        ] * 3
        for call in calls:
            call.cancel()
        await asyncio.wait(calls)
    told = [each for each in caplog.messages if "knows no metadata" in each]
    assert len(told) == 1
    assert "duologue.testing.v1.Timed/left" in told[0]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"meta": {"BAD": ""}}, "expected 1 to 64 of a-z"),
        ({"meta": {"duologue.trace": ""}}, "the library's own"),
        ({"timeout": 0}, "timeout= takes seconds, above 0"),
        ({"timeout": math.nan}, "timeout= takes seconds, above 0"),
    ],
)
async def test_wishes_that_cannot_be_are_refused_when_they_are_made(
    options: dict[str, Any], said: str
) -> None:
    async with linked_peers() as (_, peer):
        with pytest.raises(ValueError, match=said):
            TimedClient(peer).with_options(**options)


@at_once
async def test_wishes_that_are_not_given_stay() -> None:
    async with linked_peers([TimedService()]) as (_, peer):
        client = TimedClient(peer, timeout=50).with_options(meta={"a": "b"})
        assert await client.say(text="a") == "b"
        assert 40_000 < await client.left() <= 50_000
        assert await client.with_options(timeout=None).left() <= 30_000, "the usual one"


async def test_metadata_that_may_not_be_sent_is_left_out_of_an_answer_whole(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Chatty(TimedService):
        async def left(self, ctx: CallContext) -> int:
            ctx.answer_meta.update({"fine": "", "NOT": ""})
            return 1

    answered: dict[str, str] = {}
    async with linked_peers([Chatty()]) as (_, peer):
        assert await TimedClient(peer).with_options(answer_meta=answered).left() == 1
    assert answered == {}
    assert "the metadata of an answer of duologue.testing.v1.Timed/left is left out" in caplog.text


def test_a_context_of_a_test_has_neither_time_nor_metadata() -> None:
    ctx = CallContext(None, "a.v1.B/c")  # type: ignore[arg-type]
    ctx.answer_meta["a"] = "b"
    assert (ctx.deadline, ctx.remaining(), dict(ctx.meta)) == (None, math.inf, {})
    assert ctx.answer_meta == {"a": "b"}
