"""The acceptor of an encrypted connection: what is handed out, when, and what is not."""

import asyncio
import os

import pytest
from nacl.public import PrivateKey

from duologue.connection.base import ConnectionState, Message
from duologue.connection.encrypted.allow import ANYONE
from duologue.connection.encrypted.handshaking import (
    AcceptanceBook,
    carrier_limits,
    encrypt_as_acceptor,
    encrypt_as_connector,
)
from duologue.connection.memory import connected_pair
from duologue.errors import DecryptionFailed, HandshakeFailed
from duologue.limits import Limits
from tests.foreign_peer import flight, request_for
from tests.support import turns
from tests.unit.runtime.connection.encrypted.parties import (
    ANN_SECRET,
    BEN,
    BEN_SECRET,
    SHORT,
    accepting,
)


async def test_a_peer_is_handed_out_only_once_its_first_frame_has_opened() -> None:
    async with accepting() as acceptance:
        dialogue = await acceptance.connect()
        await turns()
        assert not acceptance.task.done()
        assert acceptance.book.number_unconfirmed == 1
        await dialogue.send_raw("keepalive")
        encrypted = await acceptance.task
        assert encrypted.remote_key == bytes(ANN_SECRET.public_key)
        assert acceptance.book.number_unconfirmed == 0


async def test_a_first_frame_that_is_a_message_confirms_and_is_delivered() -> None:
    async with accepting() as acceptance:
        dialogue = await acceptance.connect()
        await dialogue.send("hello")
        await dialogue.send(b"world")
        encrypted = await acceptance.task
        arrived: list[Message] = []
        encrypted.on_message.listen(arrived.append)
        await turns()
        assert arrived == ["hello", b"world"]


async def test_the_acceptor_is_silent_until_it_has_opened_a_frame() -> None:
    async with accepting() as acceptance:
        dialogue = await acceptance.connect()
        await turns(50)
        assert acceptance.wire.is_silent
        await dialogue.send_raw("keepalive")
        assert await dialogue.recv_raw() == "keepalive"


async def test_after_its_patience_the_acceptor_speaks_first() -> None:
    async with accepting(limits=Limits(hold_back_s=0.01)) as acceptance:
        dialogue = await acceptance.connect()
        assert await dialogue.recv_raw() == "keepalive"
        assert not acceptance.task.done()
        await dialogue.send_raw("keepalive")
        await acceptance.task


def test_the_acceptors_patience_is_that_of_the_base_profile() -> None:
    assert Limits().hold_back_s == 0.25


async def test_a_key_that_is_not_allowed_is_refused_after_it_has_shown_its_box() -> None:
    asked: list[bytes] = []

    def rule(key: bytes) -> bool:
        asked.append(key)
        return False

    async with accepting(rule) as acceptance:
        await acceptance.wire.send(request_for(ANN_SECRET, BEN.public_key))
        await acceptance.wire.recv()
        assert asked == []
        await acceptance.wire.send(flight(ANN_SECRET, BEN.public_key, PrivateKey.generate()))
        assert await acceptance.fault() == "not-allowed"
        assert asked == [bytes(ANN_SECRET.public_key)]
        assert acceptance.wire.is_silent


async def test_who_only_claims_a_key_never_gets_to_the_rule() -> None:
    asked: list[bytes] = []

    def rule(key: bytes) -> bool:
        asked.append(key)
        return True

    async with accepting(rule) as acceptance:
        await acceptance.wire.send(request_for(ANN_SECRET, BEN.public_key))
        await acceptance.wire.recv()
        stranger = PrivateKey.generate()
        await acceptance.wire.send(flight(stranger, BEN.public_key, PrivateKey.generate()))
        assert await acceptance.fault() == "box"
        assert asked == []


async def test_an_async_rule_is_awaited() -> None:
    async def rule(key: bytes) -> bool:
        await turns(2)
        return key == bytes(ANN_SECRET.public_key)

    async with accepting(rule) as acceptance:
        dialogue = await acceptance.connect()
        await dialogue.send_raw("keepalive")
        await acceptance.task


async def test_a_rule_that_fails_closes_the_connection_and_is_heard_of() -> None:
    def rule(key: bytes) -> bool:
        raise RuntimeError("no database")

    async with accepting(rule) as acceptance:
        await acceptance.wire.send(request_for(ANN_SECRET, BEN.public_key))
        await acceptance.wire.recv()
        await acceptance.wire.send(flight(ANN_SECRET, BEN.public_key, PrivateKey.generate()))
        with pytest.raises(RuntimeError, match="no database"):
            await acceptance.task
        assert acceptance.carrier.state.current_state is ConnectionState.CLOSED


