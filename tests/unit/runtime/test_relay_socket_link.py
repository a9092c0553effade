"""A link of the relay on a pretend transport and loop."""

import asyncio

from duologue.connection.base import ConnectionState
from duologue.connection.bearer_opening import BearerOpening
from duologue.connection.opening import AcceptanceRules
from duologue.limits import Limits
from duologue.relay.socket_link import SocketLink
from tests.unit.runtime.pretend import (
    REQUEST,
    PretendLoop,
    PretendTransport,
    close_frame,
    plain_close,
    text,
)


class Door:
    """Lets everybody in."""

    def judge(self, link: SocketLink, transport: asyncio.Transport) -> BearerOpening:
        return BearerOpening(
            AcceptanceRules(),
            own_hosts=["127.0.0.1"],
            port=8765,
            secure=False,
            is_full=False,
            max_message_bytes=1000,
        )

    def note_open(self, link: SocketLink) -> None:
        return

    def note_lost(self, link: SocketLink) -> None:
        return


class OpenLink:
    """One that refuses every message with 1008."""

    def __init__(self) -> None:
        self.transport = PretendTransport()
        self.link = SocketLink(Door(), Limits(), PretendLoop(), read_bytes=1000)
        self.link.connection_made(self.transport)
        self.receive(REQUEST)
        self.link.on_message.listen(lambda _: self.link.close_as(1008, "refused"))
        self.transport.take_written()

    def receive(self, data: bytes) -> None:
        self.link.get_buffer(-1)[: len(data)] = data
        self.link.buffer_updated(len(data))


def test_a_refusal_is_told_with_its_code() -> None:
    link = OpenLink()
    link.receive(text("no"))
    assert link.transport.take_written() == [plain_close(1008, "refused")]
    assert link.link.state.current_state is ConnectionState.CLOSING


def test_a_refusal_of_one_who_has_closed_in_the_same_read_leaves_it_at_the_answer() -> None:
    link = OpenLink()
    link.receive(text("no") + close_frame(1000, "bye"))
    assert link.transport.take_written() == [plain_close(1000, "bye")]
    assert link.link.state.current_state is ConnectionState.CLOSING
