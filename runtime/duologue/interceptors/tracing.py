"""Spans of OpenTelemetry for calls, and one trace for both sides of each (extra `otel`)."""

import asyncio
from collections.abc import Mapping
from typing import Final, TypeVar

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.propagate import get_global_textmap
from opentelemetry.propagators.textmap import Setter, TextMapPropagator
from opentelemetry.trace import SpanKind, Status, StatusCode, Tracer, TracerProvider
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from duologue.errors import CallError, ContractError
from duologue.interceptors.call_log import outcome_of
from duologue.typed.interceptors import Interceptor, Invocation, Next
from duologue.version import VERSION

R = TypeVar("R")

RPC_METHOD: Final = "rpc.method"
RPC_SYSTEM_NAME: Final = "rpc.system.name"
RPC_STATUS_CODE: Final = "rpc.response.status_code"
ERROR_TYPE: Final = "error.type"
SERVER_ADDRESS: Final = "server.address"
CLIENT_ADDRESS: Final = "client.address"
KIND: Final = "duologue.call.kind"
"""The keys of attributes; the first five are those of the RPC conventions. Constants of ours, since
the Python package of the conventions still files them under a private name."""

_FAULTS_OF_PROVIDER: Final = frozenset(
    ("INTERNAL", "INVALID_RESULT", "DEADLINE_EXCEEDED", "UNIMPLEMENTED")
)
"""Outcomes that are errors of the span at the provider; a declared error is an answer."""


class _MetaSetter(Setter[dict[str, str]]):
    def set(self, carrier: dict[str, str], key: str, value: str) -> None:
        carrier[key] = value


_SETTER: Final = _MetaSetter()


class Tracing(Interceptor):
    """A span for each call, at each side that has this one.

    The span of a served call is a child of its caller's: what ties them together travels in the
    metadata (`traceparent`, `tracestate`), to sides that know metadata. Of a call with items the
    span lasts from the request to the end.

        connect(url, interceptors=[Tracing()])
        serve(Rooms(), interceptors=[Tracing()])

    Names and attributes are those of the RPC conventions: `rpc.method`, `rpc.system.name`,
    `error.type`, `rpc.response.status_code`; never params, results, keys or texts of errors.
    """

    def __init__(
        self,
        provider: TracerProvider | None = None,
        *,
        propagator: TextMapPropagator | None = None,
        baggage: bool = False,
    ) -> None:
        """By default the provider that the program has set up. With `baggage` travels what the
        program's propagators say, else only what ties spans together."""
        self._tracer: Tracer = trace.get_tracer("duologue", VERSION, provider)
        usual = get_global_textmap() if baggage else TraceContextTextMapPropagator()
        self._propagator = propagator or usual

    async def calling(self, call: Invocation, next: Next[R]) -> R:
        """See `Interceptor`."""
        with self._tracer.start_as_current_span(
            call.method,
            kind=SpanKind.CLIENT,
            attributes=_attributes(call, SERVER_ADDRESS),
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            self._propagator.inject(call.meta, setter=_SETTER)
            return await _watched(span, next, is_caller=True)

    async def serving(self, call: Invocation, next: Next[R]) -> R:
        """See `Interceptor`."""
        parent: Context = self._propagator.extract(call.meta, context=Context())
        with self._tracer.start_as_current_span(
            call.method,
            context=parent,
            kind=SpanKind.SERVER,
            attributes=_attributes(call, CLIENT_ADDRESS),
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            return await _watched(span, next, is_caller=False)


def _attributes(call: Invocation, address_key: str) -> Mapping[str, str]:
    attributes = {RPC_METHOD: call.method, RPC_SYSTEM_NAME: "duologue", KIND: call.kind}
    address = call.peer.remote_address
    return attributes if address is None else {**attributes, address_key: address}


async def _watched(span: trace.Span, next: Next[R], *, is_caller: bool) -> R:
    try:
        return await next()
    except (Exception, asyncio.CancelledError) as error:
        outcome = outcome_of(error)
        span.set_attribute(ERROR_TYPE, outcome)
        if isinstance(error, CallError):
            span.set_attribute(RPC_STATUS_CODE, outcome)
        is_answer = isinstance(error, ContractError) or outcome not in _FAULTS_OF_PROVIDER
        if is_caller or not is_answer:
            span.set_status(Status(StatusCode.ERROR))
        raise
