"""From an open connection to an encrypted one: what is handed out, when, and what is not."""

import asyncio
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
from nacl.public import PrivateKey

from duologue.connection.base import Connection, ConnectionState, Message
from duologue.connection.encrypted import handshaking
from duologue.connection.encrypted.allow import ANYONE, Allow
from duologue.connection.encrypted.handshaking import (
    AcceptanceBook,
    EncryptedConnection,
    carrier_limits,
    encrypt_as_acceptor,
    encrypt_as_connector,
)
from duologue.connection.memory import connected_pair
from duologue.errors import DeadlineExceeded, DecryptionFailed, HandshakeFailed, UnsafeKey
from duologue.identity import Identity
from duologue.limits import MAX_SEALED_FRAME_BYTES, Limits
from tests.foreign_peer import Dialogue, Seal, flight, opened_flight, request_for
from tests.support import turns

BEN_SECRET = PrivateKey(bytes(range(32)))
BEN = Identity.from_secret(bytes(range(32)))
ANN_SECRET = PrivateKey(bytes(range(32, 64)))
ANN = Identity.from_secret(bytes(ANN_SECRET))
SHORT = Limits(handshake_timeout_s=0.05, confirm_timeout_s=0.05)


class MemorySocket:
    """One end of a connection in memory, as awaitable calls."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._arrived: asyncio.Queue[Message] = asyncio.Queue()
        connection.on_message.listen(self._arrived.put_nowait)

    async def send(self, message: str | bytes) -> None:
        self.connection.send(message)

    async def recv(self) -> str | bytes:
        return await asyncio.wait_for(self._arrived.get(), 10)

    @property
    def is_silent(self) -> bool:
        """Whether nothing has come that was not taken."""
        return self._arrived.empty()


class Acceptance:
    """Ben accepting, under way, and the wire to him."""

    def __init__(
        self,
        allow: Allow = ANYONE,
        limits: Limits | None = None,
        book: AcceptanceBook | None = None,
        loopback: bool = False,
    ) -> None:
        limits = limits or Limits()
        far, self.carrier = connected_pair(carrier_limits(limits))
        self.wire = MemorySocket(far)
        self.book = book or AcceptanceBook(limits)
        self.task = asyncio.create_task(
            encrypt_as_acceptor(self.carrier, BEN, allow, limits, book=self.book, loopback=loopback)
        )

    async def fault(self) -> str:
        """Why it failed; after its end, everything must be closed and counted."""
        with pytest.raises(HandshakeFailed) as failure:
            await asyncio.wait_for(self.task, 10)
        assert self.carrier.state.current_state is not ConnectionState.OPEN
        assert self.book.number_unconfirmed == 0
        assert self.book.rejected[failure.value.fault] >= 1
        return failure.value.fault

    async def connect(self, own: PrivateKey = ANN_SECRET) -> Dialogue:
        """The foreign connector's handshake."""
        return await Dialogue.connect(self.wire, own, BEN.public_key)


@asynccontextmanager
async def accepting(
    allow: Allow = ANYONE,
    limits: Limits | None = None,
    book: AcceptanceBook | None = None,
    loopback: bool = False,
) -> AsyncGenerator[Acceptance]:
    acceptance = Acceptance(allow, limits, book, loopback)
    try:
        yield acceptance
    finally:
        acceptance.task.cancel()
        await asyncio.wait([acceptance.task])
        acceptance.carrier.terminate("test is over")
        await turns(4)


async def encrypted_pair(
    limits: Limits | None = None,
) -> tuple[EncryptedConnection, EncryptedConnection]:
    limits = limits or Limits()
    left, right = connected_pair(carrier_limits(limits))
    return await asyncio.gather(
        encrypt_as_connector(left, ANN, BEN.public_key, limits),
        encrypt_as_acceptor(right, BEN, [ANN.public_key], limits, book=AcceptanceBook(limits)),
    )


# -- two of ours --------------------------------------------------------------------------------


async def test_both_sides_know_each_other_when_they_get_their_connection() -> None:
    ann, ben = await encrypted_pair()
    assert (ann.remote_key, ben.remote_key) == (BEN.public_key, ANN.public_key)
    assert (ann.own_key, ben.own_key) == (ANN.public_key, BEN.public_key)
    assert (ann.is_connector, ben.is_connector) == (True, False)
    ann.terminate("done")
    await turns()


async def test_messages_that_come_before_anybody_listens_are_kept() -> None:
    ann, ben = await encrypted_pair()
    sent = [f"{number}" for number in range(100)]
    for text in sent:
        ann.send(text)
    await turns()
    arrived: list[Message] = []
    ben.on_message.listen(arrived.append)
    await turns()
    assert arrived == sent
    ann.terminate("done")
    await turns()


def test_a_carrier_takes_sealed_frames_however_large_the_messages() -> None:
    assert carrier_limits(Limits(max_message_bytes=1)).max_message_bytes == MAX_SEALED_FRAME_BYTES


# -- the acceptor -------------------------------------------------------------------------------


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


# -- the connector ------------------------------------------------------------------------------


@asynccontextmanager
async def connecting(
    target: bytes = BEN.public_key, limits: Limits | None = None
) -> AsyncGenerator[tuple[MemorySocket, "asyncio.Task[EncryptedConnection]"]]:
    limits = limits or Limits()
    carrier, far = connected_pair(carrier_limits(limits))
    task = asyncio.create_task(encrypt_as_connector(carrier, ANN, target, limits))
    try:
        yield MemorySocket(far), task
    finally:
        task.cancel()
        await asyncio.wait([task])
        carrier.terminate("test is over")
        await turns(4)


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


async def test_what_was_dialled_is_forgotten_once_its_connection_is_closed() -> None:
    before = len(handshaking.own_ephemerals)
    ann, ben = await encrypted_pair()
    assert len(handshaking.own_ephemerals) == before + 2
    ann.terminate("done")
    await turns()
    assert ben.state.current_state is ConnectionState.CLOSED
    assert len(handshaking.own_ephemerals) == before
