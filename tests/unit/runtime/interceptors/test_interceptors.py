"""The interceptors that are ready for use."""

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from duologue import (
    CallContext,
    ConnectionClosed,
    DeadlineExceeded,
    GoingAway,
    Identity,
    Interceptor,
    InternalError,
    Invocation,
    LimitExceeded,
    Next,
    Unauthorised,
    intercepted,
)
from duologue.errors import CallError, DuologueError
from duologue.interceptors import (
    Authorisation,
    BearerToken,
    CallLog,
    Retrying,
    anyone,
    bearers_of,
    holders_of,
)
from duologue.interceptors.retrying import RetryBudget
from duologue.interceptors.tracing import Tracing
from duologue.testing import linked
from duologue.testing.conversation.service import CheckedClient, CheckedService, Refusal
from duologue.testing.conversation.timed_service import TimedClient, TimedService

ANN, BEN = Identity.generate(), Identity.generate()
CHECKED = "duologue.testing.v1.Checked"


# -- a line for each call --------------------------------------------------------------------------


async def test_each_call_is_one_line_with_named_fields_and_nothing_of_its_contents(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "duologue.calls")
    times: Iterator[float] = iter([1.0, 2.0, 2.25, 3.5, 5.0, 6.0, 7.0, 8.0])
    log = CallLog(clock=lambda: next(times))
    async with linked(intercepted(CheckedService(), log), CheckedClient, caller=ANN) as client:
        client = client.with_options(interceptors=[log])
        await client.echo(text="the secret")
        with pytest.raises(Refusal):
            await client.refuse(text="the secret")
    peer = ANN.public_key.hex()[:8]
    lines = [each for each in caplog.records if each.name == "duologue.calls"]
    assert [each.getMessage() for each in lines][0::2] == [
        f"served {CHECKED}/echo for {peer} in 250.0 ms: ok",
        f"served {CHECKED}/refuse for {peer} in 1000.0 ms: refusal",
    ]
    fields: Any = lines[1]
    assert (fields.event_name, fields.method) == ("call_made", f"{CHECKED}/echo")
    assert (fields.ms, fields.outcome) == (2500.0, "ok")
    assert not any("secret" in repr(vars(each)) for each in lines)


# -- who may ---------------------------------------------------------------------------------------


async def test_keys_that_were_proved_are_allowed_and_no_others() -> None:
    rules = Authorisation({f"{CHECKED}/*": holders_of({ANN.public_key})})
    async with linked(intercepted(CheckedService(), rules), CheckedClient, caller=ANN) as client:
        assert await client.echo(text="a") == "a"
    async with linked(intercepted(CheckedService(), rules), CheckedClient, caller=BEN) as client:
        with pytest.raises(Unauthorised, match="Checked/echo is not for this caller"):
            await client.echo(text="a")


@pytest.mark.parametrize("said", [None, "", "wrong", "the token", "the tokeN", "Bearer the token"])
async def test_tokens_are_compared_whole(said: str | None) -> None:
    rules = Authorisation({"*": bearers_of({"another", "the token"})})
    async with linked(intercepted(CheckedService(), rules), CheckedClient) as client:
        if said is not None:
            client = client.with_options(interceptors=[BearerToken(said)])
        if said == "the token":
            assert await client.echo(text="a") == "a"
        else:
            with pytest.raises(Unauthorised):
                await client.echo(text="a")


async def test_the_most_exact_rule_decides_alone_and_what_has_none_is_refused() -> None:
    async def never(_: object) -> bool:
        return False

    rules = Authorisation({f"{CHECKED}/*": anyone, f"{CHECKED}/note": never})
    timed = intercepted(TimedService(), rules)
    async with linked(intercepted(CheckedService(), rules), CheckedClient, offer=[timed]) as client:
        assert await client.echo(text="a") == "a"
        with pytest.raises(Unauthorised):
            await client.note(text="a")
    async with linked(timed, TimedClient) as other:
        with pytest.raises(Unauthorised):
            await other.left()


