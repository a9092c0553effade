"""The hello, between two peers in memory and against a base peer played by hand."""

import asyncio
import json
from functools import partial
from typing import Any

import pytest

from duologue import ConnectionClosed, ContractMismatch, IdentityMismatch, Limits
from duologue.promisifier.promisifier import create_websocket_promisifier
from duologue.protocol.control import Describe
from duologue.protocol.hello import OfferedService
from duologue.testing import connected_pair, linked_peers
from tests.support import Conversation, greeting, square, turns

ROOMS = OfferedService("chat.v1.Rooms", 100, "sha256:aa")
ANN, BOB, EVE = bytes([1]) * 32, bytes([2]) * 32, bytes([3]) * 32


async def test_both_sides_learn_what_the_other_offers() -> None:
    async with linked_peers() as (left, right):
        left.greet(greeting(ROOMS))
        right.greet(greeting())
        await left.introduced()
        await right.introduced()
        assert left.speaks_duologue
        assert right.speaks_duologue
        assert right.counterpart.base_of(OfferedService("chat.v1.Rooms", 5, "sha256:aa")) == 100
        assert right.counterpart.base_of(OfferedService("chat.v1.Other", 5, "sha256:bb")) == 5


async def test_as_many_calls_as_may_be_open_beside_an_unanswered_hello() -> None:
    async with Conversation(Limits(max_open_calls=2)) as talk:
        talk.peer.greet(greeting(ROOMS))
        await turns()
        for number in (3, 4, 5):
            talk.peer.send(number)
        await turns()
        assert [each["serviceId"] for each in talk.said] == [0, 3, 4]


async def test_the_hello_has_the_profiles_form_and_is_counted_apart() -> None:
    async with Conversation() as talk:
        talk.peer.greet(greeting(ROOMS, own_key=ANN, remote_key=BOB))
        await turns()
        (hello,) = talk.said
        assert hello == {
            "requestId": 0,
            "type": "request",
            "serviceId": 0,
            "args": [
                {
                    "profile": "duologue/1",
                    "role": "connector",
                    "self": ANN.hex(),
                    "peer": BOB.hex(),
                    "features": [
                        "batches",
                        "cancel",
                        "deadline",
                        "details",
                        "goaway",
                        "items",
                        "meta",
                        "nested",
                        "parts",
                        "subscribe",
                    ],
                    "limits": {"maxMessageBytes": 1048576, "maxCalls": 1280},
                    "services": [
                        {"name": "chat.v1.Rooms", "base": 100, "digest": "sha256:aa"},
                    ],
                    "agent": "test",
                }
            ],
        }
        assert talk.peer.stats.requests_sent_total == 0
        assert talk.peer.stats.control_requests_sent == 1


async def test_whoever_finds_a_hello_waiting_answers_it_and_says_none_of_its_own() -> None:
    connection, other_connection = connected_pair()
    other = create_websocket_promisifier(other_connection)
    other.greet(greeting(ROOMS))
    await turns()
    peer = create_websocket_promisifier(connection)
    peer.greet(greeting())
    peer.start()
    assert peer.speaks_duologue
    await other.introduced()
    assert other.speaks_duologue
    assert (other.stats.control_requests_sent, peer.stats.control_requests_sent) == (1, 0)
    peer.close()
    await other.promise


async def test_starting_twice_says_one_hello() -> None:
    async with Conversation() as talk:
        talk.peer.greet(greeting())
        talk.peer.start()
        talk.peer.start()
        await turns()
        assert len(talk.said) == 1


async def test_an_unanswered_hello_is_no_call_that_was_pending() -> None:
    async with Conversation() as talk:
        talk.peer.greet(greeting(ROOMS))
        await turns()
        call = talk.peer.send(7)
        talk.peer.close()
        assert (await talk.peer.promise).pending == (7,)
        with pytest.raises(ConnectionClosed):
            await call


async def test_peers_that_are_closed_right_after_opening_have_nothing_pending() -> None:
    left, right = map(create_websocket_promisifier, connected_pair())
    left.greet(greeting(ROOMS))
    right.greet(greeting())
    left.close()
    assert ((await left.promise).pending, (await right.promise).pending) == ((), ())


async def test_a_peer_made_by_hand_says_no_hello_and_knows_no_service_0() -> None:
    async with Conversation() as talk:
        await turns()
        assert talk.said == []
        (answer,) = await talk.hear(talk.request(0, 0, {"profile": "duologue/1"}))
        assert answer["error"]["code"] == "UNKNOWN-SERVICE"
        assert talk.peer.stats.requests_received_total == 1


