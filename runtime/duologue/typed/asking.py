"""Control calls about an event: the `Target` of each, and the `Reading` of its answer."""

import asyncio
from typing import Any, Protocol

from duologue.errors import BadFrame, DuologueError, Unimplemented
from duologue.promisifier.streams.stream import ByteStream, TextStream
from duologue.protocol.control import (
    Subscribe,
    Subscribed,
    read_subscribed,
    subscribe_args,
    unsubscribe_args,
)
from duologue.protocol.hello import CONTROL_SERVICE
from duologue.protocol.messages import Failure
from duologue.protocol.parcels import Payload, split
from duologue.typed.audience import Peer
from duologue.typed.contract import Event
from duologue.typed.declared_errors import runtime_error


class Asker(Protocol):
    """Who wants to be told of an event."""

    def agreed(self, answer: Subscribed) -> None:
        """It will be; the next message is not read yet, and may be the first event."""

    def refused(self, error: DuologueError) -> None:
        """It will not be."""


def ask_for(peer: Peer, event: Event[..., Any], wish: Subscribe, asker: Asker) -> None:
    """Ask `peer` for a subscription, over its present connection."""
    asking = _Subscribing(event, asker)
    call = peer.start_control_call(asking, subscribe_args(wish), asking)
    call.add_done_callback(asking.note_settled)


def ask_to_end(peer: Peer, event: Event[..., Any], subscription: int) -> None:
    """Ask `peer` to end a subscription. If that gets lost, so does the subscription."""
    asking = _Asking(event)
    call = peer.start_control_call(asking, unsubscribe_args(subscription), asking)
    # Whatever becomes of it, nobody waits for it.
    call.add_done_callback(lambda settled: settled.exception())


class _Asking:
    id = CONTROL_SERVICE
    contract = None
    may_be_repeated = False
    """Each connection is asked anew."""
    may_wait = False
    takes_parts = False

    def __init__(self, event: Event[..., Any]) -> None:
        self._event = event
        self.full_name = f"the subscription of {event.full_name}"

    def decode_result(self, data: Payload | None) -> None:
        """Whatever it is."""

    def decode_stream(self, stream: ByteStream | TextStream) -> None:
        """A stream is no answer to a control call."""
        stream.cancel()
        raise BadFrame("a control call was answered by a stream")

    def decode_failure(self, failure: Failure) -> DuologueError:
        """Why not."""
        error = runtime_error(failure)
        if isinstance(error, Unimplemented):
            return Unimplemented(f"the other side offers no event {self._event.full_name}")
        return error


class _Subscribing(_Asking):
    def __init__(self, event: Event[..., Any], asker: Asker) -> None:
        super().__init__(event)
        self._asker = asker

    def decode_result(self, data: Payload | None) -> None:
        """It is agreed."""
        self._asker.agreed(read_subscribed(split(data)[0] if data else b""))

    def note_settled(self, call: "asyncio.Future[None]") -> None:
        """It is answered, or never will be."""
        error = call.exception()
        if isinstance(error, DuologueError):
            self._asker.refused(error)