@pytest.mark.parametrize("pattern", ["", "join", "Rooms.join", "/join", "a.v1.Rooms/", "a.*/join"])
def test_a_rule_for_what_nothing_is_called_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"a rule is for 'package.Service/method'"):
        Authorisation({pattern: anyone})


def test_one_token_is_not_taken_for_several() -> None:
    with pytest.raises(TypeError, match="several tokens"):
        bearers_of("token")


# -- again -----------------------------------------------------------------------------------------


class Flaky(CheckedService):
    """Fails so often, in one way, before it answers."""

    def __init__(self, times: int, error: Exception) -> None:
        super().__init__()
        self.times = times
        self.error = error
        self.ran = 0

    def _fail(self) -> None:
        self.ran += 1
        if self.ran <= self.times:
            raise self.error

    def echo(self, params: Any, ctx: CallContext) -> str:
        self._fail()
        return str(params.text)

    def note(self, params: Any, ctx: CallContext) -> None:
        self._fail()


class RetryableError(Refusal):
    retry = "later"


def lost(sent: Any) -> ConnectionClosed:
    return ConnectionClosed("WSP-ONCL0", "", sent=sent)


THEIR_LINE = "the other side's max_waiting_calls"


@pytest.mark.parametrize(
    ("method", "error", "tries"),
    [
        ("echo", lost("yes"), 3),
        ("echo", lost("no"), 3),
        ("note", lost("no"), 3),
        ("note", lost("unknown"), 1),
        ("echo", GoingAway("bye"), 3),
        ("note", GoingAway("bye"), 3),
        ("note", LimitExceeded(THEIR_LINE, 5), 3),
        ("note", LimitExceeded("max_message_bytes", 5), 1),
        ("echo", DeadlineExceeded("late"), 1),
        ("echo", InternalError("oh"), 1),
        ("echo", RetryableError(why="x"), 3),
        ("note", RetryableError(why="x"), 1),
        ("echo", Refusal(why="x"), 1),
    ],
)
async def test_calls_are_repeated_as_their_effect_and_the_failure_allow(
    method: str, error: Any, tries: int
) -> None:
    """`echo` is declared `read`, `note` counts each time."""
    tried: list[int] = []
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    class Failing(Interceptor):
        async def calling(self, call: Invocation, next: Next[Any]) -> Any:
            tried.append(1)
            raise error

    retrying = Retrying(sleep=sleep, chance=lambda: 0.5, first_s=0.1)
    async with linked(CheckedService(), CheckedClient) as client:
        client = client.with_options(interceptors=[retrying, Failing()])
        with pytest.raises(DuologueError) as raised:
            await getattr(client, method)(text="a")
    assert raised.value is error
    assert len(tried) == tries
    assert slept == [0.05, 0.1][: tries - 1]


async def test_a_call_that_does_better_gives_its_result() -> None:
    class Now(Refusal):
        retry = "now"

    service = Flaky(2, CallError("", code="x"))

    async def sleep(seconds: float) -> None:
        raise AssertionError("`retry: now` waits for nothing")

    class Translating(Interceptor):
        async def calling(self, call: Invocation, next: Next[Any]) -> Any:
            try:
                return await next()
            except CallError:
                raise Now(why="") from None

    async with linked(service, CheckedClient) as client:
        client = client.with_options(interceptors=[Retrying(sleep=sleep), Translating()])
        assert await client.echo(text="a") == "a"
    assert service.ran == 3


def test_a_budget_is_paid_into_by_calls_and_ends() -> None:
    budget = RetryBudget(share=0.5, most=2)
    assert [budget.take() for _ in range(3)] == [True, True, False]
    budget.note_call()
    assert not budget.take()
    budget.note_call()
    assert [budget.take() for _ in range(2)] == [True, False]
    for _ in range(100):
        budget.note_call()
    assert budget.left == 2


@pytest.mark.parametrize(("share", "most"), [(-0.1, 5), (1.1, 5), (0.5, 0.9)])
def test_a_budget_that_cannot_be_is_refused(share: float, most: float) -> None:
    with pytest.raises(ValueError, match="a budget has a share"):
        RetryBudget(share, most)


