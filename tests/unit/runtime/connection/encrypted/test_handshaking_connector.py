"""The connector of an encrypted connection: what is handed out, when, and what is not."""

import asyncio

import pytest
from nacl.public import PrivateKey

from duologue.connection.base import ConnectionState, Message
from duologue.connection.encrypted.handshaking import carrier_limits, encrypt_as_connector
from duologue.connection.memory import connected_pair
from duologue.errors import DeadlineExceeded, HandshakeFailed, UnsafeKey
from duologue.limits import Limits
from tests.foreign_peer import Dialogue, Seal, flight, opened_flight, request_for
from tests.support import turns
from tests.unit.runtime.connection.encrypted.parties import (
    ANN,
    ANN_SECRET,
    BEN,
    BEN_SECRET,
    SHORT,
    MemorySocket,
    accepting,
    connecting,
)


async def test_the_connectors_first_frame_is_a_lifesign() -> None:
    async with connecting() as (wire, task):
        dialogue = await Dialogue.accept(wire, BEN_SECRET)
        assert await dialogue.recv_raw() == "keepalive"
        await dialogue.send_raw("keepalive")
        assert (await task).remote_key == BEN.public_key


async def test_a_silent_acceptor_is_handed_out_unproved_and_proved_by_its_first_frame() -> None:
    async with connecting() as (wire, task):
        dialogue = await Dialogue.accept(wire, BEN_SECRET)
        encrypted = await task
        assert (encrypted.remote_key, encrypted.claimed_key) == (None, BEN.public_key)
        confirmed: list[bytes] = []
        encrypted.on_confirmed.listen(confirmed.append)
        await dialogue.send("hello")
        await turns()
        assert confirmed == [encrypted.remote_key] == [BEN.public_key]


async def test_frames_that_come_with_the_last_flight_are_not_lost() -> None:
    """The acceptor that speaks too early, and in the same read (base profile 5.1)."""
    async with connecting() as (wire, task):
        await wire.recv()
        await wire.send('{"command":"communication_ready"}')
        box = await wire.recv()
        assert isinstance(box, bytes)
        temporary = PrivateKey.generate()
        theirs = opened_flight(BEN_SECRET, ANN.public_key, box)
        seal = Seal(temporary, theirs, is_connector=False)
        await wire.send(flight(BEN_SECRET, ANN.public_key, temporary))
        for text in ("1", "2", "3"):
            await wire.send(seal.seal(text))
        encrypted = await task
        arrived: list[Message] = []
        encrypted.on_message.listen(arrived.append)
        await turns()
        assert arrived == ["1", "2", "3"]


async def test_an_acceptor_that_closes_is_told_with_its_words() -> None:
    async with connecting() as (wire, task):
        await wire.recv()
        wire.connection.close("No listening connection for the specified publicKey.")
        with pytest.raises(HandshakeFailed) as failure:
            await task
        assert failure.value.fault == "closed"
        assert str(failure.value) == (
            "The connection was closed. Close called: No listening connection for the specified "
            "publicKey."
        )


async def test_an_acceptor_that_closes_after_the_handshake_is_not_handed_out() -> None:
    async with connecting() as (wire, task):
        await Dialogue.accept(wire, BEN_SECRET)
        wire.connection.close("on second thoughts")
        with pytest.raises(HandshakeFailed, match="on second thoughts"):
            await task


async def test_an_acceptor_that_is_too_slow_is_given_up() -> None:
    async with connecting(limits=SHORT) as (wire, task):
        with pytest.raises(DeadlineExceeded, match=r"after 0\.05 s"):
            await task
        await turns()
        assert wire.connection.state.current_state is ConnectionState.CLOSED


async def test_our_own_flight_sent_back_is_refused() -> None:
    async with connecting() as (wire, task):
        await wire.recv()
        await wire.send('{"command":"communication_ready"}')
        await wire.send(await wire.recv())
        with pytest.raises(HandshakeFailed) as failure:
            await task
        assert failure.value.fault == "reflection"


async def test_a_target_that_is_no_key_is_refused_and_the_connection_closed() -> None:
    async with connecting(target=bytes(32)) as (wire, task):
        with pytest.raises(UnsafeKey):
            await task
        await turns()
        assert wire.connection.state.current_state is ConnectionState.CLOSED


async def test_a_relay_that_offers_us_our_own_dial_as_anothers_is_found_out() -> None:
    """Ben dials Ann; the relay swaps the keys and gives the flight to Ben's own listener."""
    dialling, relay_left = connected_pair(carrier_limits(Limits()))
    relay = MemorySocket(relay_left)
    dial = asyncio.create_task(encrypt_as_connector(dialling, BEN, ANN.public_key, Limits()))
    async with accepting() as acceptance:
        await relay.recv()
        await acceptance.wire.send(request_for(ANN_SECRET, BEN.public_key))
        await relay.send(await acceptance.wire.recv())
        await acceptance.wire.send(await relay.recv())
        assert await acceptance.fault() == "reflection"
    dial.cancel()
    await asyncio.wait([dial])
    await turns()
