"""Whatever somebody between two peers does, nobody is taken for somebody else, and no text is
delivered out of order, twice, changed, or to the wrong conversation (catalogue rows 38 and 39).

The adversary holds every wire. It may pass messages on, drop, repeat, reorder, change and cut them,
give them to other wires (also of the peer that made them), ask in any name, and take part under a
key of its own. Both peers dial and listen with one key each, in one process.
"""

import asyncio
from collections import deque
from collections.abc import Coroutine
from typing import Any, Final, TypeVar
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from nacl.public import PrivateKey

from duologue.connection.base import Connection, ConnectionState, Message
from duologue.connection.encrypted.handshaking import (
    AcceptanceBook,
    EncryptedConnection,
    carrier_limits,
    encrypt_as_acceptor,
    encrypt_as_connector,
)
from duologue.connection.memory import connected_pair
from duologue.errors import ConnectionClosed, HandshakeFailed
from duologue.identity import Identity
from duologue.limits import Limits
from duologue.protocol.handshake import request_text
from tests.foreign_peer import flight
from tests.support import turns

T = TypeVar("T")

ANN, BEN = Identity.from_secret(b"a" * 32), Identity.from_secret(b"b" * 32)
EVE_SECRET: Final = PrivateKey(b"e" * 32)
EVE = Identity.from_secret(b"e" * 32)
PEERS: Final = (ANN, BEN)
LIMITS: Final = Limits(confirmation_wait_s=1e-9, hold_back_s=1e-9)
"""Nobody waits: connectors are handed out unproved, acceptors speak early."""
MAX_SEEN: Final = 300
MAX_SIDES: Final = 16


class RecordedConnection(EncryptedConnection):
    """Notes with which key each conversation was made."""

    made: Final[dict[Connection, tuple[bytes, "RecordedConnection"]]] = {}

    def __init__(
        self,
        carrier: Connection,
        session_key: bytes,
        limits: Limits,
        *,
        is_connector: bool,
        own_key: bytes,
        claimed_key: bytes,
    ) -> None:
        self.made[carrier] = (session_key, self)
        super().__init__(
            carrier,
            session_key,
            limits,
            is_connector=is_connector,
            own_key=own_key,
            claimed_key=claimed_key,
        )


class Side:
    """One end of a conversation that may come about, and the adversary's hold on its wire."""

    def __init__(self, number: int, me: Identity, target: Identity | None, book: AcceptanceBook):
        self.number = number
        self.me = me
        self.is_connector = target is not None
        self.carrier, self.wire = connected_pair(carrier_limits(LIMITS))
        self.out: deque[Message] = deque()
        """What the adversary holds of what this side has sent."""
        self.history: list[Message] = []
        """What it has let go, or dropped."""
        self.said = 0
        self.heard: list[tuple[bytes | None, str]] = []
        self.wire.on_message.listen(self.out.append)
        if target is not None:
            encrypting = encrypt_as_connector(self.carrier, me, target.public_key, LIMITS)
        else:
            allow = {each.public_key for each in PEERS if each != me}
            encrypting = encrypt_as_acceptor(self.carrier, me, allow, LIMITS, book=book)
        self.task = asyncio.ensure_future(encrypting)
        self.task.add_done_callback(self._on_done)

    def _on_done(self, task: "asyncio.Task[EncryptedConnection]") -> None:
        if not task.cancelled() and task.exception() is None:
            encrypted = task.result()
            encrypted.on_message.listen(
                lambda message: self.heard.append((encrypted.remote_key, str(message)))
            )

    @property
    def session(self) -> tuple[bytes, RecordedConnection] | None:
        return RecordedConnection.made.get(self.carrier)

    @property
    def handed_out(self) -> EncryptedConnection | None:
        """What the application got; None if it got nothing."""
        task = self.task
        if not task.done() or task.cancelled():
            return None
        error = task.exception()
        assert error is None or isinstance(error, HandshakeFailed), error
        return None if error is not None else task.result()

    def say(self) -> None:
        encrypted = self.handed_out
        if encrypted is None or encrypted.claimed_key is None:
            return
        try:
            encrypted.send(f"{self.number} {self.me} {encrypted.claimed_key.hex()} {self.said}")
        except ConnectionClosed:
            return
        self.said += 1

    def receive(self, message: Message) -> None:
        if self.wire.state.current_state is ConnectionState.OPEN:
            self.wire.send(message)


