"""What this side wants to be told of: handlers under numbers that the other side chooses."""

from typing import Generic, Protocol, TypeVar

from duologue.errors import ContractMismatch, DuologueError, ServiceIdTaken
from duologue.promisifier.handlers import Handler
from duologue.promisifier.own_call import Target
from duologue.protocol.control import Notified
from duologue.protocol.hello import Counterpart

PeerT = TypeVar("PeerT")
PeerT_contra = TypeVar("PeerT_contra", contravariant=True)


class Subscriber(Handler[PeerT_contra], Protocol[PeerT_contra]):
    """The handler of an event of the other side."""

    @property
    def target(self) -> Target:
        """The event; its number is counted from where the other side says."""
        ...


class Listener(Protocol):
    """Who wants to be told of an event, over this connection and those that follow."""

    @property
    def name(self) -> str:
        """Of the event, for those who look on."""
        ...

    def renew(self) -> None:
        """It is known what the other side is: ask it, in the way it knows."""

    def receive(self, event: Notified) -> None:
        """An event has come, or the end."""

    def refused(self, error: DuologueError) -> None:
        """It cannot be told."""

    def end(self) -> None:
        """The peer is closed."""


class Subscriptions(Generic[PeerT]):
    """What one peer wants to be told of.

    Listeners stay when a connection is lost, and are renewed over the next. What a base peer tells
    comes as ordinary requests, to subscribers that are served under the events' numbers.
    """

    def __init__(self, handlers: dict[int, Handler[PeerT]]) -> None:
        """`handlers` are those of the peer, by number; subscribers are put among them."""
        self.is_closed = False
        """Whether the peer is closed: who joins now is ended by nobody."""
        self._listeners: dict[Listener, bool] = {}
        """With whether the other side of the present connection has been asked."""
        self._by_number: dict[int, Listener] = {}
        """Of the present connection, by what the other side calls the subscription."""
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

    def join(self, listener: Listener, *, is_asked: bool) -> None:
        """Renew a listener whenever there is another connection, until it leaves.

        `is_asked` says whether the present one's other side knows of it already.
        """
        self._listeners[listener] = is_asked

    def leave(self, listener: Listener) -> None:
        """It wants to be told of nothing any more."""
        self._listeners.pop(listener, None)

    def route(self, subscription: int, listener: Listener) -> None:
        """What the other side says of this subscription is for `listener`."""
        self._by_number[subscription] = listener

    def unroute(self, subscription: int) -> None:
        """It is for nobody any more."""
        self._by_number.pop(subscription, None)

    def name_of(self, subscription: int) -> str | None:
        """The event of a subscription; None if there is no such."""
        listener = self._by_number.get(subscription)
        return None if listener is None else listener.name

    def receive(self, event: Notified) -> bool:
        """Hand an event to its listener; False if there is none."""
        listener = self._by_number.get(event.subscription)
        if listener is not None:
            listener.receive(event)
        return listener is not None

    def start_over(self) -> None:
        """There is another connection, and it is known what its other side is; it knows nothing."""
        self._by_number.clear()
        for number, subscriber in self._placed.values():
            # All of them first: one may move to where another one was.
            if self._handlers.get(number) is subscriber:
                del self._handlers[number]
        self._placed.clear()
        self._listeners = dict.fromkeys(self._listeners, False)

    def renew(self) -> None:
        """Ask the other side for whom it was not asked, or serve its events where it sends them.

        A listener for which there is no place any more is told why.
        """
        for listener in [each for each, is_asked in self._listeners.items() if not is_asked]:
            self._listeners[listener] = True
            try:
                listener.renew()
            except (ContractMismatch, ServiceIdTaken) as error:
                listener.refused(error)

    def close(self) -> None:
        """The peer is closed: every listener has its end."""
        self.is_closed = True
        for listener in tuple(self._listeners):
            listener.end()
        self._by_number.clear()

    def _place(self, number: int, subscriber: Subscriber[PeerT]) -> None:
        self._handlers[number] = subscriber
        self._placed[subscriber.target] = (number, subscriber)


def _number(subscriber: Subscriber[PeerT], counterpart: Counterpart) -> int:
    target = subscriber.target
    contract = target.contract
    return target.id if contract is None else counterpart.base_of(contract) + target.id
