"""Events of a side that knows the base profile only: requests that it makes by itself."""

import logging
from typing import Any, Final, Generic, Protocol, TypeGuard, TypeVar

from duologue.errors import BadFrame, InvalidParams
from duologue.promisifier.failures import describe_failure
from duologue.promisifier.handlers import Outcome, UnreadableArguments
from duologue.promisifier.served_call import ServedCall
from duologue.protocol.messages import Failure
from duologue.protocol.parcels import split
from duologue.typed.audience import Peer
from duologue.typed.contract import Event

E = TypeVar("E")
E_contra = TypeVar("E_contra", contravariant=True)

_log: Final = logging.getLogger("duologue")


class Taker(Protocol[E_contra]):
    """Takes the events of one kind."""

    def wants(self, data: bytes) -> bool:
        """Whether an event with this payload, JSON, is one of those it subscribes to."""
        ...

    def deliver(self, payload: E_contra) -> None:
        """One event has come."""


class Receiver(Generic[E]):
    """The handler under an event's number: hands each event to all subscriptions of one peer."""

    takes_parts = True
    ignores_cancel = False

    def __init__(self, peer: Peer, event: Event[..., E]) -> None:
        self.name = event.full_name
        self.target = event
        self._peer = peer
        self._takers: list[Taker[E]] = []

    def is_for(self, event: object) -> bool:
        """Whether it is that event's."""
        return self.target is event

    def add(self, taker: Taker[E]) -> None:
        """Tell `taker` from now on."""
        self._takers.append(taker)

    def remove(self, taker: Taker[E]) -> None:
        """Tell it no more; without any left the number is free again."""
        self._takers.remove(taker)
        if not self._takers:
            self._peer.subscriptions.remove(self)

    def start(self, call: ServedCall[Peer]) -> Outcome:
        """See `Handler`."""
        args = call.request.args
        try:
            payload = self.target.payload.decode(self.name, args)
        except BadFrame as error:
            raise UnreadableArguments(str(error)) from error
        except InvalidParams as error:
            _log.warning("an event does not fit its contract: %s", error)
            raise
        data = split(args)[0].strip()[1:-1] if args else b""
        for taker in tuple(self._takers):
            if taker.wants(data):
                taker.deliver(payload)
        return None

    def failure(self, error: Exception) -> Failure:
        """See `Handler`."""
        return describe_failure(error, self.name)


def receiver_for(peer: Peer, event: Event[..., E]) -> Receiver[E]:
    """What is served under the event's number, from now on at the latest.

    Raises:
        ContractMismatch: the other side offers the service by another contract.
        ServiceIdTaken: this side serves something else there.
    """
    receiver = peer.subscriptions.find(event)
    if not _is_receiver(receiver, event):
        receiver = Receiver(peer, event)
        peer.subscriptions.add(receiver, peer.counterpart)
    return receiver


def _is_receiver(subscriber: object, event: Event[..., Any]) -> "TypeGuard[Receiver[Any]]":
    return isinstance(subscriber, Receiver) and subscriber.is_for(event)