class World:
    """Two peers and what is between them."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.books = {me: AcceptanceBook(LIMITS) for me in PEERS}
        self.sides: list[Side] = []
        self.seen: list[Message] = []
        self._patches: list[Any] = [
            patch(
                "duologue.connection.encrypted.handshaking.EncryptedConnection", RecordedConnection
            ),
        ]
        for each in self._patches:
            each.start()
        RecordedConnection.made.clear()

    def run(self, doing: Coroutine[Any, Any, T]) -> T:
        async def then_settle() -> T:
            result = await doing
            await turns(8)
            return result

        return self.loop.run_until_complete(then_settle())

    async def add(self, me: Identity, target: Identity | None) -> Side:
        side = Side(len(self.sides), me, target, self.books[me])
        self.sides.append(side)
        return side

    async def deliver(self, message: Message, to: Side) -> None:
        to.receive(message)

    def take(self, side: Side) -> Message | None:
        """The next message of a side; the adversary keeps a copy of everything."""
        if not side.out:
            return None
        message = side.out.popleft()
        side.history.append(message)
        if len(self.seen) < MAX_SEEN:
            self.seen.append(message)
        return message

    async def join(self, one: Side, other: Side, rounds: int) -> None:
        """Pass everything on between two sides, as an honest relay does."""
        for _ in range(rounds):
            for giver, taker in ((one, other), (other, one)):
                while (message := self.take(giver)) is not None:
                    taker.receive(message)
            await turns(4)

    async def say(self, side: Side) -> None:
        side.say()

    def violations(self) -> list[str]:
        """Where somebody was taken for somebody else, or a text came that may not."""
        found: list[str] = []
        for side in self.sides:
            handed_out = side.handed_out
            if handed_out is not None and not side.is_connector and handed_out.remote_key is None:
                found.append(f"{side.number} was handed out unproved")
            session = side.session
            if (
                session is not None
                and session[1].remote_key is not None
                and not self._partner(side)
            ):
                found.append(f"{side.number} reports a peer that is not there")
            found += self._wrong_texts(side)
        return found

    def _partner(self, side: Side) -> Side | None:
        """The one side with the same key, the opposite role and the names the other way round."""
        assert side.session is not None
        key, mine = side.session
        for other in self.sides:
            if other is side or other.session is None:
                continue
            other_key, theirs = other.session
            if (
                other_key == key
                and theirs.is_connector != mine.is_connector
                and theirs.own_key == mine.claimed_key
                and theirs.claimed_key == mine.own_key
            ):
                return other
        return None

    def _wrong_texts(self, side: Side) -> list[str]:
        if not side.heard:
            return []
        partner = self._partner(side)
        if partner is None:
            return [f"{side.number} heard somebody who is not there"]
        expected = [
            (partner.me.public_key, f"{partner.number} {partner.me} {side.me} {number}")
            for number in range(len(side.heard))
        ]
        return [] if side.heard == expected else [f"{side.number} heard {side.heard}"]

    def end(self) -> None:
        async def finish() -> None:
            for side in self.sides:
                side.task.cancel()
                side.carrier.terminate("over")
                side.wire.terminate("over")
            await asyncio.gather(*(side.task for side in self.sides), return_exceptions=True)
            assert all(not book.number_unconfirmed for book in self.books.values())

        self.run(finish())
        for each in self._patches:
            each.stop()
        left_over = asyncio.all_tasks(self.loop)
        self.loop.close()
        assert not left_over


numbers = st.integers(0, 400)


class Adversary(RuleBasedStateMachine):
    """Each rule is something that somebody between the peers can do."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.pairs: list[tuple[Side, Side]] = []

    @initialize(rounds=st.integers(0, 6), turned=st.booleans())
    def a_first_pair(self, rounds: int, turned: bool) -> None:
        self.another_pair(rounds, turned)

    def side(self, number: int) -> Side:
        """One of the sides; one that can still be harmed, if there is one."""
        live = [
            side
            for side in self.world.sides
            if side.carrier.state.current_state is ConnectionState.OPEN
        ]
        sides = live or self.world.sides
        return sides[number % len(sides)]

    def message(self, number: int) -> Message | None:
        seen = self.world.seen
        return seen[-1 - number % len(seen)] if seen else None

    @rule(rounds=st.integers(0, 6), turned=st.booleans())
    def another_pair(self, rounds: int, turned: bool) -> None:
        """One dials, the other listens, and the adversary is honest for a while."""
        if len(self.world.sides) >= MAX_SIDES:
            return
        me, other = (BEN, ANN) if turned else (ANN, BEN)
        pair = (
            self.world.run(self.world.add(me, other)),
            self.world.run(self.world.add(other, None)),
        )
        self.pairs.append(pair)
        self.world.run(self.world.join(*pair, rounds))

    @rule(number=numbers, rounds=st.integers(1, 6))
    def be_an_honest_relay(self, number: int, rounds: int) -> None:
        self.world.run(self.world.join(*self.pairs[-1 - number % len(self.pairs)], rounds))

    @rule(number=numbers, texts=st.integers(1, 4))
    def let_them_talk(self, number: int, texts: int) -> None:
        pair = self.pairs[-1 - number % len(self.pairs)]
        self.world.run(self.world.join(*pair, 4))
        for side in pair * texts:
            self.world.run(self.world.say(side))
        self.world.run(self.world.join(*pair, 1))

    @rule(number=numbers)
    def let_them_talk_and_hold_it_back(self, number: int) -> None:
        for side in self.pairs[-1 - number % len(self.pairs)] * 2:
            self.world.run(self.world.say(side))

    @rule(me=st.sampled_from(PEERS), rounds=st.integers(1, 6))
    def offer_a_dial_to_its_own_peer(self, me: Identity, rounds: int) -> None:
        if len(self.world.sides) >= MAX_SIDES:
            return
        other = BEN if me == ANN else ANN
        dialling = self.world.run(self.world.add(me, other))
        listening = self.world.run(self.world.add(me, None))
        self.pairs.append((dialling, listening))
        self.world.take(dialling)
        swapped = request_text(other.public_key, me.public_key)
        self.world.run(self.world.deliver(swapped, listening))
        self.world.run(self.world.join(dialling, listening, rounds))

    @rule(number=numbers)
    def replay_a_whole_side(self, number: int) -> None:
        """To a new listener of the same peer, or a new dial of it."""
        if len(self.world.sides) >= MAX_SIDES:
            return
        replayed = self.world.sides[number % len(self.world.sides)]
        other = BEN if replayed.me == ANN else ANN
        fresh = self.world.run(
            self.world.add(other, None if replayed.is_connector else replayed.me)
        )
        for message in list(replayed.history):
            self.world.run(self.world.deliver(message, fresh))

    @rule(one=numbers, other=numbers, rounds=st.integers(1, 6))
    def join_any_two(self, one: int, other: int, rounds: int) -> None:
        self.world.run(self.world.join(self.side(one), self.side(other), rounds))

    @rule(giver=numbers, taker=numbers)
    def pass_one_on(self, giver: int, taker: int) -> None:
        message = self.world.take(self.side(giver))
        if message is not None:
            self.world.run(self.world.deliver(message, self.side(taker)))

    @rule(giver=numbers)
    def drop_one(self, giver: int) -> None:
        self.world.take(self.side(giver))

    @rule(giver=numbers)
    def swap_two(self, giver: int) -> None:
        out = self.side(giver).out
        if len(out) > 1:
            out[0], out[1] = out[1], out[0]

    @rule(number=numbers, taker=numbers)
    def repeat_any(self, number: int, taker: int) -> None:
        message = self.message(number)
        if message is not None:
            self.world.run(self.world.deliver(message, self.side(taker)))

    @rule(number=numbers, taker=numbers, place=numbers, bit=st.integers(0, 7))
    def change_any(self, number: int, taker: int, place: int, bit: int) -> None:
        message = self.message(number)
        if isinstance(message, bytes) and message:
            changed = bytearray(message)
            changed[place % len(changed)] ^= 1 << bit
            self.world.run(self.world.deliver(bytes(changed), self.side(taker)))

    @rule(number=numbers, taker=numbers, length=numbers)
    def cut_any(self, number: int, taker: int, length: int) -> None:
        message = self.message(number)
        if message:
            self.world.run(self.world.deliver(message[: length % len(message)], self.side(taker)))

    @rule(source=st.sampled_from((*PEERS, EVE)), asked=st.sampled_from(PEERS), taker=numbers)
    def ask_in_any_name(self, source: Identity, asked: Identity, taker: int) -> None:
        text = request_text(source.public_key, asked.public_key)
        self.world.run(self.world.deliver(text, self.side(taker)))

    @rule(taker=numbers)
    def consent_in_any_name(self, taker: int) -> None:
        text = '{"command":"communication_ready"}'
        self.world.run(self.world.deliver(text, self.side(taker)))

    @rule(asked=st.sampled_from(PEERS), taker=numbers)
    def send_an_own_key(self, asked: Identity, taker: int) -> None:
        box = flight(EVE_SECRET, asked.public_key, PrivateKey.generate())
        self.world.run(self.world.deliver(box, self.side(taker)))

    @rule(number=numbers)
    def speak(self, number: int) -> None:
        self.world.run(self.world.say(self.side(number)))

    @rule(number=numbers)
    def close_one(self, number: int) -> None:
        async def close() -> None:
            self.side(number).wire.close("cut")

        self.world.run(close())

    @invariant()
    def nobody_is_deceived(self) -> None:
        assert self.world.violations() == []

    def teardown(self) -> None:
        self.world.end()


