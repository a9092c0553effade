"""Whom a proxy names: the last address that is none of ours, or nobody at all."""

from ipaddress import ip_network

import pytest

from duologue.connection.addresses import parse_address
from duologue.relay.trusted_proxies import BadForwarding, TrustedProxies

PROXIES = TrustedProxies([ip_network("10.0.0.0/8"), ip_network("2001:db8:ffff::/48")])


@pytest.mark.parametrize(
    ("values", "group"),
    [
        (["192.0.2.7"], "192.0.2.7"),
        (["192.0.2.7:4711"], "192.0.2.7"),
        (["::ffff:192.0.2.7"], "192.0.2.7"),
        (["2001:db8:1:2:3::4"], "2001:db8:1:2::/64"),
        (["[2001:db8:1:2:3::4]"], "2001:db8:1:2::/64"),
        (["[2001:db8:1:2:3::4]:4711"], "2001:db8:1:2::/64"),
        # What the client itself wrote stands in front, whatever it is.
        (["203.0.113.9, 192.0.2.7"], "192.0.2.7"),
        (["10.0.0.1, 192.0.2.7"], "192.0.2.7"),
        (["nonsense, , 192.0.2.7"], "192.0.2.7"),
        # Our proxies one behind the other.
        (["192.0.2.7, 10.0.0.1, 2001:db8:ffff::1"], "192.0.2.7"),
        (["203.0.113.9,192.0.2.7,::ffff:10.1.2.3"], "192.0.2.7"),
        # One header for each, as some append.
        (["203.0.113.9, 192.0.2.7", "10.0.0.1"], "192.0.2.7"),
        (["203.0.113.9", "192.0.2.7"], "192.0.2.7"),
        # A program beside the proxies: the first of them that it is said to have come from.
        (["10.0.0.1, 10.0.0.2"], "10.0.0.1"),
        ([], None),
    ],
)
def test_the_client_is_the_last_that_is_no_trusted_proxy(
    values: list[str], group: str | None
) -> None:
    assert PROXIES.group_behind(values) == group


@pytest.mark.parametrize(
    "values",
    [
        [""],
        ["unknown"],
        ["192.0.2.7,"],
        ["192.0.2.7, nonsense"],
        ["192.0.2.7, nonsense, 10.0.0.1"],
        ["192.0.2.7", ""],
        ["192.0.2.256"],
        ["192.0.2.7/32"],
        ["192.0.2"],
        ["3221225991"],
        ["_hidden"],
        ["[]"],
        ["localhost"],
        ["192.0.2.7;10.0.0.1"],
        ["\u0661\u0669\u0662.0.2.7"],
    ],
)
def test_what_cannot_be_read_is_refused_and_not_echoed(values: list[str]) -> None:
    with pytest.raises(BadForwarding) as caught:
        PROXIES.group_behind(values)
    assert "192" not in str(caught.value)


@pytest.mark.parametrize(
    ("address", "is_trusted"),
    [
        ("10.255.255.255", True),
        ("::ffff:10.0.0.1", True),
        ("2001:db8:ffff::1", True),
        ("11.0.0.0", False),
        ("2001:db8:fffe::1", False),
        ("nonsense", False),
    ],
)
def test_a_proxy_is_trusted_by_its_network(address: str, is_trusted: bool) -> None:
    assert (parse_address(address) in PROXIES) is is_trusted
