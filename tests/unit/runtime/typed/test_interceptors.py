"""What stands around calls, on both sides, unary and with items."""

import asyncio
from typing import TypeVar

import pytest

from duologue import (
    Cancelled,
    Interceptor,
    Invocation,
    LimitExceeded,
    Next,
    Unauthorised,
    intercepted,
)
from duologue.endpoints.manner import Manner
from duologue.errors import InternalError
from duologue.limits import Limits
from duologue.testing import connected_pair
from duologue.testing.conversation.service import (
    CheckedClient,
    CheckedService,
    Refusal,
    Step,
    Words,
)
from duologue.testing.conversation.timed_service import TimedClient, TimedService
from duologue.typed.service import Offer, Service
from tests.support import turns

R = TypeVar("R")


class Noting(Interceptor):
    """Notes what it sees, under a name."""

    def __init__(self, name: str, noted: list[str]) -> None:
        self.name = name
        self.noted = noted
        self.calls: list[Invocation] = []

    async def calling(self, call: Invocation, next: Next[R]) -> R:
        return await self._note("calling", call, next)

    async def serving(self, call: Invocation, next: Next[R]) -> R:
        return await self._note("serving", call, next)

    async def _note(self, what: str, call: Invocation, next: Next[R]) -> R:
        self.calls.append(call)
        name = call.method.rpartition("/")[2]
        self.noted.append(f"{self.name} {what} {name}")
        try:
            result = await next()
        except BaseException as error:
            self.noted.append(f"{self.name} {name}: {type(error).__name__}")
            raise
        self.noted.append(f"{self.name} {name}: done")
        return result


class Linked:
    """Two peers in memory, each end with interceptors of its own."""

    def __init__(
        self,
        *services: Service,
        left: tuple[Interceptor, ...] = (),
        right: tuple[Interceptor, ...] = (),
        offer: tuple[Service, ...] = (),
    ) -> None:
        wires = connected_pair(Limits())
        options = Manner.of("serve", Offer(services), None, {"interceptors": left})
        self.provider = options.begin(wires[0], "acceptor")
        options = Manner.of("connect", Offer(offer), None, {"interceptors": right})
        self.caller = options.begin(wires[1], "connector")

    async def __aenter__(self) -> "Linked":
        await self.caller.introduced()
        await self.provider.introduced()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.caller.close()
        await self.caller.promise.wait()
        await self.provider.promise.wait()


async def test_the_first_sees_a_call_first_and_its_outcome_last_on_both_sides() -> None:
    noted: list[str] = []
    service = intercepted(CheckedService(), Noting("service", noted), Noting("inner", noted))
    async with Linked(
        service, left=(Noting("provider", noted),), right=(Noting("caller", noted),)
    ) as linked:
        client = CheckedClient(linked.caller, interceptors=[Noting("client", noted)])
        assert await client.echo(text="a") == "a"
    assert noted == [
        "caller calling echo",
        "client calling echo",
        "provider serving echo",
        "service serving echo",
        "inner serving echo",
        "inner echo: done",
        "service echo: done",
        "provider echo: done",
        "client echo: done",
        "caller echo: done",
    ]


async def test_a_call_is_described_by_its_contract() -> None:
    noting = Noting("", [])
    async with Linked(CheckedService(), TimedService(), left=(noting,), right=(noting,)) as linked:
        client = CheckedClient(linked.caller, meta={"a": "b"})
        await client.echo(text="hi")
        async with client.count(number=1):
            pass
        async with client.mirror():
            pass
        assert await client.add() == 0
        made, served, *rest = noting.calls
        for call in (made, served):
            assert (call.method, call.service) == (
                "duologue.testing.v1.Checked/echo",
                "duologue.testing.v1.Checked",
            )
            assert (call.kind, call.effect, call.meta) == ("unary", "read", {"a": "b"})
            assert call.params == Words(text="hi")
            assert call.params is call.params
        assert made.peer is linked.caller
        assert served.peer is linked.provider
        kinds = [call.kind for call in rest]
        assert sorted(kinds) == ["download"] * 2 + ["duplex"] * 2 + ["upload"] * 2
        assert next(call.params for call in rest if call.kind == "duplex") is None
        assert next(call.params for call in rest if call.kind == "download") == Step(number=1)


async def test_metadata_that_is_added_goes_with_the_call_and_comes_back_with_the_answer() -> None:
    class Adding(Interceptor):
        async def calling(self, call: Invocation, next: Next[R]) -> R:
            call.meta["who"] = "me"
            try:
                return await next()
            finally:
                seen.append(dict(call.answer_meta))

        async def serving(self, call: Invocation, next: Next[R]) -> R:
            call.answer_meta["cost"] = "5"
            call.meta["who"] = "somebody else"
            return await next()

    seen: list[dict[str, str]] = []
    async with Linked(TimedService(), left=(Adding(),), right=(Adding(),)) as linked:
        assert await TimedClient(linked.caller).say(text="who") == "me"
        with pytest.raises(Refusal):
            await TimedClient(linked.caller).say(text="what")
    assert seen == [{"cost": "5", "who": "me"}] * 2


