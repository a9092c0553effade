"""Metrics of conversations for Prometheus (`prometheus-client`, extra `relay`)."""

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram

from duologue.observability.measures import SECONDS, Codes, OpenNow
from duologue.observer import CallSeen, Direction, Outcome


class Prometheus(OpenNow):
    """Counts and times what an endpoint does; one object for all endpoints of a program.

    Names are those that the OpenTelemetry exporter gives to the same instruments:
    `rpc_server_call_duration_seconds`, `rpc_client_call_duration_seconds` (by `rpc_method` and
    `error_type`), `duologue_connections`, `duologue_calls_active`, `duologue_items_total`,
    `duologue_events_total`, `duologue_events_missed_total`. Labels are methods of contracts,
    directions and codes; never keys, addresses or text.
    """

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        super().__init__()
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
        self._timing: dict[tuple[bool, str, str], Histogram] = {}
        """The series that have been met: to look one up in the library takes longer."""
        # Asked when somebody reads them, not set at each change.
        connections = Gauge("duologue_connections", "Connections that are open.", registry=registry)
        connections.set_function(lambda: self._open)
        active = Gauge(
            "duologue_calls_active", "Calls without an answer.", ("side",), registry=registry
        )
        active.labels("client").set_function(lambda: self._active[True])
        active.labels("server").set_function(lambda: self._active[False])
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

    def call_ended(self, call: CallSeen, outcome: Outcome) -> None:
        """See `Observer`."""
        self._active[call.is_own] -= 1
        key = call.is_own, call.method, self._codes.label(call, outcome.code)
        series = self._timing.get(key)
        if series is None:
            histogram = self._made if call.is_own else self._served
            series = self._timing[key] = histogram.labels(*key[1:])
        series.observe(outcome.seconds)

    def items(self, call: CallSeen, direction: Direction, number: int, size: int) -> None:
        """See `Observer`."""
        self._items.labels(call.method, direction).inc(number)

    def event(self, name: str, direction: Direction, missed: int) -> None:
        """See `Observer`."""
        self._events.labels(name, direction).inc()
        if missed:
            self._missed.labels(name, direction).inc(missed)
