"""The relay's door: each limit at its value, and one above it."""

from dataclasses import replace

import pytest

from duologue.connection.websocket.listener import MAX_WAITING_REFUSALS
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
        self.link: SocketLink = door.make_link()
        self.link.connection_made(self.transport)

    @property
    def is_dropped(self) -> bool:
        return "abort" in self.transport.done

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
    assert entrance.door.is_full
    assert [each.ask() for each in inside] == [b"HTTP/1.1 101 Switching Protocols"] * 3
    refused = entrance.come()
    assert not refused.is_dropped
    assert refused.ask() == b"HTTP/1.1 503 Service Unavailable"
    assert entrance.limits_met == ["max_connections"]


def test_so_many_are_told_that_it_is_full_at_a_time_and_one_more_is_dropped() -> None:
    entrance = Entrance(replace(WIDE, max_connections=1))
    entrance.come()
    told = [entrance.come() for _ in range(MAX_WAITING_REFUSALS)]
    assert not any(each.is_dropped for each in told)
    assert entrance.come().is_dropped
    told[0].link.connection_lost(None)
    assert not entrance.come().is_dropped


@pytest.mark.parametrize("limit", ["max_unauthenticated", "max_connections_per_address"])
def test_one_above_a_limit_is_dropped(limit: str) -> None:
    entrance = Entrance(replace(WIDE, **{limit: 3}))
    assert not any(entrance.come().is_dropped for _ in range(3))
    assert entrance.limits_met == []
    assert entrance.come().is_dropped
    assert entrance.limits_met == [limit]


def test_one_stranger_too_many_of_an_address_is_dropped_and_another_address_is_not() -> None:
    entrance = Entrance(replace(WIDE, max_unauthenticated_per_address=3))
    strangers = [entrance.come() for _ in range(3)]
    assert not any(each.is_dropped for each in strangers)
    assert entrance.come().is_dropped
    assert entrance.limits_met == ["max_unauthenticated_per_address"]
    assert not entrance.come("198.51.100.1").is_dropped
    entrance.door.note_known(strangers[0].link)
    assert not entrance.come().is_dropped


def test_strangers_of_many_addresses_are_counted_together() -> None:
    entrance = Entrance(replace(WIDE, max_unauthenticated=300))
    assert not any(each.is_dropped for each in entrance.come_apart(300))
    assert entrance.come().is_dropped
    assert entrance.limits_met == ["max_unauthenticated"]