class AdversaryWithTime(Adversary):
    """The same, for longer."""


QUICK: Final = settings(
    max_examples=150,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

TestAdversary: Final = Adversary.TestCase
TestAdversary.settings = QUICK

TestAdversaryWithTime: Final = pytest.mark.slow(AdversaryWithTime.TestCase)
TestAdversaryWithTime.settings = settings(QUICK, max_examples=2_500)


def reflected() -> list[str]:
    """Ann dials Ben; the relay offers it to Ann's own listener as Ben's, and passes everything."""
    world = World()
    try:
        dialling = world.run(world.add(ANN, BEN))
        listening = world.run(world.add(ANN, None))
        world.take(dialling)
        swapped = request_text(BEN.public_key, ANN.public_key)
        world.run(world.deliver(swapped, listening))
        world.run(world.join(dialling, listening, 6))
        world.run(world.say(dialling))
        world.run(world.join(dialling, listening, 2))
        return world.violations()
    finally:
        world.end()


def test_a_reflected_dial_deceives_nobody() -> None:
    assert reflected() == []


def test_the_model_sees_the_deception_once_the_check_is_taken_away() -> None:
    """The base profile without the repair: Ann's listener believes it speaks with Ben."""

    def check_nothing(*_: object) -> None:
        return

    with patch("duologue.protocol.handshake._check_reflection", check_nothing):
        assert reflected()


def test_an_honest_relay_brings_a_conversation_about() -> None:
    """The model can do what it watches for: texts do come through."""
    world = World()
    try:
        dialling = world.run(world.add(ANN, BEN))
        listening = world.run(world.add(BEN, None))
        world.run(world.join(dialling, listening, 6))
        for _ in range(3):
            world.run(world.say(dialling))
            world.run(world.say(listening))
        world.run(world.join(dialling, listening, 2))
        assert len(dialling.heard) == len(listening.heard) == 3
        assert world.violations() == []
    finally:
        world.end()
