"""What the relay counts, for Prometheus. No key, address or payload is a label."""

from collections.abc import Callable, Iterable
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from duologue.relay.events import (
    Cause,
    Closed,
    Joined,
    NotOpened,
    Opened,
    Parted,
    Ponged,
    Refused,
    Registered,
    RelayEvent,
    Routed,
    TurnedAway,
)
from duologue.relay.pair import Traffic
from duologue.relay.server.server import RelayServer
from duologue.version import VERSION

PREFIX: Final = "duologue_relay_"
QUICK_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
LONG_S: Final = (1, 5, 15, 60, 300, 900, 3600, 14_400, 86_400)

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


SPARE_BUCKETS: Final = (1, 2, 4, 8)
"""Keys are counted by how many spares they have: up to each of these, and more."""


def _bucket_of(spares: int) -> str:
    return next((str(each) for each in SPARE_BUCKETS if spares <= each), "more")


class _State(Collector):
    """What is so at the moment of asking."""

    def __init__(self, server: RelayServer, ended: Callable[[], Traffic]) -> None:
        self._server = server
        self._ended = ended

    def collect(self) -> Iterable[Metric]:
        """See `Collector.collect`."""
        server = self._server
        connections = GaugeMetricFamily(
            f"{PREFIX}connections", "Open connections.", labels=["state"]
        )
        for stage, count in server.exchange.count_stages().items():
            connections.add_metric([stage.name.lower()], count)
        yield connections
        board = server.exchange.switchboard
        yield self._spares()
        for name, text, value in (
            ("registrations", "Keys that have a spare connection.", board.keys),
            ("pairs", "Joined conversations.", board.pairs),
            ("waiting_requests", "Requests that wait for a spare.", board.waiting),
            ("strangers", "Sockets that have not shown yet what they are.", server.door.strangers),
            ("draining", "1 while nobody new is let in.", server.is_draining),
            (
                "loop_lag_seconds",
                "How late the event loop was at most, in the last minute.",
                server.loop_lag_s,
            ),
        ):
            yield GaugeMetricFamily(PREFIX + name, text, value=value)
        yield from self._traffic()

    def _spares(self) -> Metric:
        family = GaugeMetricFamily(
            f"{PREFIX}spares",
            "Spare connections, by how many at most their key has.",
            labels=["bucket"],
        )
        spares = dict.fromkeys((*map(str, SPARE_BUCKETS), "more"), 0)
        for count, keys in self._server.exchange.switchboard.count_keys_by_spares().items():
            spares[_bucket_of(count)] += count * keys
        for bucket, number in spares.items():
            family.add_metric([bucket], number)
        return family

    def _traffic(self) -> Iterable[Metric]:
        # Both at once, so that what a pair has carried counts the same before and after its end.
        traffic = self._ended() + self._server.exchange.open_traffic()
        carried = CounterMetricFamily(
            f"{PREFIX}relayed_bytes",
            "Payload, from callers to listeners (up) and back.",
            labels=["direction"],
        )
        carried.add_metric(["up"], traffic.bytes_up)
        carried.add_metric(["down"], traffic.bytes_down)
        yield carried
        yield CounterMetricFamily(
            f"{PREFIX}relayed_frames", "Messages passed on, both ways.", value=traffic.frames
        )
        yield CounterMetricFamily(
            f"{PREFIX}backpressure_seconds",
            "Time in which one side was not read because the other was slow.",
            value=traffic.held_s,
        )


class RelayMetrics:
    """An `Observer` that counts."""

    def __init__(self) -> None:
        # A second series for each counter, with the time of its first count: half of all there is,
        # and of use to nobody. The library has only this switch for the whole process.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry(auto_describe=False)
        registry = self.registry

        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(PREFIX + name, text, labels, registry=registry)

        def histogram(name: str, text: str, buckets: tuple[float, ...]) -> Histogram:
            return Histogram(PREFIX + name, text, buckets=buckets, registry=registry)

        self._connections = counter("connections_total", "Connections that were open.", "outcome")
        self._turned_away = counter("connection_rejected_total", "Sockets turned away.", "reason")
        self._registrations = counter("registration_total", "Registrations.", "result")
        self._auth = histogram("auth_seconds", "From register to the proof.", QUICK_S)
        self._requests = counter("requests_total", "Requests for a peer.", "result")
        self._handover = histogram("handover_seconds", "From request to handover.", QUICK_S)
        self._parted = counter("pair_closed_total", "Pairs that have ended.", "reason")
        self._pair = histogram("pair_seconds", "How long pairs lasted.", LONG_S)
        self._rejected = counter("frame_rejected_total", "Frames and messages refused.", "reason")
        self._ended = Traffic()
        self._limits = counter("limit_hits_total", "Limits that were met.", "limit")
        self._ping = histogram("ping_rtt_seconds", "From ping to pong.", QUICK_S)
        self.unhandled = counter(
            "unhandled_exceptions_total", "Exceptions that reached the event loop: bugs."
        )
        build = Gauge(f"{PREFIX}build_info", "The version.", ["version"], registry=registry)
        build.labels(VERSION).set(1)

    def observe(self, server: RelayServer) -> None:
        """Show this relay's present state too."""
        self.registry.register(_State(server, lambda: self._ended))

    def exposition(self) -> bytes:
        """Everything, as Prometheus reads it."""
        return generate_latest(self.registry)

    def __call__(self, event: RelayEvent) -> None:
        """Count it."""
        match event:
            case Opened():
                pass
            case Closed(_, cause, _, fault):
                self._connections.labels("left" if cause is None else cause.value).inc()
                if fault:
                    self._rejected.labels(fault).inc()
            case NotOpened(_, reason):
                self._turned_away.labels(reason).inc()
            case TurnedAway(_, limit):
                self._turned_away.labels(limit).inc()
                self._limits.labels(limit).inc()
            case Registered(_, _, seconds):
                self._registrations.labels("registered").inc()
                self._auth.observe(seconds)
            case Refused(_, asked, cause, limit, _):
                self._count_refused(asked, cause)
                if limit:
                    self._limits.labels(limit).inc()
            case Ponged(_, seconds):
                self._ping.observe(seconds)
            case Joined(_, _, _, _, waited_s):
                self._requests.labels("joined").inc()
                self._handover.observe(waited_s)
            case Routed(_, _, waited_s):
                self._requests.labels("routed").inc()
                self._handover.observe(waited_s)
            case Parted():
                self._count_parted(event)

    def _count_refused(self, asked: str, cause: Cause) -> None:
        """In exactly one place."""
        if cause in (Cause.BAD_MESSAGE, Cause.BAD_KEY):
            self._rejected.labels(cause.value).inc()
        elif asked == "request":
            self._requests.labels(cause.value).inc()
        elif asked == "register" and cause is not Cause.SPARE_AGE:
            self._registrations.labels(cause.value).inc()
        # What else there is, too slow or too old, is in `connections_total` when it has closed.

    def _count_parted(self, event: Parted) -> None:
        self._parted.labels(event.cause.value).inc()
        self._pair.observe(event.seconds)
        self._ended += Traffic(
            event.bytes_up, event.bytes_down, event.frames_up + event.frames_down, event.held_s
        )
