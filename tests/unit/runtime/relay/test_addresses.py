"""Addresses as they are counted and as logs show them."""

import pytest

from duologue.connection.addresses import group_of, peer_address
from duologue.relay.addresses import is_loopback, shown_address


@pytest.mark.parametrize(
    ("peer_name", "group", "shown"),
    [
        (("192.0.2.77", 4711), "192.0.2.77", "192.0.2.0/24"),
        (("2001:db8:1:2:3:4:5:6", 4711, 0, 0), "2001:db8:1:2::/64", "2001:db8:1::/48"),
        (("2001:db8:1:2:ffff::", 4711, 0, 0), "2001:db8:1:2::/64", "2001:db8:1::/48"),
        (("::ffff:192.0.2.77", 4711, 0, 0), "192.0.2.77", "192.0.2.0/24"),
        (("fe80::1%eth0", 4711, 0, 2), "fe80::/64", "fe80::/48"),
        ("/run/socket", "unknown", "unknown"),
        (None, "unknown", "unknown"),
        ((), "unknown", "unknown"),
    ],
)
def test_groups(peer_name: object, group: str, shown: str) -> None:
    assert group_of(peer_address(peer_name)) == group
    assert shown_address(group) == shown


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "::1", "[::1]", "localhost"])
def test_loopback(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.0.2.1", "localhost.example"])
def test_not_loopback(host: str) -> None:
    assert not is_loopback(host)
