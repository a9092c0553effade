"""Metrics of conversations for Prometheus (`prometheus-client`, extra `relay`)."""

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram

from duologue.observability.measures import SECONDS, Codes
from duologue.observer import CallSeen, ConnectionSeen, Direction, Observer, Outcome


class Prometheus(Observer):
    """Counts and times what an endpoint does; one object for all endpoints of a program.

    Names are those that the OpenTelemetry exporter gives to the same instruments:
    `rpc_server_call_duration_seconds`, `rpc_client_call_duration_seconds` (by `rpc_method` and
    `error_type`), `duologue_connections`, `duologue_calls_active`, `duologue_items_total`,
    `duologue_events_total`, `duologue_events_missed_total`. Labels are methods of contracts,
    directions and codes; never keys, addresses or text.
    """

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        self._codes = Codes()
        labels = ("rpc_method", "error_type")
        self._served = Histogram(
            "rpc_server_call_duration_seconds",
            "How long served calls took.",
            labels,
            buckets=SECONDS,
            registry=registry,
        )
        self._made = Histogram(
            "rpc_client_call_duration_seconds",
            "How long calls took that were made.",
            labels,
            buckets=SECONDS,
            registry=registry,
        )
        self._connections = Gauge(
            "duologue_connections", "Connections that are open.", registry=registry
        )
        self._active = Gauge(
            "duologue_calls_active", "Calls without an answer.", ("side",), registry=registry
        )
        self._items = Counter(
            "duologue_items", "Items of streams.", ("rpc_method", "direction"), registry=registry
        )
        self._events = Counter(
            "duologue_events", "Events.", ("event", "direction"), registry=registry
        )
        self._missed = Counter(
            "duologue_events_missed",
            "Events that were dropped before they were sent.",
            ("event", "direction"),
            registry=registry,
        )

    def connection_opened(self, connection: ConnectionSeen) -> None:
        """See `Observer`."""
        self._connections.inc()

    def connection_closed(self, connection: ConnectionSeen, code: int, reason: str) -> None:
        """See `Observer`."""
        self._connections.dec()

    def call_started(self, call: CallSeen) -> None:
        """See `Observer`."""
        self._active.labels("client" if call.is_own else "server").inc()

    def call_ended(self, call: CallSeen, outcome: Outcome) -> None:
        """See `Observer`."""
        self._active.labels("client" if call.is_own else "server").dec()
        histogram = self._made if call.is_own else self._served
        code = self._codes.label(call, outcome.code)
        histogram.labels(call.method, code).observe(outcome.seconds)

    def items(self, call: CallSeen, direction: Direction, number: int, size: int) -> None:
        """See `Observer`."""
        self._items.labels(call.method, direction).inc(number)

    def event(self, name: str, direction: Direction, missed: int) -> None:
        """See `Observer`."""
        self._events.labels(name, direction).inc()
        if missed:
            self._missed.labels(name, direction).inc(missed)
