"""Calls with items to peers that know less, or do what they must not."""

import asyncio

import pytest

from duologue import (
    ConnectionClosed,
    InvalidResult,
    LimitExceeded,
    Unimplemented,
)
from duologue.typed.service import Offer
from tests.stream_service import Streams, StreamsClient
from tests.support import Conversation, greeting, turns

INTRODUCED = {"profile": "duologue/1", "features": ["cancel", "items"]}

# -- peers that know less -----------------------------------------------------------------------


async def test_a_base_peer_gets_items_as_lines_of_json_and_bytes_as_a_stream() -> None:
    async with Conversation() as talk:
        Offer([Streams()]).make_to(talk.peer)
        said = await talk.hear(talk.request(0, 101, {"upto": 2}))
        chunks = "".join(each["chunk"] for each in said if each["type"] == "stream")
        assert chunks == '{"number":0,"pad":""}\n{"number":1,"pad":""}\n'
        assert said[-1]["type"] == "stream-end"
        for number in (102, 103, 104):
            said = await talk.hear(talk.request(number, number, {"upto": 2}))
            assert said[-1]["error"]["code"] == "UNIMPLEMENTED"


async def test_a_base_peer_is_read_as_lines_of_json() -> None:
    async with Conversation() as talk:
        client = StreamsClient(talk.peer)
        async with client.count(upto=2) as log:
            reading = asyncio.ensure_future(anext(log))
            await turns()
            await talk.hear(
                '{"responseId":0,"type":"stream","encoding":"utf8","chunk":"{\\"number\\":7}\\n{\\"nu"}',
                '{"responseId":0,"type":"stream","chunk":"mber\\":8}"}',
                '{"responseId":0,"type":"stream-end"}',
            )
            assert (await reading).number == 7
            assert [item.number async for item in log] == [8]
            await log.result()


async def test_what_a_base_peer_cannot_do_is_unimplemented_before_anything_is_sent() -> None:
    async with Conversation() as talk:
        client = StreamsClient(talk.peer)
        with pytest.raises(Unimplemented, match="needs items, which the other side does not know"):
            await client.sum()
        with pytest.raises(Unimplemented):
            await anext(client.count_up(upto=3))
        assert talk.said == []


async def test_a_call_with_items_waits_until_the_other_side_has_introduced_itself() -> None:
    async with Conversation() as talk:
        talk.peer.greet(greeting())
        log = StreamsClient(talk.peer).count(upto=2)
        entering = asyncio.ensure_future(log.__aenter__())
        await turns()
        assert len(talk.said) == 1
        await talk.hear(talk.request(0, 0, INTRODUCED))
        await entering
        await turns()
        assert talk.said[-1]["serviceId"] == 101
        await talk.hear('{"responseId":1,"type":"items","data":[{"number":5}]}')
        assert (await anext(log)).number == 5
        log.cancel()


# -- what does not fit --------------------------------------------------------------------------


async def introduced(talk: Conversation) -> StreamsClient:
    talk.peer.greet(greeting())
    await talk.hear(talk.request(0, 0, INTRODUCED))
    return StreamsClient(talk.peer)


async def test_an_item_that_does_not_fit_fails_the_call_which_is_cancelled() -> None:
    async with Conversation() as talk:
        client = await introduced(talk)
        async with client.count(upto=2) as log:
            await turns()
            request_id = talk.said[-1]["requestId"]
            await talk.hear('{"responseId":%d,"type":"items","data":[{"number":"x"}]}' % request_id)
            with pytest.raises(
                InvalidResult, match=r"an item of test\.v1\.Streams/count"
            ) as failed:
                await anext(log)
            assert [str(each) for each in failed.value.problems] == [
                "0.number: Input should be a valid integer"
            ]
            await turns()
            assert talk.said[-1] == {"requestId": request_id, "type": "cancel"}


async def test_bytes_where_json_is_due_fail_the_call() -> None:
    async with Conversation() as talk:
        client = await introduced(talk)
        async with client.count(upto=2) as log:
            await turns()
            await talk.hear(bytes(8) + b"x", b"\x00\x00\x00\x00\x00\x00\xf0\x3f" + b"x")
            with pytest.raises(InvalidResult, match="an item is bytes, expected JSON"):
                await anext(log)


@pytest.mark.parametrize(
    ("item", "problem"),
    [
        ('{"requestId":1,"type":"items","data":[{"number":"x"}]}', "0.number"),
        (b"\x00\x00\x00\x00\x00\x00\x00\xc0x", "an item is bytes, expected JSON"),
    ],
)
async def test_an_item_that_the_service_cannot_read_is_invalid_params(
    item: str | bytes, problem: str
) -> None:
    async with Conversation() as talk:
        Offer([Streams()]).make_to(talk.peer)
        await introduced(talk)
        said = await talk.hear(talk.request(1, 103), item)
        assert said[-1]["error"]["code"] == "INVALID_PARAMS"
        assert problem in str(said[-1]["error"]["details"])


async def test_an_overrun_window_ends_the_connection() -> None:
    async with Conversation() as talk:
        client = await introduced(talk)
        async with client.count(upto=2):
            await turns()
            await talk.hear('{"responseId":1,"type":"items","data":[%s]}' % ",".join(["{}"] * 65))
            outcome = await talk.peer.promise.wait()
            assert isinstance(outcome, ConnectionClosed)
            assert isinstance(outcome.__cause__, LimitExceeded)
