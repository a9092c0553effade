"""What an acceptor remembers across its connections (PROTOCOL 3.5)."""

from collections import Counter, OrderedDict
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from types import MappingProxyType

from duologue.errors import HandshakeFailed, HandshakeFault
from duologue.limits import FLIGHT_MEMORY_S, MAX_REMEMBERED_FLIGHTS, Limits


class AcceptanceBook:
    """Unconfirmed connections, first flights already seen, refusals by fault.

    One for each endpoint that accepts, shared by all its connections.
    """

    def __init__(self, limits: Limits) -> None:
        self._max_unconfirmed = limits.max_unconfirmed
        self._max_unconfirmed_per_key = limits.max_unconfirmed_per_key
        self._unconfirmed: Counter[bytes] = Counter()
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
        return self._unconfirmed.total()

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
    def unconfirmed(self, claimed_key: bytes) -> Generator[None]:
        """Hold one of the few places for connections that have not proved themselves.

        Raises:
            HandshakeFailed: there is none free, or none for this key.
        """
        if self.number_unconfirmed >= self._max_unconfirmed:
            raise HandshakeFailed("Too many connections are being confirmed", "too-many")
        if self._unconfirmed[claimed_key] >= self._max_unconfirmed_per_key:
            raise HandshakeFailed("Too many connections of this key are unconfirmed", "too-many")
        self._unconfirmed[claimed_key] += 1
        try:
            yield
        finally:
            self._unconfirmed[claimed_key] -= 1
            if not self._unconfirmed[claimed_key]:
                del self._unconfirmed[claimed_key]

    def count_rejected(self, fault: HandshakeFault) -> None:
        """Note that a handshake came to nothing."""
        self._rejected[fault] += 1
