"""The relay's door: each limit at its value, and one above it."""

from dataclasses import replace

from duologue.relay.events import RelayEvent, TurnedAway
from duologue.relay.limits import RelayLimits
from duologue.relay.link import Link
from duologue.relay.server.door import Door
from duologue.relay.server.socket_link import SocketLink
from duologue.relay.trusted_proxies import TrustedProxies
from tests.unit.runtime.pretend import REQUEST, PretendLoop, PretendTransport


class Entrance:
    """A door, who had to give way, and what it has told."""

    def __init__(self, limits: RelayLimits) -> None:
        self.events: list[RelayEvent] = []
        self.welcomed: list[Link] = []
        self.dropped: list[SocketLink] = []
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
        self.door.turn_away = self.dropped.append

    def come(self, address: str = "192.0.2.1") -> SocketLink | None:
        return self.door.admit((address, 4711))

    def come_in(self, address: str = "192.0.2.1") -> SocketLink:
        link = self.come(address)
        assert link is not None
        return link

    @property
    def limits_met(self) -> list[str]:
        return [each.limit for each in self.events if isinstance(each, TurnedAway)]


def answer_to(link: SocketLink) -> bytes:
    """The first line of the answer to its request."""
    transport = PretendTransport()
    link.connection_made(transport)
    link.get_buffer(-1)[: len(REQUEST)] = REQUEST
    link.buffer_updated(len(REQUEST))
    return b"".join(transport.take_written()).partition(b"\r\n")[0]


# Few enough for the descriptors of any machine.
WIDE = replace(
    RelayLimits(),
    max_connections=200,
    max_unauthenticated=200,
    max_unauthenticated_per_address=1_000_000,
    max_connections_per_address=1_000_000,
    new_connections_burst_per_address=1_000_000,
)


def test_all_places_can_be_taken_and_one_more_is_told_that_there_are_none() -> None:
    entrance = Entrance(replace(WIDE, max_connections=3))
    for _ in range(2):
        entrance.door.note_known(entrance.come_in())
    last = entrance.come_in()
    assert answer_to(last) == b"HTTP/1.1 101 Switching Protocols"
    entrance.door.note_known(last)
    assert entrance.door.is_full
    assert answer_to(entrance.come_in()) == b"HTTP/1.1 503 Service Unavailable"
    assert entrance.limits_met == ["max_connections"]


def test_an_address_has_so_many_connections_and_no_more() -> None:
    entrance = Entrance(replace(WIDE, max_connections_per_address=3))
    assert None not in [entrance.come() for _ in range(3)]
    assert entrance.come() is None
    assert entrance.limits_met == ["max_connections_per_address"]
    assert entrance.come("198.51.100.1") is not None


def test_an_address_comes_so_often_at_once_and_no_more() -> None:
    entrance = Entrance(replace(WIDE, new_connections_burst_per_address=3))
    assert None not in [entrance.come() for _ in range(3)]
    assert entrance.come() is None
    assert entrance.limits_met == ["new_connections_per_s_per_address"]


def test_a_listener_comes_again_for_each_spare_that_was_handed_over_and_no_oftener() -> None:
    entrance = Entrance(replace(WIDE, new_connections_burst_per_address=3))
    for spare in [entrance.come_in() for _ in range(3)]:
        entrance.door.note_taken(spare)
        assert entrance.come() is not None
    assert entrance.come() is None
    assert entrance.limits_met == ["new_connections_per_s_per_address"]


def test_one_stranger_too_many_of_an_address_takes_the_place_of_its_first() -> None:
    entrance = Entrance(replace(WIDE, max_unauthenticated_per_address=3))
    first, *_ = [entrance.come_in() for _ in range(3)]
    entrance.come_in("198.51.100.1")
    assert entrance.dropped == []
    entrance.come_in()
    assert entrance.dropped == [first]
    assert entrance.limits_met == ["max_unauthenticated_per_address"]


def test_who_is_known_is_no_stranger_of_its_address_any_more() -> None:
    entrance = Entrance(replace(WIDE, max_unauthenticated_per_address=3))
    for _ in range(5):
        entrance.door.note_known(entrance.come_in())
    assert entrance.dropped == []


def test_one_stranger_too_many_of_all_addresses_takes_the_place_of_another() -> None:
    entrance = Entrance(replace(WIDE, max_unauthenticated=20))
    for each in range(20):
        entrance.come_in(f"10.0.{each}.1")
    assert entrance.dropped == []
    entrance.come_in("198.51.100.1")
    assert len(entrance.dropped) == 1
    assert entrance.limits_met == ["max_unauthenticated"]
