"""What `[cluster]` takes, and what it refuses in one clear line."""

from typing import Any

import pytest

from duologue.relay.addresses import parse_host_port
from duologue.relay.server.config import BadConfiguration, ClusterTable, read_configuration

GOOD: dict[str, Any] = {
    "name": "eu",
    "secret_file": "cluster.secret",
    "bus": ["nats://10.0.0.1:4222"],
    "listen": "10.0.0.2:8788",
}


def cluster(**changes: Any) -> ClusterTable:
    values = {name: value for name, value in {**GOOD, **changes}.items() if value is not None}
    configuration = read_configuration(None, {}, {"key_file": "relay.key", "cluster": values})
    assert configuration.cluster is not None
    return configuration.cluster


def test_a_relay_is_alone_unless_it_is_told_otherwise() -> None:
    assert read_configuration(None, {}, {}).cluster is None


def test_the_host_name_is_the_node_s_unless_it_has_another() -> None:
    assert cluster(node="eu-a").node == "eu-a"
    assert 1 <= len(cluster().node) <= 32


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"name": "EU"}, "--cluster-name: "),
        ({"node": "a.b"}, "--cluster-node: "),
        ({"bus": []}, "--cluster-bus: "),
        ({"bus": ["10.0.0.1:4222"]}, "expected nats://HOST:PORT"),
        ({"bus": ["nats://u:p@10.0.0.1"]}, "no user or password in a URL"),
        ({"bus": ["nats://u:p@10.0.0.1:x"]}, "no user or password in a URL"),
        *(
            ({"bus": ["nats://a", url]}, "expected nats://HOST:PORT or tls://HOST:PORT as server 2")
            for url in (
                *("nats://", "http://a:4222", "NATS://a", "nats://a:0", "nats://a:70000"),
                *("nats://a:x", "nats://[::1", "nats://a:4222/x", "nats://a?x", "nats:// a:4222"),
                "nats://a,nats://b",
            )
        ),
        ({"bus": ["nats://a:1", "nats://a:1"]}, "bus: the same server twice"),
        ({"bus_ca_file": "ca.pem"}, "bus_ca_file: is for tls:// servers"),
        ({"listen": "10.0.0.2"}, "expected host:port"),
        ({"listen": "2001:db8::1:8788"}, "needs brackets"),
        ({"listen": "0.0.0.0:8788"}, "advertise: is needed"),
        ({"listen": "[::]:8788"}, "advertise: is needed"),
        ({"advertise": "10.0.0.2:0"}, "advertise: needs a port"),
        ({"bus_user": "relay"}, "give both, or neither"),
        ({"secret_file": None}, "cluster.secret_file: "),
        ({"secrets": "x"}, "--cluster-secrets: "),
        ({"limits": {"linger_s": 0}}, "linger_s must be above 0"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_place(changes: dict[str, Any], text: str) -> None:
    with pytest.raises(BadConfiguration) as caught:
        cluster(**changes)
    assert text in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_a_cluster_needs_a_lasting_key_and_takes_no_meeting_points() -> None:
    for others, text in (({}, "key_file"), ({"key_file": "k", "meeting_points": True}, "meeting")):
        with pytest.raises(BadConfiguration, match=f"cluster: .*{text}"):
            read_configuration(None, {}, {"cluster": GOOD, **others})


def test_the_environment_sets_it_too() -> None:
    environment = {
        "DUOLOGUE_RELAY_KEY_FILE": "k",
        "DUOLOGUE_RELAY_CLUSTER__NAME": "eu",
        "DUOLOGUE_RELAY_CLUSTER__NODE": "n7",
        "DUOLOGUE_RELAY_CLUSTER__SECRET_FILE": "s",
        "DUOLOGUE_RELAY_CLUSTER__BUS": "nats://a:4222, tls://b:4222",
        "DUOLOGUE_RELAY_CLUSTER__LISTEN": "[2001:db8::1]:8788",
        "DUOLOGUE_RELAY_CLUSTER__LIMITS__LINGER_S": "5",
    }
    found = read_configuration(None, environment, {}).cluster
    assert found is not None
    assert found.bus == ("nats://a:4222", "tls://b:4222")
    assert (found.node, found.limits.linger_s) == ("n7", 5)


def test_addresses_of_both_families_are_read() -> None:
    assert parse_host_port("[2001:db8::1]:8788") == ("2001:db8::1", 8788)
    assert parse_host_port("relay-a:0") == ("relay-a", 0)
    for wrong in ("relay-a:", ":8788", "a:b", "a:65536", "a:-1"):
        with pytest.raises(ValueError, match=r"host:port|no port"):
            parse_host_port(wrong)
