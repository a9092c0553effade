"""What tests of the relay share: keys, links without sockets, a relay without a network."""

import hashlib
import json
import random
from collections import deque
from collections.abc import Callable
from typing import TypeVar

from duologue.connection.base import Connection, ConnectionState, Message, Unlisten
from duologue.identity import Identity
from duologue.protocol.boxes import NONCE_BYTES
from duologue.protocol.closing import close_text, terminate_text
from duologue.relay.access import OPEN
from duologue.relay.challenge import answer_challenge
from duologue.relay.events import RelayEvent
from duologue.relay.exchange import Exchange
from duologue.relay.limits import RelayLimits
from duologue.relay.link import Carrier, Hold, Link

E = TypeVar("E", bound=RelayEvent)


def identity(name: str) -> Identity:
    """The same one for the same name."""
    return Identity.from_secret(hashlib.sha256(name.encode()).digest())


RELAY = identity("relay")
PROVIDER = identity("provider")
CALLER = identity("caller")


def register_text(who: Identity) -> str:
    return json.dumps({"command": "register", "publicKey": str(who)})


def request_text(source: Identity, target: Identity) -> str:
    return json.dumps(
        {
            "command": "communication_request",
            "sourcePublicKey": str(source),
            "targetPublicKey": str(target),
        }
    )


def answer_text(who: Identity, authentication_request: Message) -> str:
    """What a listener answers to the relay's challenge, written from the protocol text."""
    asked = json.loads(authentication_request)
    shared = who.shared_key(bytes.fromhex(asked["publicKey"]))
    response = answer_challenge(bytes.fromhex(asked["challenge"]), shared, bytes(NONCE_BYTES))
    return json.dumps({"command": "authentication_response", "response": response.hex()})


class FakeLink(Connection):
    """A `Link` whose other side is the test: `arrive` is what it sends, `sent` what it gets."""

    def __init__(self, address: str = "192.0.2.1", accepted_s: float = 0.0) -> None:
        super().__init__(ConnectionState.OPEN)
        self.address_group = address
        self.token: str | None = None
        self.accepted_s = accepted_s
        self.received_bytes = 0
        self.on_full: Callable[[bool], None] | None = None
        self.sent: deque[Message] = deque()
        self.unsent_bytes = 0
        self.holds = Hold.NONE
        self.max_message_bytes = 4096
        self.parting_text = ""
        self.fault = ""
        self.ping_frames = 0
        self._unread: deque[Message] = deque()

    def arrive(self, *batch: Message) -> None:
        """What one read of the socket brings. What is held is read later."""
        self._unread += batch
        self._read()

    def leave(self, reason: str = "") -> None:
        """The other side closes with this reason."""
        self.parting_text = reason
        self.state.enter(ConnectionState.CLOSING)
        self._end(1000, reason)

    def be_lost(self) -> None:
        """The connection breaks."""
        self._end(1006, "")

    def take(self) -> dict[str, object]:
        """The next thing sent, as JSON."""
        value: dict[str, object] = json.loads(self.sent.popleft())
        return value

    def be_full(self, unsent_bytes: int) -> None:
        """Take nothing any more until this is called with 0."""
        self.unsent_bytes = unsent_bytes
        if self.on_full is not None:
            self.on_full(unsent_bytes > 0)

    @property
    def is_open(self) -> bool:
        return self.state.current_state is ConnectionState.OPEN

    def _read(self) -> None:
        while self._unread and not self.holds and self.is_open:
            message = self._unread.popleft()
            self.received_bytes += len(message)
            self.on_message.emit(message)

    # -- what the relay calls -------------------------------------------------------------------

    def send(self, message: Message) -> None:
        if not self.is_open:
            raise self._refuse_send()
        self.sent.append(message)

    def send_frames(self, frames: list[Message]) -> None:
        raise NotImplementedError("these links have messages only")

    def pass_on(self, carrier: Carrier) -> Unlisten:
        return self.on_message.listen(carrier.carry)

    def close(self, reason: str | None = None) -> None:
        self.close_as(1000, close_text(reason))

    def terminate(self, reason: str) -> None:
        self._end(1006, terminate_text(reason))

    def close_as(self, code: int, text: str) -> None:
        if self.is_open:
            self.close_code, self.close_reason = code, text
            self.state.enter(ConnectionState.CLOSING)

    def finish_closing(self) -> None:
        """The other side answers the close frame."""
        assert self.close_code is not None
        self._end(self.close_code, self.close_reason)

    @property
    def buffered_amount(self) -> int:
        return self.unsent_bytes

    async def drained(self) -> None:
        raise NotImplementedError("the relay never waits")

    def allow_message_bytes(self, max_bytes: int) -> None:
        self.max_message_bytes = max_bytes

    def send_ping_frame(self) -> None:
        self.ping_frames += 1

    def hold(self, reason: Hold) -> None:
        self.holds |= reason

    def release(self, reason: Hold) -> None:
        self.holds &= ~reason
        self._read()


class Relay:
    """An `Exchange` with a clock that only the test moves."""

    def __init__(
        self,
        limits: RelayLimits | None = None,
        *,
        announces_key: bool = True,
        meeting_points: bool = False,
        seed: int = 0,
        is_new: bool = False,
    ) -> None:
        """Unless `is_new`, it has been there for a while: nobody's listener is on its way back."""
        self.now_s = 1000.0
        self.events: list[RelayEvent] = []
        self.taken: list[Link] = []
        """Spares that were handed over."""
        self.exchange = Exchange(
            limits or RelayLimits(),
            RELAY,
            announces_key=announces_key,
            clock=lambda: self.now_s,
            random_bytes=random.Random(seed).randbytes,
            note=self.events.append,
            on_taken=self.taken.append,
            meeting_points=meeting_points,
        )
        self.exchange.access = OPEN
        if not is_new:
            self.now_s += (limits or RelayLimits()).startup_grace_s

    def link(self, address: str = "192.0.2.1") -> FakeLink:
        """A connection that has just been opened."""
        link = FakeLink(address, self.now_s)
        self.exchange.welcome(link)
        return link

    def spare(self, who: Identity = PROVIDER, address: str = "192.0.2.1") -> FakeLink:
        """A registered listener."""
        link = self.link(address)
        link.arrive(register_text(who))
        link.arrive(answer_text(who, link.sent.popleft()))
        assert link.take()["command"] == "authentication_success"
        return link

    def pair(self) -> tuple[FakeLink, FakeLink]:
        """A caller and a listener that have been joined."""
        listener = self.spare()
        caller = self.link()
        caller.arrive(request_text(CALLER, PROVIDER))
        assert [listener.take()["command"], listener.take()["command"]] == [
            "connection_handover",
            "communication_request",
        ]
        return caller, listener

    def pass_time(self, seconds: float) -> None:
        """Move the clock; do what falls due, when it falls due."""
        end_s = self.now_s + seconds
        while True:
            due_s = self.exchange.next_due_s()
            if due_s is None or due_s > end_s:
                break
            self.now_s = max(self.now_s, due_s)
            self.exchange.tick()
        self.now_s = end_s
        self.exchange.sweep()

    def of_kind(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]