# -- traces ----------------------------------------------------------------------------------------


class Traced:
    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.provider = TracerProvider()
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.interceptor = Tracing(self.provider)

    def spans(self) -> dict[tuple[str, SpanKind], Any]:
        found = self.exporter.get_finished_spans()
        return {(each.name.rpartition("/")[2], each.kind): each for each in found}


async def test_the_spans_of_both_sides_are_in_one_trace_and_of_what_a_handler_calls_too() -> None:
    here, there = Traced(), Traced()

    class Back(CheckedService):
        async def back(self, params: Any, ctx: CallContext) -> str:
            client = CheckedClient(ctx.peer, interceptors=[there.interceptor])
            return await client.echo(text=params.text)

    own = intercepted(CheckedService(), here.interceptor)
    service = intercepted(Back(), there.interceptor)
    async with linked(service, CheckedClient, offer=[own]) as client:
        client = client.with_options(interceptors=[here.interceptor])
        assert await client.back(text="the secret") == "the secret"
    made, served = here.spans()["back", SpanKind.CLIENT], there.spans()["back", SpanKind.SERVER]
    again, at_home = there.spans()["echo", SpanKind.CLIENT], here.spans()["echo", SpanKind.SERVER]
    assert len({each.context.trace_id for each in (made, served, again, at_home)}) == 1
    assert made.parent is None
    assert served.parent.span_id == made.context.span_id
    assert again.parent.span_id == served.context.span_id
    assert at_home.parent.span_id == again.context.span_id
    assert made.name == f"{CHECKED}/back"
    assert dict(made.attributes) == {
        "rpc.method": f"{CHECKED}/back",
        "rpc.system.name": "duologue",
        "duologue.call.kind": "unary",
        "server.address": "memory",
    }
    spans = [*here.exporter.get_finished_spans(), *there.exporter.get_finished_spans()]
    assert not any("secret" in each.to_json() for each in spans)


async def test_a_failure_is_an_error_at_the_caller_and_at_the_provider_only_its_own_faults() -> (
    None
):
    traced = Traced()
    service = intercepted(CheckedService(), traced.interceptor)
    async with linked(service, CheckedClient) as client:
        client = client.with_options(interceptors=[traced.interceptor])
        with pytest.raises(Refusal):
            await client.refuse(text="a")
        with pytest.raises(InternalError):
            await client.fail()
    spans = traced.spans()
    for method, code, at_provider in (
        ("refuse", "refusal", StatusCode.UNSET),
        ("fail", "INTERNAL", StatusCode.ERROR),
    ):
        made, served = spans[method, SpanKind.CLIENT], spans[method, SpanKind.SERVER]
        assert (made.status.status_code, served.status.status_code) == (
            StatusCode.ERROR,
            at_provider,
        )
        assert made.attributes["rpc.response.status_code"] == code
        assert made.attributes["error.type"] == served.attributes["error.type"] == code
        assert made.events == served.events == (), "no text of an exception is recorded"


async def test_a_call_with_items_is_one_span_to_its_end() -> None:
    traced = Traced()
    service = intercepted(CheckedService(), traced.interceptor)
    async with linked(service, CheckedClient) as client:
        client = client.with_options(interceptors=[traced.interceptor])
        async with client.count_up(number=3) as log:
            assert ("count_up", SpanKind.CLIENT) not in traced.spans()
            assert await log.result() == 3
    spans = traced.spans()
    made, served = spans["count_up", SpanKind.CLIENT], spans["count_up", SpanKind.SERVER]
    assert served.parent.span_id == made.context.span_id
    assert made.attributes["duologue.call.kind"] == "download"


async def test_a_traceparent_of_another_form_begins_a_trace_of_its_own() -> None:
    traced = Traced()
    service = intercepted(CheckedService(), traced.interceptor)
    async with linked(service, CheckedClient) as client:
        await client.with_options(meta={"traceparent": "nonsense"}).echo(text="a")
    assert traced.spans()["echo", SpanKind.SERVER].parent is None