@pytest.mark.parametrize(
    "answer",
    [
        '"type":"error","error":{"name":"TypeError","code":"UNKNOWN-SERVICE"}',
        '"type":"error"',
        '"type":"data","data":5',
        '"type":"data","data":{"profile":7}',
        '"type":"data"',
        '"type":"stream","chunk":"x","encoding":"utf8"',
    ],
)
async def test_any_other_answer_means_a_base_peer_which_is_served_in_full(answer: str) -> None:
    async with Conversation() as talk:
        talk.peer.add_service(3, square)
        talk.peer.greet(greeting())
        await talk.hear('{"responseId":0,%s}' % answer)
        await asyncio.wait_for(talk.peer.introduced(), 30)
        assert not talk.peer.speaks_duologue
        said = await talk.hear(talk.request(0, 3, 12))
        assert said[-1] == {"responseId": 0, "type": "data", "data": 144}
        assert talk.peer.stats.requests_received_total == 1


async def test_a_hello_is_answered_with_our_own() -> None:
    async with Conversation() as talk:
        talk.peer.greet(greeting(ROOMS))
        hello: dict[str, Any] = {
            "profile": "duologue/1",
            "self": None,
            "peer": None,
            "services": [],
            "new": 1,
        }
        said = await talk.hear(talk.request(9, 0, hello))
        assert said[-1]["data"]["services"][0]["name"] == "chat.v1.Rooms"
        assert talk.peer.speaks_duologue
        assert talk.peer.stats.control_requests_received == 1
        assert talk.peer.stats.requests_received_total == 0