async def test_a_replayed_first_flight_is_refused() -> None:
    recorded = flight(ANN_SECRET, BEN.public_key, PrivateKey.generate())
    book = AcceptanceBook(Limits())
    for expected in (None, "replay"):
        async with accepting(book=book) as acceptance:
            await acceptance.wire.send(request_for(ANN_SECRET, BEN.public_key))
            await acceptance.wire.recv()
            await acceptance.wire.send(recorded)
            if expected is None:
                assert len(await acceptance.wire.recv()) == 72
            else:
                assert await acceptance.fault() == expected


async def test_a_replay_that_is_no_longer_remembered_is_never_handed_out() -> None:
    """The memory is a convenience: what counts is the frame that opens."""
    recorded = flight(ANN_SECRET, BEN.public_key, PrivateKey.generate())
    async with accepting(limits=SHORT) as acceptance:
        await acceptance.wire.send(request_for(ANN_SECRET, BEN.public_key))
        await acceptance.wire.recv()
        await acceptance.wire.send(recorded)
        assert await acceptance.fault() == "unconfirmed"


async def test_a_first_frame_that_does_not_open_is_no_proof() -> None:
    async with accepting() as acceptance:
        await acceptance.connect()
        await acceptance.wire.send(os.urandom(40))
        assert await acceptance.fault() == "unconfirmed"
        assert isinstance(acceptance.task.exception(), HandshakeFailed)
        cause = acceptance.task.exception()
        assert cause is not None
        assert isinstance(cause.__cause__, DecryptionFailed)


async def test_a_silent_connector_is_given_up_before_and_after_the_key_agreement() -> None:
    async with accepting(limits=SHORT) as acceptance:
        assert await acceptance.fault() == "timeout"
        assert acceptance.carrier.close_reason.startswith("Terminate called: ")
    async with accepting(limits=SHORT) as acceptance:
        await acceptance.connect()
        assert await acceptance.fault() == "unconfirmed"


async def test_a_connector_that_leaves_is_noticed_at_each_step() -> None:
    for steps in range(4):
        async with accepting() as acceptance:
            if steps == 1:
                await acceptance.wire.send(request_for(ANN_SECRET, BEN.public_key))
            elif steps == 2:
                await acceptance.connect()
            elif steps == 3:
                acceptance.wire.connection.terminate("at once")
            await turns()
            acceptance.wire.connection.close("changed my mind")
            assert await acceptance.fault() == "closed"


async def test_unconfirmed_connections_above_the_limit_are_refused() -> None:
    limits = Limits(max_unconfirmed_per_key=1)
    book = AcceptanceBook(limits)
    async with accepting(limits=limits, book=book) as first:
        await first.connect()
        async with accepting(limits=limits, book=book) as second:
            await second.wire.send(request_for(ANN_SECRET, BEN.public_key))
            await second.wire.recv()
            await second.wire.send(flight(ANN_SECRET, BEN.public_key, PrivateKey.generate()))
            with pytest.raises(HandshakeFailed, match="Too many"):
                await second.task
        assert book.number_unconfirmed == 1


async def test_an_unconfirmed_connection_gives_way_to_one_that_comes_later() -> None:
    limits = Limits(max_unconfirmed=1, unconfirmed_grace_s=0.05)
    book = AcceptanceBook(limits)
    async with accepting(limits=limits, book=book) as first:
        await first.connect()
        await asyncio.sleep(0.06)
        async with accepting(limits=limits, book=book) as second:
            await second.connect()
            with pytest.raises(HandshakeFailed, match="needed the place") as failure:
                await first.task
            assert failure.value.fault == "too-many"
            assert not second.task.done()
            assert book.number_unconfirmed == 1


async def test_the_close_says_what_was_wrong_in_the_words_of_the_original() -> None:
    async with accepting() as acceptance:
        await acceptance.wire.send('{"command":"register"}')
        assert await acceptance.fault() == "unexpected"
        await turns()
        assert acceptance.wire.connection.close_reason == (
            "Close called: Error: Received unexpected type 'register'. Expected type "
            "'communication_request'."
        )


async def test_giving_up_an_acceptance_closes_its_connection() -> None:
    async with accepting() as acceptance:
        await turns(2)
        acceptance.task.cancel()
        await asyncio.wait([acceptance.task])
        assert acceptance.carrier.state.current_state is ConnectionState.CLOSED


async def test_speaking_to_oneself_needs_to_be_asked_for() -> None:
    async with accepting() as acceptance:
        await acceptance.wire.send(request_for(BEN_SECRET, BEN.public_key))
        assert await acceptance.fault() == "loopback"
    limits = Limits()
    left, right = connected_pair(carrier_limits(limits))
    one, other = await asyncio.gather(
        encrypt_as_connector(left, BEN, BEN.public_key, limits, loopback=True),
        encrypt_as_acceptor(right, BEN, ANYONE, limits, book=AcceptanceBook(limits), loopback=True),
    )
    assert one.remote_key == other.remote_key == BEN.public_key
    one.terminate("done")
    await turns()
