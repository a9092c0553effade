"""The relay's door: each limit at its value, and one above it."""

from dataclasses import replace

from duologue.relay.events import RelayEvent, TurnedAway
from duologue.relay.limits import RelayLimits
from duologue.relay.link import Link
from duologue.relay.server.door import Door
from duologue.relay.server.socket_link import SocketLink
from duologue.relay.trusted_proxies import TrustedProxies
from tests.unit.runtime.pretend import REQUEST, PretendLoop, PretendTransport


class Caller:
    """A socket that has come to the door."""

    def __init__(self, door: Door, address: str) -> None:
        self.transport = PretendTransport(peer_address=address)
        self._link = door.admit((address, 4711))
        if self._link is not None:
            self._link.connection_made(self.transport)

    @property
    def link(self) -> SocketLink:
        assert self._link is not None
        return self._link

    @property
    def is_dropped(self) -> bool:
        return self._link is None or self.transport.is_closing()

    def ask(self) -> bytes:
        """The first line of the answer to its request."""
        self.link.get_buffer(-1)[: len(REQUEST)] = REQUEST
        self.link.buffer_updated(len(REQUEST))
        return b"".join(self.transport.take_written()).partition(b"\r\n")[0]


class Entrance:
    """A door, who has come, and what it has told."""

    def __init__(self, limits: RelayLimits) -> None:
        self.events: list[RelayEvent] = []
        self.welcomed: list[Link] = []
        self.door = Door(
            limits,
            PretendLoop(),
            self.welcomed.append,
            self.events.append,
            hosts=("localhost",),
            origins=(),
            bound_host="127.0.0.1",
            secure=False,
            proxies=TrustedProxies(),
        )

    def come(self, address: str = "192.0.2.1") -> Caller:
        return Caller(self.door, address)

    def come_apart(self, number: int) -> list[Caller]:
        """So many, each from an address that is counted for itself."""
        return [self.come(f"10.{each // 250}.{each % 250}.1") for each in range(number)]

    @property
    def limits_met(self) -> list[str]:
        return [each.limit for each in self.events if isinstance(each, TurnedAway)]


WIDE = replace(
    RelayLimits(),
    max_unauthenticated=1_000_000,
    max_unauthenticated_per_address=1_000_000,
    max_connections_per_address=1_000_000,
    new_connections_burst_per_address=1_000_000,
)


def test_all_places_can_be_taken_and_one_more_is_told_that_there_are_none() -> None:
    entrance = Entrance(replace(WIDE, max_connections=3))
    inside = [entrance.come() for _ in range(3)]
    assert not entrance.door.is_full
    assert [each.ask() for each in inside] == [b"HTTP/1.1 101 Switching Protocols"] * 3
    for each in inside:
        entrance.door.note_known(each.link)
    assert entrance.door.is_full
    refused = entrance.come()
    assert not refused.is_dropped
    assert refused.ask() == b"HTTP/1.1 503 Service Unavailable"
    assert entrance.limits_met == ["max_connections"]


def test_one_above_what_an_address_may_hold_is_dropped() -> None:
    entrance = Entrance(replace(WIDE, max_connections_per_address=3))
    assert not any(entrance.come().is_dropped for _ in range(3))
    assert entrance.limits_met == []
    assert entrance.come().is_dropped
    assert entrance.limits_met == ["max_connections_per_address"]


def test_one_stranger_too_many_of_an_address_takes_the_place_of_its_first() -> None:
    entrance = Entrance(replace(WIDE, max_unauthenticated_per_address=3))
    strangers = [entrance.come() for _ in range(3)]
    assert entrance.limits_met == []
    assert not entrance.come().is_dropped
    assert [each.is_dropped for each in strangers] == [True, False, False]
    assert entrance.limits_met == ["max_unauthenticated_per_address"]
    assert not entrance.come("198.51.100.1").is_dropped
    entrance.door.note_known(strangers[1].link)
    entrance.come()
    assert not strangers[2].is_dropped


def test_strangers_of_many_addresses_are_counted_together() -> None:
    entrance = Entrance(replace(WIDE, max_unauthenticated=300))
    strangers = entrance.come_apart(300)
    assert not any(each.is_dropped for each in strangers)
    assert not entrance.come().is_dropped
    assert sum(each.is_dropped for each in strangers) == 1
    assert entrance.limits_met == ["max_unauthenticated"]
