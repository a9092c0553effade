"""What a node counts, for Prometheus. No key, address or node name is a label."""

from collections.abc import Iterable, Mapping
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from duologue.relay.cluster.nats_bus import NatsBus
from duologue.relay.cluster.node import ClusterNode
from duologue.relay.server.metrics import PREFIX, QUICK_S

ANSWER_BUCKETS: Final = (0, 1, 2, 4, 8)
"""Lookups are counted by how many nodes have answered: up to each of these, and more."""


class ClusterMetrics:
    """Observes durations, and shows what a node counts itself."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self._seconds = {
            name: Histogram(f"{PREFIX}{name}_seconds", text, buckets=QUICK_S, registry=registry)
            for name, text in (
                ("lookup", "From a request that is not served here until it is settled."),
                ("visit", "From dialling another node until its answer to a visit."),
            )
        }
        self._answers = Counter(
            f"{PREFIX}lookup_answers", "Lookups by answers.", ["bucket"], registry=registry
        )

    def observe(self, name: str, value: float) -> None:
        """Take one value: `lookup` and `visit` in seconds, `answers` as a number."""
        if name == "answers":
            found = (str(each) for each in ANSWER_BUCKETS if value <= each)
            self._answers.labels(next(found, "more")).inc()
        else:
            self._seconds[name].observe(value)

    def show(self, node: ClusterNode, bus: NatsBus) -> None:
        """Show this node's counts and present state too."""
        self._registry.register(_NodeState(node, bus))


class _NodeState(Collector):
    """What is so at the moment of asking."""

    def __init__(self, node: ClusterNode, bus: NatsBus) -> None:
        self._node = node
        self._bus = bus

    def collect(self) -> Iterable[Metric]:
        """See `Collector.collect`."""
        node, bus = self._node, self._bus
        up = GaugeMetricFamily(
            f"{PREFIX}bus_up", "Whether a NATS server is up, by its place.", labels=["server"]
        )
        for number, fault in enumerate(bus.faults()):
            up.add_metric([str(number + 1)], 0 if fault else 1)
        yield up
        for name, text, value in (
            ("bus_in_doubt", '1 while no server\'s "nobody" is believed.', bus.is_in_doubt()),
            ("bus_subscriptions", "Subjects subscribed to, at each server.", len(bus.wanted)),
            ("lookups_open", "Requests that look for their listener.", len(node.lookups)),
            ("links_in_stock", "Connections to other nodes that are ready.", len(node.stock)),
        ):
            yield GaugeMetricFamily(PREFIX + name, text, value=float(value))
        visits = GaugeMetricFamily(
            f"{PREFIX}visits", "Callers joined at, or from, other nodes.", labels=["side"]
        )
        visits.add_metric(["arrival"], node.lookups.routed)
        visits.add_metric(["holder"], len(node.visits_in))
        yield visits
        yield _by("bus_messages", "Messages on the bus.", "kind", node.messages)
        yield _by("bus_rejected", "Messages on the bus that were dropped.", "reason", node.rejected)
        yield CounterMetricFamily(
            f"{PREFIX}bus_reconnects", "Servers that came back.", value=bus.reconnects()
        )
        counts = node.lookups.counts
        yield _by("lookups", "Requests not served at once.", "result", counts.lookups)
        total = CounterMetricFamily(f"{PREFIX}visits", "Visits.", labels=["side", "result"])
        for result, count in counts.visits.items():
            total.add_metric(["arrival", result], count)
        for name, count in node.visits_in_counts.items():
            if name.startswith("visit_"):
                total.add_metric(["holder", name.removeprefix("visit_")], count)
        yield total
        links = dict(node.links)
        for name, count in node.visits_in_counts.items():
            if not name.startswith("visit_"):
                links[name] = links.get(name, 0) + count
        yield _by("links", "Connections between nodes.", "result", links)
        up_bytes, down_bytes, stalls = node.lookups.carried()
        carried = CounterMetricFamily(
            f"{PREFIX}tunnel_bytes", "Bytes through this node to others.", labels=["direction"]
        )
        carried.add_metric(["up"], up_bytes)
        carried.add_metric(["down"], down_bytes)
        yield carried
        yield CounterMetricFamily(
            f"{PREFIX}tunnel_stalls", "Times one side of a tunnel waited.", value=stalls
        )


def _by(name: str, text: str, label: str, counts: Mapping[str, int]) -> Metric:
    family = CounterMetricFamily(PREFIX + name, text, labels=[label])
    for value, count in counts.items():
        family.add_metric([value], count)
    return family
