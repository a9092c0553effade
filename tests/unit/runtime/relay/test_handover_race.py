"""No order in which frames, requests and registrations may arrive loses or doubles a frame.

Catalogue row 9: a thousand schedules on every commit, all ten thousand every night.
"""

import json
import random
from collections import deque
from dataclasses import dataclass, field

import pytest

from duologue.connection.base import Message
from duologue.relay.events import Joined
from tests.relay_support import (
    CALLER,
    PROVIDER,
    FakeLink,
    Relay,
    answer_text,
    register_text,
    request_text,
)

SCHEDULES = 10_000
SHARES = 10
FRAMES = 4


@dataclass
class Client:
    """One program beside the relay. What it sends is under way until it may arrive."""

    link: FakeLink
    under_way: deque[Message] = field(default_factory=deque[Message])
    got: list[Message] = field(default_factory=list[Message])

    def receive(self) -> None:
        """Read what the relay has sent so far."""
        while self.link.sent:
            self.react(self.link.sent.popleft())

    def react(self, message: Message) -> None:
        self.got.append(message)


class Listener(Client):
    frames = 0

    def react(self, message: Message) -> None:
        command = json.loads(message)["command"] if isinstance(message, str) else None
        if command == "authentication_request":
            self.under_way.append(answer_text(PROVIDER, message))
        elif command == "ping":
            self.under_way.append('{"command":"pong"}')
        elif command == "communication_request":
            self.under_way.append('{"command":"communication_ready"}')
            # At once, as a base-profile acceptor must not, but a relay must cope with.
            self.under_way += [f"down {number}" for number in range(FRAMES)]
        elif command is None:
            self.got.append(message)


class Caller(Client):
    """Sends some frames too early, the rest when it may."""

    early = 0

    def react(self, message: Message) -> None:
        self.got.append(message)
        if message == '{"command":"communication_ready"}':
            self.under_way += [b"up %d" % number for number in range(self.early, FRAMES)]


def play(seed: int) -> None:
    """Two callers and three spares; everything under way arrives in a random order and grouping."""
    chance = random.Random(seed)
    relay = Relay(seed=seed)
    listeners = [Listener(relay.link()) for _ in range(3)]
    for listener in listeners:
        listener.under_way.append(register_text(PROVIDER))
    # One pair has been: so the others may come before their spare does.
    relay.pair()
    callers = [Caller(relay.link()) for _ in range(2)]
    for caller in callers:
        caller.early = chance.randrange(FRAMES)
        caller.under_way.append(request_text(CALLER, PROVIDER))
        caller.under_way += [b"up %d" % number for number in range(caller.early)]
    clients: list[Client] = [*listeners, *callers]
    while True:
        busy = [each for each in clients if each.under_way or each.link.sent]
        if not busy:
            break
        client = chance.choice(busy)
        if client.under_way and chance.random() < 0.5:
            size = chance.randint(1, len(client.under_way))
            client.link.arrive(*(client.under_way.popleft() for _ in range(size)))
        else:
            client.receive()
        if chance.random() < 0.05:
            relay.exchange.tick()
    joined = {event.caller: event.listener for event in relay.of_kind(Joined)}
    by_leg = {client.link.id: client for client in clients}
    for caller in callers:
        assert caller.got == [
            '{"command":"communication_ready"}',
            *(f"down {number}" for number in range(FRAMES)),
        ]
        assert by_leg[joined[caller.link.id]].got == [b"up %d" % number for number in range(FRAMES)]


@pytest.mark.parametrize(
    "share", [0, *(pytest.param(share, marks=pytest.mark.slow) for share in range(1, SHARES))]
)
def test_no_frame_is_lost_or_doubled_around_the_handover(share: int) -> None:
    each = SCHEDULES // SHARES
    for seed in range(share * each, (share + 1) * each):
        play(seed)
