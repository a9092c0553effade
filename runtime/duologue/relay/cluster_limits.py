"""Every bound of a relay's part in a cluster: name with unit, default, and the reason for it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterLimits:
    """The bounds of one node, beside its `RelayLimits`; those hold per node.

    Every value is checked when the object is made: a bound that is not above 0 is a `ValueError`.
    """

    # -- a request that looks for a listener at other nodes -------------------------------------

    find_again_s: float = 0.25
    """After so long without an answer a question is asked again. 130 times the p99 of an answer;
    also what one lost question costs."""

    second_look_s: float = 0.1
    """Between two "nobody" of all servers, before they are believed. Four times the longest lag of
    NATS routes that was seen."""

    request_deadline_s: float = 3.0
    """Everything about one request is settled by then: `spare_wait_s`, and one
    `link_open_timeout_s`."""

    linger_s: float = 2.5
    """How long a node answers for a key whose last spare was used: `spare_wait_s`, and two
    askings."""

    max_lookups: int = 5_000
    """Requests that look for a listener at once; as `max_pairs`. One more is refused."""

    max_visits: int = 5_000
    """Callers of this node that are joined elsewhere, and callers of others that are joined here:
    so many of each, as `max_pairs`. One more is refused."""

    # -- the bus --------------------------------------------------------------------------------

    bus_doubt_s: float = 60.0
    """After a server came back, its "nobody" is not believed for so long: nodes are still telling
    it their keys. Two million keys take 45 s."""

    bus_ping_s: float = 5.0
    """Between two pings to a NATS server."""

    bus_pings_missed: int = 2
    """Then a silent server counts as down: it is noticed within 15 s."""

    bus_backoff_max_s: float = 2.0
    """Pauses between two tries to reach a server grow from `bus_backoff_min_s` to this, with full
    jitter, for ever: 100 nodes come back over some two seconds."""

    bus_backoff_min_s: float = 0.1
    """The first pause before a server is tried again."""

    bus_pending_bytes: int = 4 * 1024 * 1024
    """Unsent to one server; above it that server counts as down. 10,000 subscriptions are
    0.6 MB."""

    bus_unread_bytes: int = 65_536
    """Of one message that a server has begun and not ended; ours have 1 KiB. Above it the server
    counts as down: it is none, or means harm."""

    answers_per_s: float = 5_000.0
    """Questions that are looked at, of all nodes; those above are dropped and counted. 11 % of a
    core."""

    answers_per_s_per_node: float = 2_500.0
    """Those of one node, half of all: however many it asks, it loses its own questions, and the
    others get answers. A node with 100 callers a second asks 200."""

    # -- between nodes --------------------------------------------------------------------------

    link_open_timeout_s: float = 1.0
    """For TCP and hello to another node, which take 2 ms in one data centre; and for its first
    word on a visit."""

    node_bad_s: float = 5.0
    """So long a node that could not be connected is the last choice; it is never left out."""

    links_in_stock: int = 2
    """Connections that are kept ready for each node that was visited lately; with 100 nodes, 200
    descriptors."""

    stock_idle_s: float = 60.0
    """A node that was not visited for so long has no connections in stock."""

    stock_ping_s: float = 20.0
    """Between two pings on a connection in stock."""

    stock_pong_timeout_s: float = 10.0
    """For the answer to that."""

    max_link_strangers: int = 64
    """Connections at the node port that have proved nothing yet, 4 KiB each. One more, and the
    oldest is dropped."""

    link_hello_timeout_s: float = 2.0
    """For proving something at the node port."""

    link_socket_bytes: int = 262_144
    """Each buffer of the socket between two nodes: 1 Gbit/s over 2 ms. Left to itself Linux takes
    17 MB for a stopped visit."""

    def __post_init__(self) -> None:
        for name in self.__slots__:
            value = getattr(self, name)
            if not value > 0:
                raise ValueError(f"ClusterLimits.{name} must be above 0 but is {value!r}")
