"""What this side wants to be told of: handlers under numbers that the other side chooses."""

import logging
from typing import Final, Generic, Protocol, TypeVar

from duologue.errors import ContractMismatch, DuologueError, ServiceIdTaken
from duologue.promisifier.handlers import Handler
from duologue.promisifier.own_call import Target
from duologue.protocol.hello import Counterpart

PeerT = TypeVar("PeerT")
PeerT_contra = TypeVar("PeerT_contra", contravariant=True)

_log: Final = logging.getLogger("duologue")


class Subscriber(Handler[PeerT_contra], Protocol[PeerT_contra]):
    """The handler of an event of the other side."""

    @property
    def target(self) -> Target:
        """The event; its number is counted from where the other side says."""
        ...

    def close(self) -> None:
        """It is told of nothing any more."""


class Subscriptions(Generic[PeerT]):
    """The subscribers of one peer, by what they subscribe to; one for each event.

    They stay when a connection is lost: `renew` places them where the next one wants them.
    """

    def __init__(self, handlers: dict[int, Handler[PeerT]]) -> None:
        """`handlers` are those of the peer, by number; subscribers are put among them."""
        self._handlers = handlers
        self._placed: dict[Target, tuple[int, Subscriber[PeerT]]] = {}

    def find(self, target: Target) -> Subscriber[PeerT] | None:
        """Who is told of an event."""
        number, subscriber = self._placed.get(target, (0, None))
        return subscriber if self._handlers.get(number) is subscriber else None

    def add(self, subscriber: Subscriber[PeerT], counterpart: Counterpart) -> None:
        """Tell `subscriber` of its event from now on.

        Raises:
            ContractMismatch: the other side offers the service by another contract.
            ServiceIdTaken: this side serves something else under the event's number.
        """
        number = _number(subscriber, counterpart)
        holder = self._handlers.get(number)
        if holder is not None:
            raise ServiceIdTaken(number, holder.name, subscriber.name)
        self._place(number, subscriber)

    def remove(self, subscriber: Subscriber[PeerT]) -> None:
        """Tell it of nothing any more."""
        number, placed = self._placed.get(subscriber.target, (0, None))
        if placed is subscriber:
            del self._placed[subscriber.target]
            if self._handlers.get(number) is subscriber:
                del self._handlers[number]

    def renew(self, counterpart: Counterpart) -> None:
        """It is known what the other side is: serve its events where it sends them.

        A subscriber for which there is no place any more is closed, and the log says why.
        """
        moving = [
            (number, each)
            for number, each in self._placed.values()
            if self._handlers.get(number) is each
        ]
        self._placed.clear()
        for number, _ in moving:
            del self._handlers[number]
        homeless: list[tuple[Subscriber[PeerT], DuologueError]] = []
        for _, subscriber in moving:
            try:
                self.add(subscriber, counterpart)
            except (ContractMismatch, ServiceIdTaken) as error:
                homeless.append((subscriber, error))
        for subscriber, why in homeless:
            _log.error("the subscription of %s has ended: %s", subscriber.name, why)
            subscriber.close()

    def close(self) -> None:
        """The peer is closed: so is every subscriber."""
        for _, subscriber in tuple(self._placed.values()):
            subscriber.close()

    def _place(self, number: int, subscriber: Subscriber[PeerT]) -> None:
        self._handlers[number] = subscriber
        self._placed[subscriber.target] = (number, subscriber)


def _number(subscriber: Subscriber[PeerT], counterpart: Counterpart) -> int:
    target = subscriber.target
    contract = target.contract
    return target.id if contract is None else counterpart.base_of(contract) + target.id
