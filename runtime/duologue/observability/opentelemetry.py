"""Metrics for OpenTelemetry (extra `otel`); spans are made by `duologue.interceptors.tracing`."""

from collections.abc import Iterable

from opentelemetry.metrics import CallbackOptions, MeterProvider, Observation, get_meter

from duologue.observability.measures import SECONDS, Codes, OpenNow
from duologue.observer import CallSeen, Direction, Outcome
from duologue.version import VERSION


class OpenTelemetry(OpenNow):
    """Counts and times what an endpoint does, as the RPC conventions say.

    `rpc.server.call.duration` and `rpc.client.call.duration` in seconds, by `rpc.method`,
    `rpc.system.name` and, on failure, `error.type`; and `duologue.connections`,
    `duologue.calls.active`, `duologue.items`, `duologue.events`, `duologue.events.missed`. Never
    keys, addresses or text.
    """

    def __init__(self, provider: MeterProvider | None = None) -> None:
        """By default the provider that the program has set up."""
        super().__init__()
        self._codes = Codes()
        meter = get_meter("duologue", VERSION, provider)
        bounds = list(SECONDS)
        self._served = meter.create_histogram(
            "rpc.server.call.duration", "s", explicit_bucket_boundaries_advisory=bounds
        )
        self._made = meter.create_histogram(
            "rpc.client.call.duration", "s", explicit_bucket_boundaries_advisory=bounds
        )
        self._attributes: dict[tuple[bool, str, str], dict[str, str]] = {}
        # Asked when somebody reads them, not told at each change.
        meter.create_observable_up_down_counter(
            "duologue.connections", [self._observe_open], "{connection}"
        )
        meter.create_observable_up_down_counter(
            "duologue.calls.active", [self._observe_active], "{call}"
        )
        self._items = meter.create_counter("duologue.items", "{item}")
        self._events = meter.create_counter("duologue.events", "{event}")
        self._missed = meter.create_counter("duologue.events.missed", "{event}")

    def call_ended(self, call: CallSeen, outcome: Outcome) -> None:
        """See `Observer`."""
        self._active[call.is_own] -= 1
        key = call.is_own, call.method, self._codes.label(call, outcome.code)
        attributes = self._attributes.get(key)
        if attributes is None:
            attributes = {"rpc.method": call.method, "rpc.system.name": "duologue"}
            if key[2]:
                attributes["error.type"] = key[2]
            self._attributes[key] = attributes
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

    def _observe_open(self, _: CallbackOptions) -> Iterable[Observation]:
        return [Observation(self._open)]

    def _observe_active(self, _: CallbackOptions) -> Iterable[Observation]:
        return [
            Observation(self._active[is_own], {"duologue.side": side})
            for is_own, side in ((True, "client"), (False, "server"))
        ]
