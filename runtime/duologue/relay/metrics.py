"""What the relay counts, for Prometheus. No key, address or payload is a label."""

from collections.abc import Iterable
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from duologue.relay.events import (
    Closed,
    Event,
    Joined,
    Opened,
    Parted,
    Ponged,
    Refused,
    Registered,
    TurnedAway,
)
from duologue.relay.server import RelayServer
from duologue.version import VERSION

PREFIX: Final = "duologue_relay_"
QUICK_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
LONG_S: Final = (1, 5, 15, 60, 300, 900, 3600, 14_400, 86_400)

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


class _State(Collector):
    """What is so at the moment of asking."""

    def __init__(self, server: RelayServer) -> None:
        self._server = server

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """See `Collector.collect`."""
        server = self._server
        connections = GaugeMetricFamily(
            f"{PREFIX}connections", "Open connections.", labels=["state"]
        )
        for stage, count in server.exchange.count_stages().items():
            connections.add_metric([stage.name.lower()], count)
        yield connections
        board = server.exchange.switchboard
        for name, text, value in (
            ("registrations", "Keys that have a spare connection.", board.keys),
            ("spares", "Spare connections.", board.spares),
            ("pairs", "Joined conversations.", board.pairs),
            ("waiting_requests", "Requests that wait for a spare.", board.waiting),
            ("strangers", "Sockets that have not shown yet what they are.", server.door.strangers),
            (
                "loop_lag_seconds",
                "How late the event loop was at the last look.",
                server.loop_lag_s,
            ),
        ):
            yield GaugeMetricFamily(PREFIX + name, text, value=value)


class RelayMetrics:
    """An `Observer` that counts."""

    def __init__(self) -> None:
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
        self._bytes = counter("relayed_bytes_total", "Payload of ended pairs.", "direction")
        self._frames = counter("relayed_frames_total", "Frames of ended pairs.")
        self._held = counter("backpressure_seconds_total", "Not read because of a slow reader.")
        self._refused = counter("frame_rejected_total", "Messages that were refused.", "reason")
        self._limits = counter("limit_hits_total", "Limits that were met.", "limit")
        self._ping = histogram("ping_rtt_seconds", "From ping to pong.", QUICK_S)
        self.unhandled = counter(
            "unhandled_exceptions_total", "Exceptions that reached the event loop: bugs."
        )
        build = Gauge(f"{PREFIX}build_info", "The version.", ["version"], registry=registry)
        build.labels(VERSION).set(1)

    def observe(self, server: RelayServer) -> None:
        """Show this relay's present state too."""
        self.registry.register(_State(server))

    def exposition(self) -> bytes:
        """Everything, as Prometheus reads it."""
        return generate_latest(self.registry)

    def __call__(self, event: Event) -> None:
        """Count it."""
        match event:
            case Opened():
                pass
            case Closed(_, cause, _):
                self._connections.labels("left" if cause is None else cause.value).inc()
            case TurnedAway(_, limit):
                self._turned_away.labels(limit).inc()
                self._limits.labels(limit).inc()
            case Registered(_, _, seconds):
                self._registrations.labels("registered").inc()
                self._auth.observe(seconds)
            case Refused(_, asked, cause, limit, _):
                if asked == "register":
                    self._registrations.labels(cause.value).inc()
                elif asked == "request":
                    self._requests.labels(cause.value).inc()
                else:
                    self._refused.labels(cause.value).inc()
                if limit:
                    self._limits.labels(limit).inc()
            case Ponged(_, seconds):
                self._ping.observe(seconds)
            case Joined(_, _, _, _, waited_s):
                self._requests.labels("joined").inc()
                self._handover.observe(waited_s)
            case Parted():
                self._count_parted(event)

    def _count_parted(self, event: Parted) -> None:
        self._parted.labels(event.cause.value).inc()
        self._pair.observe(event.seconds)
        self._bytes.labels("up").inc(event.bytes_up)
        self._bytes.labels("down").inc(event.bytes_down)
        self._frames.inc(event.frames_up + event.frames_down)
        self._held.inc(event.held_s)