@pytest.mark.parametrize("features", [["batches"], ["items", "batches"], ["items"], []])
async def test_batches_are_read_once_our_hello_leaves_and_sent_to_who_lists_them(
    features: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Conversation() as talk:
        told: list[str] = []
        for what in ("read_batches", "send_batches"):
            monkeypatch.setattr(talk.connection, what, partial(told.append, what))
        talk.peer.greet(greeting(ROOMS))
        await turns()
        assert told == ["read_batches"]
        hello: dict[str, Any] = {"profile": "duologue/1", "self": None, "peer": None}
        await talk.hear(talk.request(9, 0, hello | {"features": features}))
        assert told == ["read_batches", "send_batches"][: 1 + ("batches" in features)]


@pytest.mark.parametrize(
    ("call", "code"),
    [
        ({"profile": 5}, "INVALID_PARAMS"),
        ({"profile": "duologue/1", "services": "all"}, "INVALID_PARAMS"),
        ({"subscribe": 120}, "UNIMPLEMENTED"),
        ({"subscribe": "all"}, "INVALID_PARAMS"),
        ({"subscribe": 120, "key": "x" * 255}, "INVALID_PARAMS"),
        ({"subscribe": 120, "replay": -1}, "INVALID_PARAMS"),
        ({"dance": 1}, "UNIMPLEMENTED"),
        ([], "INVALID_PARAMS"),
    ],
)
async def test_a_control_call_that_is_no_hello_is_refused(call: Any, code: str) -> None:
    async with Conversation() as talk:
        talk.peer.greet(greeting())
        said = await talk.hear(talk.request(9, 0, call))
        assert said[-1]["error"]["code"] == code
        assert not talk.peer.speaks_duologue


async def test_clearing_the_services_keeps_the_control_service() -> None:
    async with Conversation() as talk:
        talk.peer.greet(greeting())
        talk.peer.clear_services()
        said = await talk.hear(talk.request(9, 0, {"profile": "duologue/1"}))
        assert "data" in said[-1]


@pytest.mark.parametrize(
    ("self_key", "peer_key"),
    [(ANN, BOB), (ANN, ANN), (BOB, BOB), (EVE, ANN), (BOB, EVE), (None, ANN), (BOB, None)],
)
@pytest.mark.parametrize("as_answer", [False, True])
async def test_a_hello_with_other_keys_ends_the_conversation(
    self_key: bytes | None, peer_key: bytes | None, as_answer: bool
) -> None:
    """A reflected conversation states our own key as its own: reliability 2.3.3."""
    async with Conversation() as talk:
        talk.peer.add_service(3, lambda: pytest.fail("a handler ran"))
        talk.peer.greet(greeting(own_key=ANN, remote_key=BOB))
        hello = {
            "profile": "duologue/1",
            "self": self_key and self_key.hex(),
            "peer": peer_key and peer_key.hex(),
        }
        if as_answer:
            text = json.dumps({"responseId": 0, "type": "data", "data": hello})
        else:
            text = talk.request(0, 0, hello)
        await talk.hear(text, talk.request(1, 3))
        with pytest.raises(ConnectionClosed) as closed:
            await talk.peer.promise
        assert isinstance(closed.value.__cause__, IdentityMismatch)


async def test_a_hello_with_the_right_keys_is_taken() -> None:
    async with linked_peers() as (left, right):
        left.greet(greeting(own_key=ANN, remote_key=BOB))
        right.greet(greeting(own_key=BOB, remote_key=ANN))
        await left.introduced()
        assert left.speaks_duologue


async def test_another_contract_is_refused_if_only_the_same_will_do() -> None:
    async with linked_peers() as (left, right):
        left.greet(greeting(ROOMS))
        right.greet(greeting(contracts="same"))
        await right.introduced()
        with pytest.raises(ContractMismatch, match=r"chat\.v1\.Rooms.*sha256:bb.*sha256:aa"):
            right.counterpart.base_of(OfferedService("chat.v1.Rooms", 100, "sha256:bb"))


async def test_another_contract_is_called_by_default() -> None:
    async with linked_peers() as (left, right):
        left.greet(greeting(ROOMS))
        right.greet(greeting())
        await right.introduced()
        assert right.counterpart.base_of(OfferedService("chat.v1.Rooms", 5, "sha256:bb")) == 100


async def test_a_silent_peer_is_a_base_peer_once_the_time_is_over() -> None:
    async with Conversation(Limits(hello_timeout_s=0.02)) as talk:
        talk.peer.greet(greeting())
        await asyncio.wait_for(talk.peer.introduced(), 30)
        assert not talk.peer.speaks_duologue


async def test_nobody_waits_for_a_hello_on_a_closed_connection() -> None:
    async with Conversation() as talk:
        talk.peer.greet(greeting())
        waiter = asyncio.ensure_future(talk.peer.introduced())
        talk.peer.close()
        await asyncio.wait_for(waiter, 30)


# -- what the other side's features allow ----------------------------------------------------------


class Patient:
    """A service that waits, and notes how that ends."""

    def __init__(self) -> None:
        self.started = asyncio.Event()
        self.cancelled = asyncio.Event()

    async def serve(self) -> None:
        self.started.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise


async def test_a_call_given_up_is_cancelled_at_the_other_side() -> None:
    patient = Patient()
    async with linked_peers() as (server, caller):
        server.greet(greeting())
        caller.greet(greeting())
        await caller.introduced()
        server.add_service(3, patient.serve)
        call = caller.send(3)
        await patient.started.wait()
        call.cancel()
        await asyncio.wait_for(patient.cancelled.wait(), 30)
        await turns()
        assert caller.stats.answers_dropped_late == 1


async def test_a_call_cancelled_at_once_never_runs_long() -> None:
    patient = Patient()
    async with linked_peers() as (server, caller):
        server.greet(greeting())
        caller.greet(greeting())
        await caller.introduced()
        server.add_service(3, patient.serve)
        caller.send(3).cancel()
        await asyncio.wait_for(patient.cancelled.wait(), 30)


async def test_a_waiting_call_that_is_given_up_never_starts() -> None:
    first, second = Patient(), Patient()
    async with linked_peers(limits=Limits(max_running_calls=1)) as (server, caller):
        server.greet(greeting())
        caller.greet(greeting())
        await caller.introduced()
        server.add_service(3, first.serve)
        server.add_service(4, second.serve)
        running, waiting = caller.send(3), caller.send(4)
        await first.started.wait()
        waiting.cancel()
        await turns()
        running.cancel()
        await asyncio.wait_for(first.cancelled.wait(), 30)
        await turns()
        assert not second.started.is_set()


async def test_a_base_peer_is_told_nothing_of_a_call_given_up() -> None:
    async with Conversation() as talk:
        talk.peer.greet(greeting())
        await talk.hear('{"responseId":0,"type":"error"}')
        talk.peer.send(3).cancel()
        await turns()
        assert [each["type"] for each in talk.said] == ["request", "request"]


async def test_cancel_means_nothing_in_the_base_profile() -> None:
    async with Conversation() as talk:
        await talk.hear('{"requestId":0,"type":"cancel"}')
        assert talk.peer.stats.requests_received_invalid == 1


async def test_a_cancel_that_crosses_the_answer_is_dropped() -> None:
    async with Conversation() as talk:
        talk.peer.greet(greeting())
        await talk.hear('{"requestId":7,"type":"cancel"}')
        assert talk.peer.stats.messages_dropped == 1
        assert talk.peer.stats.requests_received_invalid == 0


class Shown:
    """Shows one word for every contract."""

    def answer(self, wish: Describe) -> bytes:
        return b'"shown"'


async def test_contracts_are_shown_in_line_with_calls_and_other_control_calls_before() -> None:
    async with Conversation() as talk:
        ours = greeting(ROOMS)
        ours.describing = Shown()
        talk.peer.greet(ours)
        await turns()
        talk.connection.gate.shut()
        # Escapes hide nothing: what counts is what is asked, not how it is spelled.
        asked = (
            '{"describe":null}',
            '{"subscribe":null,"\\u0064escribe":"a"}',
            '{"unsubscribe":1}',
        )
        answers = await talk.hear(
            *(
                f'{{"requestId":{number},"type":"request","serviceId":0,"args":[{text}]}}'
                for number, text in enumerate(asked)
            )
        )
        met = [(each["responseId"], each["data"]) for each in answers]
        assert met == [(2, {}), (0, "shown"), (1, "shown")]


async def test_who_shows_nothing_says_so() -> None:
    async with Conversation() as talk:
        talk.peer.greet(greeting(ROOMS))
        await turns()
        (answer,) = await talk.hear(talk.request(5, 0, {"describe": None}))
        assert answer["error"]["code"] == "UNIMPLEMENTED"
