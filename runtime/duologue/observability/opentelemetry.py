"""Metrics for OpenTelemetry (extra `otel`); spans are made by `duologue.interceptors.tracing`."""

from opentelemetry.metrics import MeterProvider, get_meter

from duologue.observability.measures import SECONDS, Codes
from duologue.observer import CallSeen, ConnectionSeen, Direction, Observer, Outcome
from duologue.version import VERSION


class OpenTelemetry(Observer):
    """Counts and times what an endpoint does, as the RPC conventions say.

    `rpc.server.call.duration` and `rpc.client.call.duration` in seconds, by `rpc.method`,
    `rpc.system.name` and, on failure, `error.type`; and `duologue.connections`,
    `duologue.calls.active`, `duologue.items`, `duologue.events`, `duologue.events.missed`. Never
    keys, addresses or text.
    """

    def __init__(self, provider: MeterProvider | None = None) -> None:
        """By default the provider that the program has set up."""
        self._codes = Codes()
        meter = get_meter("duologue", VERSION, provider)
        bounds = list(SECONDS)
        self._served = meter.create_histogram(
            "rpc.server.call.duration", "s", explicit_bucket_boundaries_advisory=bounds
        )
        self._made = meter.create_histogram(
            "rpc.client.call.duration", "s", explicit_bucket_boundaries_advisory=bounds
        )
        self._connections = meter.create_up_down_counter("duologue.connections", "{connection}")
        self._active = meter.create_up_down_counter("duologue.calls.active", "{call}")
        self._items = meter.create_counter("duologue.items", "{item}")
        self._events = meter.create_counter("duologue.events", "{event}")
        self._missed = meter.create_counter("duologue.events.missed", "{event}")

    def connection_opened(self, connection: ConnectionSeen) -> None:
        """See `Observer`."""
        self._connections.add(1)

    def connection_closed(self, connection: ConnectionSeen, code: int, reason: str) -> None:
        """See `Observer`."""
        self._connections.add(-1)

    def call_started(self, call: CallSeen) -> None:
        """See `Observer`."""
        self._active.add(1, {"duologue.side": "client" if call.is_own else "server"})

    def call_ended(self, call: CallSeen, outcome: Outcome) -> None:
        """See `Observer`."""
        self._active.add(-1, {"duologue.side": "client" if call.is_own else "server"})
        attributes = {"rpc.method": call.method, "rpc.system.name": "duologue"}
        code = self._codes.label(call, outcome.code)
        if code:
            attributes["error.type"] = code
        (self._made if call.is_own else self._served).record(outcome.seconds, attributes)

    def items(self, call: CallSeen, direction: Direction, number: int, size: int) -> None:
        """See `Observer`."""
        self._items.add(number, {"rpc.method": call.method, "duologue.direction": direction})

    def event(self, name: str, direction: Direction, missed: int) -> None:
        """See `Observer`."""
        attributes = {"duologue.event": name, "duologue.direction": direction}
        self._events.add(1, attributes)
        if missed:
            self._missed.add(missed, attributes)
