"""What an acceptor remembers across its connections (PROTOCOL 3.5)."""

from collections import Counter, OrderedDict
from collections.abc import Callable, Collection, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType

from duologue.errors import HandshakeFailed, HandshakeFault
from duologue.limits import FLIGHT_MEMORY_S, MAX_REMEMBERED_FLIGHTS, Limits


@dataclass(slots=True, eq=False)
class Place:
    """What a connection has that is being confirmed."""

    key: bytes
    since_s: float
    group: str = ""
    """Of its address; empty: nobody knows."""
    is_lost: bool = False
    """It had to give way; the connection is to be closed."""
    on_lost: Callable[[], None] | None = None

    def lose(self) -> None:
        """Give way."""
        self.is_lost = True
        if self.on_lost is not None:
            self.on_lost()


class AcceptanceBook:
    """Unconfirmed connections, first flights already seen, refusals by fault.

    One for each endpoint that accepts, shared by all its connections.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._places: dict[Place, None] = {}
        """Of the unconfirmed; who has had one longest comes first."""
        self._flights: OrderedDict[bytes, float] = OrderedDict()
        """When each nonce was seen, oldest first."""
        self._rejected: Counter[HandshakeFault] = Counter()

    @property
    def rejected(self) -> Mapping[HandshakeFault, int]:
        """How many handshakes came to nothing, by fault; a live view."""
        return MappingProxyType(self._rejected)

    @property
    def number_unconfirmed(self) -> int:
        """Connections that have agreed on a key and not yet proved to have it."""
        return len(self._places)

    def check_new(self, flight_nonce: bytes, now_s: float) -> None:
        """Remember a first flight, whose box has opened, by its nonce.

        Raises:
            HandshakeFailed: it has come before.
        """
        flights = self._flights
        while flights and next(iter(flights.values())) <= now_s - FLIGHT_MEMORY_S:
            flights.popitem(last=False)
        if flight_nonce in flights:
            raise HandshakeFailed("This key exchange has been seen before", "replay")
        flights[flight_nonce] = now_s
        if len(flights) > MAX_REMEMBERED_FLIGHTS:
            flights.popitem(last=False)

    @contextmanager
    def unconfirmed(
        self, claimed_key: bytes, now_s: float, address_group: str = ""
    ) -> Generator[Place]:
        """Hold one of the few places for connections that have not proved themselves.

        If all are taken, one gives way. If a group of addresses has more than this one would have
        then, it is the one of it that has been unconfirmed longest. Else it is the longest of all:
        who has a key shows it within a round trip, who has none would keep the place for
        `confirm_timeout_s`.

        Raises:
            HandshakeFailed: all are taken, or those for this key, by such as have come within
                `unconfirmed_grace_s`, and no address has many of them.
        """
        limits = self._limits
        place = Place(claimed_key, now_s, address_group)
        self._make_room(self._places, limits.max_unconfirmed, place)
        of_key = [each for each in self._places if each.key == claimed_key]
        self._make_room(of_key, limits.max_unconfirmed_per_key, place)
        self._places[place] = None
        try:
            yield place
        finally:
            self._places.pop(place, None)

    def _make_room(self, places: Collection[Place], most: int, newcomer: Place) -> None:
        if len(places) < most:
            return
        longest = next(iter(places))
        sizes = Counter(each.group for each in places)
        largest, size = sizes.most_common(1)[0]
        if size > sizes[newcomer.group] + 1:
            longest = next(each for each in places if each.group == largest)
        elif newcomer.since_s - longest.since_s < self._limits.unconfirmed_grace_s:
            raise HandshakeFailed("Too many connections are being confirmed", "too-many")
        del self._places[longest]
        longest.lose()

    def count_rejected(self, fault: HandshakeFault) -> None:
        """Note that a handshake came to nothing."""
        self._rejected[fault] += 1
