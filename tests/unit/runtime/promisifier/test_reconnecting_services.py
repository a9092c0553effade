"""Services and events of a peer that comes back, perhaps to a host that has changed meanwhile."""

import asyncio

import pytest

from duologue import (
    CallContext,
    ConnectionClosed,
    ContractMismatch,
    Limits,
    Model,
    ServiceIdTaken,
    Unimplemented,
)
from duologue.connection.memory import connected_pair
from duologue.promisifier.promisifier import create_websocket_promisifier
from duologue.typed import (
    NO_PARAMS,
    Client,
    Codec,
    Event,
    EventHandler,
    Params,
    Peer,
    SafeInt,
    Service,
    ServiceContract,
    Subscription,
    Unary,
)
from duologue.typed.contract import Effect
from duologue.typed.service import Offer
from tests.reconnect_support import Home, Line
from tests.support import turns


class Ticked(Model):
    number: SafeInt


class ClockClient(Client):
    """Knows the clock as it was at first."""

    async def now(self) -> int:
        return await self._unary(NOW)

    async def wind(self) -> int:
        return await self._unary(WIND)

    def on_ticked(self, handler: EventHandler[Ticked] | None = None) -> Subscription[Ticked]:
        return self._on(TICKED, handler)


class Clock(Service):
    """Counts what it is asked; does not answer while it hangs."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.hangs = False

    def emit_ticked(self, peer: Peer | None = None, /, *, number: int) -> None:
        self._emit(self.__contract__.events[0], peer, number=number)

    async def now(self, ctx: CallContext) -> int:
        return await self._answer("now")

    async def wind(self, ctx: CallContext) -> int:
        return await self._answer("wind")

    async def _answer(self, what: str) -> int:
        self.asked.append(what)
        if self.hangs:
            await asyncio.Event().wait()
        return self.__contract__.base


def clock_contract(base: int, digest: str = "") -> ServiceContract:
    def method(id: int, name: str, effect: Effect) -> Unary[[], None, int]:
        return Unary(id=id, name=name, params=NO_PARAMS, returns=Codec(int), effect=effect)

    return ServiceContract(
        name="clock.v1.Clock",
        base=base,
        digest=digest,
        methods=(method(1, "now", "read"), method(2, "wind", "write")),
        events=(Event(id=20, name="ticked", payload=Params(Ticked)),),
    )


def clock(base: int = 100, digest: str = "") -> Clock:
    """A clock that counts from `base`, and was perhaps made from another contract."""

    class Based(Clock):
        __contract__ = clock_contract(base, digest)

    return Based()


CLOCK = clock_contract(100, "sha256:1")
NOW, WIND = CLOCK.methods
TICKED: Event[..., Ticked] = CLOCK.events[0]
ClockClient.__contract__ = CLOCK


# -- calls --------------------------------------------------------------------------------------


async def test_what_the_contract_declares_read_is_asked_again_and_nothing_else() -> None:
    first, second = clock(), clock()
    first.hangs = True
    async with Home(first) as home:
        client = ClockClient(home.peer)
        now, wind = asyncio.ensure_future(client.now()), asyncio.ensure_future(client.wind())
        await turns()
        assert first.asked == ["now", "wind"]
        await home.lose()
        with pytest.raises(ConnectionClosed) as caught:
            await wind
        assert caught.value.sent == "unknown"
        await home.come_back(second)
        assert await now == 100
        assert second.asked == ["now"]


async def test_each_service_is_called_where_the_new_host_counts_it_from() -> None:
    first, second = clock(), clock(500)
    first.hangs = True
    async with Home(first) as home:
        client = ClockClient(home.peer)
        repeated = asyncio.ensure_future(client.now())
        await turns()
        await home.lose()
        parked = asyncio.ensure_future(client.wind())
        await turns()
        await home.come_back(second)
        assert await repeated == await parked == 500
        assert await client.now() == 500
        await home.lose()
        await home.come_back(clock(100))
        assert await client.now() == 100


async def test_a_host_with_another_contract_is_not_called_if_only_the_same_will_do() -> None:
    async with Home(clock(), contracts="same") as home:
        client = ClockClient(home.peer)
        assert await client.now() == 100
        await home.lose()
        parked = asyncio.ensure_future(client.now())
        await turns()
        other = clock(100, "sha256:2")
        await home.come_back(other)
        with pytest.raises(ContractMismatch):
            await parked
        with pytest.raises(ContractMismatch):
            await client.now()
        assert other.asked == []
        await home.lose()
        parked = asyncio.ensure_future(client.now())
        await turns()
        await home.come_back(clock())
        assert await parked == 100


async def test_a_call_during_the_hello_leaves_when_numbers_are_known() -> None:
    async with Line() as line:
        client = ClockClient(line.peer)
        async with Home() as home:
            manner = home.guest
        await line.lose()
        await line.come_back(manner)
        assert line.called == [0]
        call = asyncio.ensure_future(client.now())
        await turns()
        assert line.called == [0]
        hello = (
            '{"profile":"duologue/1","services":'
            '[{"name":"clock.v1.Clock","base":700,"digest":"sha256:1"}]}'
        )
        line.wire.send(f'{{"responseId":0,"type":"data","data":{hello}}}')
        await turns()
        assert line.called == [0, 701]
        await line.answer(1)
        assert await call == 1


async def test_a_loss_during_the_hello_keeps_what_waits() -> None:
    async with Line() as line:
        async with Home() as home:
            manner = home.guest
        await line.lose()
        call = line.start(3)
        for _ in range(3):
            await line.come_back(manner)
            assert line.called == [0]
            await line.lose()
        await line.come_back()
        assert line.called == [3]
        await line.answer(0)
        assert await call == b"0"


async def test_a_new_host_that_knows_no_hello_is_called_by_the_contracts_numbers() -> None:
    async with Home(clock(500)) as home:
        client, heard = ClockClient(home.peer), list[int]()
        client.on_ticked(lambda event: heard.append(event.number))
        assert await client.now() == 500
        await home.lose()
        connection, wire = connected_pair()
        base_peer = create_websocket_promisifier(wire)
        base_peer.add_service(101, lambda: 7)
        parked = asyncio.ensure_future(client.now())
        await home.peer.go_on(
            connection, lambda peer, each: home.guest.greet(peer, each, "connector")
        )
        assert await parked == 7
        await base_peer.send(120, {"number": 3})
        assert heard == [3]


# -- events of the other side -------------------------------------------------------------------


async def test_a_subscription_goes_on_and_a_new_host_means_a_gap() -> None:
    first, second = clock(), clock()
    async with Home(first) as home:
        async with ClockClient(home.peer).on_ticked() as ticks:
            first.emit_ticked(number=1)
            await turns()
            await home.lose()
            await home.come_back(second)
            await turns()
            second.emit_ticked(number=2)
            assert [(await anext(ticks)).number for _ in range(2)] == [1, 2]
            assert ticks.gaps == 1
        await turns()
        second.emit_ticked(number=3)
        await turns()
        assert home.peer.stats.messages_dropped == 0


async def test_it_moves_with_the_numbers_of_the_new_host() -> None:
    first, second, heard = clock(), clock(500), list[int]()
    async with Home(first) as home:
        client = ClockClient(home.peer)
        subscription = client.on_ticked(lambda event: heard.append(event.number))
        await home.lose()
        later = client.on_ticked(lambda event: heard.append(-event.number))
        await home.come_back(second)
        await turns()
        second.emit_ticked(number=1)
        await turns()
        assert heard == [1, -1]
        subscription.close()
        later.close()
        await turns()
        second.emit_ticked(number=2)
        await turns()
        assert heard == [1, -1]


async def test_from_one_base_host_to_the_next_none_is_served_at_another_ones_place() -> None:
    heard = list[int]()
    async with Home(clock(500)) as home:
        client = ClockClient(home.peer)
        client.on_ticked(lambda event: heard.append(event.number))
        for number in range(2):
            await home.lose()
            connection, wire = connected_pair()
            base_peer = create_websocket_promisifier(wire)
            await home.peer.go_on(
                connection, lambda peer, each: home.guest.greet(peer, each, "connector")
            )
            await base_peer.send(120, {"number": number})
            assert home.peer.handler(520) is None
        await home.lose()
        await home.come_back(clock(500))
        assert home.peer.handler(120) is None
        assert heard == [0, 1]


async def test_one_that_begins_during_the_hello_joins_those_that_move() -> None:
    third, heard = clock(300), list[int]()
    async with Home(clock(500)) as home:
        client = ClockClient(home.peer)
        client.on_ticked(lambda event: heard.append(event.number))
        await home.lose()
        going_on = asyncio.ensure_future(home.come_back(third))
        await asyncio.sleep(0)
        assert home.peer.is_connected
        client.on_ticked(lambda event: heard.append(-event.number))
        await going_on
        await turns()
        third.emit_ticked(number=1)
        await turns()
        assert heard == [1, -1]


async def test_it_ends_if_the_new_host_means_something_else(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with Home(clock(), contracts="same") as home:
        async with ClockClient(home.peer).on_ticked() as ticks:
            await home.lose()
            await home.come_back(clock(100, "sha256:2"))
            with pytest.raises(ContractMismatch):
                await anext(ticks)
        assert home.peer.handler(120) is None
    assert "the subscription of clock.v1.Clock/ticked has ended" in caplog.text


async def test_it_ends_if_its_number_is_taken_at_a_base_host(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with Home(clock(500)) as home:
        home.peer.add_service(120, lambda: "here")
        taken = home.peer.handler(120)
        async with ClockClient(home.peer).on_ticked() as ticks:
            await home.lose()
            connection, wire = connected_pair()
            create_websocket_promisifier(wire)
            await home.peer.go_on(
                connection, lambda peer, each: home.guest.greet(peer, each, "connector")
            )
            with pytest.raises(ServiceIdTaken):
                await anext(ticks)
        assert home.peer.handler(120) is taken
    assert "service id 120 belongs to" in caplog.text


async def test_it_ends_with_the_peer() -> None:
    async with Home(clock()) as home, ClockClient(home.peer).on_ticked() as ticks:
        await home.lose()
        home.peer.close()
        assert [each async for each in ticks] == []


# -- our own services and events ----------------------------------------------------------------


async def test_an_offered_service_is_called_by_the_new_host_too() -> None:
    own = clock(300)
    async with Home(offer=(own,)) as home:
        await home.lose()
        await home.come_back()
        assert await ClockClient(home.host).now() == 300


async def test_its_events_reach_the_new_host_too() -> None:
    own, heard = clock(), list[int]()
    async with Home(offer=(own,)) as home:
        await home.lose()
        own.emit_ticked(number=1)
        await home.come_back()
        async with ClockClient(home.host).on_ticked(lambda event: heard.append(event.number)):
            own.emit_ticked(number=2)
            await turns()
        assert heard == [2]


async def test_those_for_a_base_host_are_dropped_and_counted_while_it_is_away() -> None:
    own = clock()
    async with Line() as line:
        Offer([own]).make_to(line.peer)
        await line.lose()
        own.emit_ticked(number=1)
        assert line.peer.stats.events_dropped == 1
        await line.come_back()
        own.emit_ticked(number=2)
        await turns()
        assert line.called == [120]


async def test_a_base_host_that_did_not_listen_is_asked_anew_when_it_comes_back() -> None:
    own = clock()
    async with Line() as line:
        Offer([own]).make_to(line.peer)
        own.emit_ticked(number=1)
        await turns()
        refusal = '{"code":"UNKNOWN-SERVICE","message":"Not a function"}'
        line.wire.send(f'{{"responseId":0,"type":"error","error":{refusal}}}')
        await turns()
        own.emit_ticked(number=2)
        await turns()
        assert line.called == [120]
        await line.lose()
        await line.come_back()
        own.emit_ticked(number=3)
        await turns()
        assert line.called == [120]


async def test_events_for_a_base_host_are_dropped_as_long_as_calls_wait_to_leave() -> None:
    own = clock()
    async with Line() as line:
        Offer([own]).make_to(line.peer)
        await line.lose()
        for _ in range(8):
            line.start(9, args=b'["%b"]' % (b"x" * 900_000))
        coming = asyncio.ensure_future(line.come_back())
        await asyncio.sleep(0)
        own.emit_ticked(number=1)
        assert line.peer.stats.events_dropped == 1
        await coming
        await turns()
        own.emit_ticked(number=2)
        assert line.peer.stats.events_dropped == 1


async def test_a_method_that_the_new_host_lacks_fails_as_it_always_does() -> None:
    async with Home(clock()) as home:
        await home.lose()
        await home.come_back()
        with pytest.raises(Unimplemented):
            await ClockClient(home.peer).now()


async def test_services_of_both_sides_keep_their_limits() -> None:
    # Counters go on over connections; what a connection may bear does not.
    async with Line(Limits(max_invalid_messages=1)) as line:
        for _ in range(3):
            line.wire.send("no JSON")
            await turns()
            assert line.peer.is_connected
            await line.lose()
            await line.come_back()
        assert line.peer.stats.requests_received_invalid == 3