async def test_a_provider_refuses_calls_of_every_kind_and_nothing_runs() -> None:
    class Closed(Interceptor):
        async def serving(self, call: Invocation, next: Next[R]) -> R:
            raise Unauthorised("closed today")

    service = CheckedService()
    async with Linked(intercepted(service, Closed())) as linked:
        client = CheckedClient(linked.caller)
        with pytest.raises(Unauthorised, match="closed today"):
            await client.note(text="a")
        with pytest.raises(Unauthorised, match="closed today"):
            await anext(client.count(number=5))
        with pytest.raises(Unauthorised, match="closed today"):
            await client.add()
        with pytest.raises(Unauthorised, match="closed today"):
            async with client.on_told() as told:
                await anext(told)
    assert service.noted == []


async def test_a_caller_refuses_calls_of_every_kind_and_nothing_is_sent() -> None:
    class Closed(Interceptor):
        async def calling(self, call: Invocation, next: Next[R]) -> R:
            raise LimitExceeded("my_budget", 0)

    async with Linked(CheckedService(), right=(Closed(),)) as linked:
        client = CheckedClient(linked.caller)
        sent = linked.caller.stats.bytes_sent
        with pytest.raises(LimitExceeded, match="my_budget"):
            await client.echo(text="a")
        with pytest.raises(LimitExceeded, match="my_budget"):
            await anext(client.count(number=5))
        with pytest.raises(LimitExceeded, match="my_budget"):
            await client.add()
        with pytest.raises(LimitExceeded, match="my_budget"):
            async with client.mirror():
                raise AssertionError("it was entered")
        assert linked.caller.stats.bytes_sent == sent


async def test_a_call_with_items_is_one_call_from_its_beginning_to_its_end() -> None:
    noted: list[str] = []
    service = CheckedService()
    both = Noting("caller", noted), Noting("provider", noted)
    async with Linked(service, left=both[1:], right=both[:1]) as linked:
        client = CheckedClient(linked.caller)
        async with client.count_up(number=3) as log:
            assert [item.number async for item in log] == [0, 1, 2]
            assert noted[0] == "caller calling count_up"
            assert await log.result() == 3
        assert noted[-1] == "caller count_up: done"
        noted.clear()
        async with client.mirror() as exchange:
            await exchange.send(Step(number=1))
            assert (await anext(exchange)).number == 1
        await service.ended.wait()
        await turns()
        assert noted == [
            "caller calling mirror",
            "provider serving mirror",
            "caller mirror: Cancelled",
            "provider mirror: CancelledError",
        ]
        noted.clear()
        async with client.count(number=1, data=b"x") as log:
            await anext(log)
            with pytest.raises(Refusal):
                await anext(log)
        await turns()
        assert noted[2:] == ["provider count: Refusal", "caller count: Refusal"]


async def test_who_gives_a_call_with_items_up_while_it_is_delayed_has_made_none() -> None:
    class Slow(Interceptor):
        async def calling(self, call: Invocation, next: Next[R]) -> R:
            await asyncio.get_running_loop().create_future()
            return await next()

    async with Linked(CheckedService(), right=(Slow(),)) as linked:
        call = CheckedClient(linked.caller).count(number=5)
        entering = asyncio.ensure_future(call.__aenter__())
        await turns()
        call.cancel()
        with pytest.raises((asyncio.CancelledError, Cancelled)):
            await entering
        assert linked.provider.stats.requests_received_total == 0


async def test_a_unary_call_can_be_repeated_by_its_caller_and_by_nobody_else() -> None:
    class Twice(Interceptor):
        async def calling(self, call: Invocation, next: Next[R]) -> R:
            await next()
            return await next()

        async def serving(self, call: Invocation, next: Next[R]) -> R:
            await next()
            return await next()

    service = CheckedService()
    async with Linked(service, right=(Twice(),)) as linked:
        await CheckedClient(linked.caller).note(text="a")
        assert service.noted == ["a", "a"]
        with pytest.raises(RuntimeError, match="count_up has run"):
            async with CheckedClient(linked.caller).count_up(number=1) as log:
                await log.result()
    async with Linked(service, left=(Twice(),)) as linked:
        with pytest.raises(InternalError):
            await CheckedClient(linked.caller).note(text="b")


async def test_interceptors_of_a_client_are_its_own() -> None:
    noted: list[str] = []
    async with Linked(CheckedService()) as linked:
        plain = CheckedClient(linked.caller)
        noting = plain.with_options(interceptors=[Noting("one", noted)])
        await plain.echo(text="a")
        assert noted == []
        await noting.with_options(timeout=5).echo(text="a")
        assert noted == ["one calling echo", "one echo: done"]
        await noting.with_options(interceptors=[]).echo(text="a")
        assert len(noted) == 2


async def test_an_interceptor_that_says_what_may_not_be_said_fails_its_call_alone() -> None:
    class Wrong(Interceptor):
        async def calling(self, call: Invocation, next: Next[R]) -> R:
            call.meta["NOT A KEY"] = ""
            return await next()

    async with Linked(CheckedService(), right=(Wrong(),)) as linked:
        with pytest.raises(ValueError, match="meta key"):
            await CheckedClient(linked.caller).echo(text="a")
        with pytest.raises(ValueError, match="meta key"):
            await CheckedClient(linked.caller).add()
