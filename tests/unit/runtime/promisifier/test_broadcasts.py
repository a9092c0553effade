"""Events to the subscribers at the other side of one connection, over a pretended one."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from duologue.connection.base import Connection, ConnectionState
from duologue.connection.drain_gate import DrainGate
from duologue.connection.memory import connected_pair
from duologue.endpoints.manner import Manner
from duologue.errors import LimitExceeded, Unimplemented
from duologue.limits import (
    MAX_REPLAYED_EVENTS_PER_S,
    MAX_SUBSCRIPTIONS,
    REPLAYED_EVENTS_AT_ONCE,
    Limits,
)
from duologue.promisifier.broadcasts import EVENTS_AT_ONCE, Broadcasts, Feed
from duologue.promisifier.queued_events import QueuedEvents
from duologue.protocol.control import Subscribe
from duologue.protocol.counters import Counters
from duologue.protocol.replay import EVENT_OVERHEAD_BYTES, Cursor, KeptEvent, WhenFull
from duologue.testing.conversation.news_service import NewsClient, NewsService
from duologue.typed.service import Offer
from tests.virtual_time import at_once


class Turns:
    """A loop of which nothing is used but `call_soon`."""

    def __init__(self) -> None:
        self._due: list[Callable[[], object]] = []

    def call_soon(self, callback: Callable[[], object]) -> None:
        self._due.append(callback)

    def run(self) -> None:
        while self._due:
            self._due.pop(0)()


class Carrier(Connection):
    """Keeps what is sent; shuts its gate behind each `room` messages."""

    def __init__(self, loop: Turns) -> None:
        super().__init__(ConnectionState.OPEN, gate=DrainGate(loop))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        self.sent: list[Any] = []
        self.room = 1000

    def send(self, message: str | bytes) -> None:
        if len(message) > self.max_send_bytes:
            raise self.too_large(len(message))
        self.sent.append(json.loads(message))
        self.room -= 1
        if self.room <= 0:
            self.gate.shut()

    def let(self, count: int) -> None:
        """Take `count` messages more."""
        self.room = count
        self.gate.open()

    def close(self, reason: str | None = None) -> None:
        raise AssertionError("is not closed here")

    def terminate(self, reason: str) -> None:
        raise AssertionError("is not ended here")

    @property
    def buffered_amount(self) -> int:
        return 0


class Source:
    """One event."""

    def __init__(self, max_waiting: int = 3, when_full: WhenFull = "drop_oldest") -> None:
        self.name = "demo.v1.Clock/rang"
        self.max_waiting = max_waiting
        self.when_full: WhenFull = when_full
        self.first: list[KeptEvent] = []
        self.feeds: list[Feed] = []
        self.lost = 0

    def open(self, wish: Subscribe, feed: Feed) -> tuple[list[KeptEvent], Cursor, bool]:
        self.feeds.append(feed)
        return self.first, Cursor("e", 0), False

    def close(self, wish: Subscribe, feed: Feed, *, is_lost: bool) -> None:
        self.feeds.remove(feed)
        self.lost += is_lost

    def tell(self, *numbers: int, data: bytes = b"1") -> None:
        for number in numbers:
            for feed in tuple(self.feeds):
                feed.deliver(KeptEvent(number, None, data))


class Stage:
    """Broadcasts, and what they work with."""

    def __init__(
        self, max_event_queue_bytes: int = 100_000, queued: QueuedEvents | None = None
    ) -> None:
        self.loop = Turns()
        self.carrier = Carrier(self.loop)
        self.counters = Counters()
        limits = Limits(max_event_queue_bytes=max_event_queue_bytes)
        self.rests: list[float] = []
        """For how many seconds the other side was not read."""
        self.broadcasts = Broadcasts(
            "peer",
            self.carrier,
            limits,
            self.counters,
            self.loop.call_soon,
            self.rests.append,
            queued,
        )

    def subscribe(self, source: Source) -> int:
        return self.broadcasts.subscribe(Subscribe(120, None, 0, None), source).subscription

    def take(self, count: int = 1000) -> list[Any]:
        """What is said until the carrier has taken `count` messages."""
        before = len(self.carrier.sent)
        self.carrier.let(count)
        self.loop.run()
        said = self.carrier.sent[before:]
        self.carrier.gate.shut()
        return [
            (each["subscription"], each.get("seq") or each["end"]["code"], each.get("missed", 0))
            for each in said
        ]


def stages_with_room_for(events: int, stages: int) -> tuple[QueuedEvents, list[Stage]]:
    """Some that share room for so many events of 72 bytes; nobody takes any."""
    queued = QueuedEvents(Limits(max_event_queue_bytes_total=events * LARGE))
    made = [Stage(queued=queued) for _ in range(stages)]
    for each in made:
        each.carrier.gate.shut()
    return queued, made


LARGE = EVENT_OVERHEAD_BYTES + 72
"""What such an event counts."""


def test_all_peers_together_have_as_much_waiting_as_they_may() -> None:
    queued, stages = stages_with_room_for(5, 2)
    for number, stage in zip((3, 2), stages, strict=True):
        source = Source(max_waiting=9)
        stage.subscribe(source)
        source.tell(*range(1, number + 1), data=bytes(72))
    assert queued.bytes == 5 * LARGE
    assert [each.counters.events_dropped for each in stages] == [0, 0]


def test_above_that_whoever_has_most_waiting_loses_its_oldest() -> None:
    queued, stages = stages_with_room_for(5, 2)
    for number, stage in zip((4, 2), stages, strict=True):
        source = Source(max_waiting=9)
        stage.subscribe(source)
        source.tell(*range(1, number + 1), data=b"7" * 72)
    assert queued.bytes == 5 * LARGE
    assert [each.counters.events_dropped for each in stages] == [1, 0]
    assert stages[0].take() == [(1, 2, 1), (1, 3, 0), (1, 4, 0)]
    assert queued.bytes == 2 * LARGE


def test_above_that_a_subscription_ends_that_may_not_miss_any() -> None:
    queued, stages = stages_with_room_for(2, 2)
    for number, stage in zip((2, 1), stages, strict=True):
        source = Source(max_waiting=9, when_full="close")
        stage.subscribe(source)
        source.tell(*range(1, number + 1), data=b"7" * 72)
    assert queued.bytes == LARGE
    assert stages[0].take() == [(1, "TOO_SLOW", 0)]
    assert stages[1].take() == [(1, 1, 0)]
    assert queued.bytes == 0


def test_an_event_that_waits_for_many_counts_once() -> None:
    queued, stages = stages_with_room_for(1, 3)
    source = Source()
    for stage in stages:
        stage.subscribe(source)
    event = KeptEvent(1, None, b"7" * 72)
    for feed in source.feeds:
        feed.deliver(event)
    assert queued.bytes == LARGE
    assert stages[0].take() == [(1, 1, 0)]
    stages[1].broadcasts.unsubscribe(1)
    assert queued.bytes == LARGE
    stages[2].broadcasts.close()
    assert queued.bytes == 0


def test_what_has_happened_before_counts_too() -> None:
    queued, stages = stages_with_room_for(2, 1)
    source = Source()
    source.first = [KeptEvent(number, None, b"7" * 72) for number in (1, 2, 3)]
    stages[0].subscribe(source)
    assert queued.bytes == 2 * LARGE
    assert stages[0].take() == [(1, 2, 1), (1, 3, 0)]


def test_others_have_a_turn_between_many_events() -> None:
    stage, source = Stage(), Source(max_waiting=9)
    source.first = [KeptEvent(number, None, b"1") for number in range(EVENTS_AT_ONCE + 1)]
    stage.subscribe(source)
    sent: list[int] = []
    stage.loop.call_soon(lambda: sent.append(len(stage.carrier.sent)))
    stage.loop.run()
    assert sent == [EVENTS_AT_ONCE]
    assert len(stage.carrier.sent) == EVENTS_AT_ONCE + 1


def test_an_event_leaves_at_once_while_the_connection_takes_it() -> None:
    stage, source = Stage(), Source()
    stage.subscribe(source)
    source.tell(1)
    assert stage.carrier.sent == [{"type": "notify", "subscription": 1, "seq": 1, "data": 1}]


def test_who_wishes_for_many_past_events_is_read_more_slowly() -> None:
    stage = Stage()
    half = [KeptEvent(number, None, b"1") for number in range(1, REPLAYED_EVENTS_AT_ONCE // 2 + 1)]
    source = Source()
    source.first = half
    for _ in range(2):
        stage.subscribe(source)
    assert stage.rests == []
    source.first = half[:1]
    stage.subscribe(source)
    assert stage.rests == [(REPLAYED_EVENTS_AT_ONCE + 1) / MAX_REPLAYED_EVENTS_PER_S]
    source.first = half
    stage.subscribe(source)
    assert len(stage.rests) == 1


@at_once
async def test_meanwhile_nothing_of_the_other_side_is_done_and_then_all_of_it() -> None:
    news = NewsService()
    for number in range(2_000):
        news.tell(f"room-{number}", number)
    here, there = connected_pair()
    host = Manner(offer=Offer([news]), limits=Limits()).begin(here, "acceptor")
    guest = Manner(offer=Offer([]), limits=Limits()).begin(there, "connector")
    host.add_service(1, lambda: "done")
    loop = asyncio.get_running_loop()
    begun_s = loop.time()
    async with NewsClient(guest).on_happened(replay=1):
        assert await guest.send(1) == "done"
        assert loop.time() - begun_s >= 2_000 / MAX_REPLAYED_EVENTS_PER_S
    guest.close()
    await host.promise.wait()


@at_once
async def test_a_conversation_that_ends_meanwhile_leaves_no_timer() -> None:
    news = NewsService()
    for number in range(2_000):
        news.tell(f"room-{number}", number)
    here, there = connected_pair()
    host = Manner(offer=Offer([news]), limits=Limits()).begin(here, "acceptor")
    guest = Manner(offer=Offer([]), limits=Limits()).begin(there, "connector")
    subscription = NewsClient(guest).on_happened(replay=1)
    await subscription.__aenter__()
    host.close()
    await host.promise.wait()
    await guest.promise.wait()
    timers = vars(asyncio.get_running_loop())["_scheduled"]
    assert [each for each in timers if not each.cancelled()] == []


def test_queues_are_emptied_in_turn() -> None:
    stage, ones, twos = Stage(), Source(), Source()
    stage.subscribe(ones)
    stage.subscribe(twos)
    stage.carrier.gate.shut()
    ones.tell(1, 2, 3)
    twos.tell(1, 2)
    assert stage.take(3) == [(1, 1, 0), (2, 1, 0), (1, 2, 0)]
    ones.tell(4)
    assert stage.take() == [(2, 2, 0), (1, 3, 0), (1, 4, 0)]


def test_what_happens_while_others_wait_waits_behind_them() -> None:
    stage, ones, twos = Stage(), Source(), Source()
    stage.subscribe(ones)
    stage.subscribe(twos)
    stage.carrier.gate.shut()
    ones.tell(1)
    stage.carrier.gate.open()
    twos.tell(1)
    ones.tell(2)
    assert stage.carrier.sent == []
    assert stage.take() == [(1, 1, 0), (2, 1, 0), (1, 2, 0)]


def test_a_full_queue_loses_its_oldest_and_nobody_else_does() -> None:
    stage, slow, calm = Stage(), Source(3), Source(3)
    stage.subscribe(slow)
    stage.subscribe(calm)
    stage.carrier.gate.shut()
    slow.tell(1, 2, 3, 4, 5)
    calm.tell(1, 2, 3)
    assert stage.counters.events_dropped == 2
    assert stage.take() == [(1, 3, 2), (2, 1, 0), (1, 4, 0), (2, 2, 0), (1, 5, 0), (2, 3, 0)]


def test_a_full_queue_that_is_to_close_ends_its_subscription() -> None:
    stage, source = Stage(), Source(2, "close")
    stage.subscribe(source)
    stage.carrier.gate.shut()
    source.tell(1, 2)
    assert len(source.feeds) == 1
    source.tell(3)
    assert source.feeds == []
    assert stage.take() == [(1, "TOO_SLOW", 0)]


def test_what_comes_first_leaves_behind_the_answer_and_need_not_fit() -> None:
    stage, source = Stage(), Source(2, "close")
    source.first = [KeptEvent(number, None, b"1") for number in range(1, 6)]
    stage.subscribe(source)
    assert stage.carrier.sent == []
    source.tell(6, 7)
    assert [seq for _, seq, _ in stage.take()] == [1, 2, 3, 4, 5, 6, 7]


COST = EVENT_OVERHEAD_BYTES + 1


def test_all_queues_together_are_bounded_and_the_longest_gives_way() -> None:
    stage, long, short = Stage(4 * COST), Source(100), Source(100)
    stage.subscribe(long)
    stage.subscribe(short)
    stage.carrier.gate.shut()
    long.tell(1, 2, 3)
    short.tell(1)
    assert stage.counters.events_dropped == 0
    short.tell(2)
    assert stage.counters.events_dropped == 1
    assert stage.take() == [(1, 2, 1), (2, 1, 0), (1, 3, 0), (2, 2, 0)]


def test_it_is_the_longest_that_gives_way_also_after_it_has_shrunk() -> None:
    stage = Stage(8 * COST)
    sources = [Source(100) for _ in range(3)]
    for source in sources:
        stage.subscribe(source)
    stage.carrier.gate.shut()
    first, second, third = sources
    first.tell(1, 2, 3, 4, 5)
    second.tell(1, 2)
    third.tell(1, 2)
    assert stage.counters.events_dropped == 1
    assert [number for number, _, _ in stage.take(6)] == [1, 2, 3, 1, 2, 3]
    # Two of the first wait now, none of the others.
    second.tell(3, 4, 5, 6, 7)
    third.tell(3, 4)
    assert stage.counters.events_dropped == 2
    rest = stage.take()
    assert [seq for number, seq, _ in rest if number == 1] == [4, 5]
    assert [seq for number, seq, _ in rest if number == 2] == [4, 5, 6, 7]
    assert [seq for number, seq, _ in rest if number == 3] == [3, 4]


def test_the_longest_queue_may_be_ended_instead_and_behind_its_answer() -> None:
    stage, source = Stage(4 * COST), Source(100, "close")
    source.first = [KeptEvent(number, None, b"1") for number in range(1, 6)]
    stage.subscribe(source)
    assert stage.carrier.sent == []
    assert source.feeds == []
    assert stage.take() == [(1, "TOO_SLOW", 0)]
    other = Source()
    stage.subscribe(other)
    other.tell(1)
    assert stage.take() == [(2, 1, 0)]


def test_an_event_above_the_bound_of_all_queues_is_missed() -> None:
    stage, source = Stage(2 * COST), Source()
    stage.subscribe(source)
    stage.carrier.gate.shut()
    source.tell(1, data=b"1" * (2 * COST))
    source.tell(2)
    assert stage.take() == [(1, 2, 1)]


def test_an_event_that_the_other_side_does_not_take_is_told_with_the_next() -> None:
    stage, source = Stage(), Source()
    stage.carrier.bound_sending(100)
    stage.subscribe(source)
    source.tell(1, data=b"1" * 100)
    source.tell(2)
    assert [(each["seq"], each["missed"]) for each in stage.carrier.sent] == [(2, 1)]
    assert stage.counters.events_dropped == 1


def test_there_may_be_so_many_subscriptions_and_no_more() -> None:
    stage, source = Stage(), Source()
    for _ in range(MAX_SUBSCRIPTIONS):
        stage.subscribe(source)
    with pytest.raises(LimitExceeded, match="MAX_SUBSCRIPTIONS"):
        stage.subscribe(source)
    stage.broadcasts.unsubscribe(5)
    assert stage.subscribe(source) == MAX_SUBSCRIPTIONS + 1


def test_what_is_not_offered_cannot_be_had() -> None:
    with pytest.raises(Unimplemented, match="120"):
        Stage().broadcasts.subscribe(Subscribe(120, None, 0, None), None)


def test_after_unsubscribing_nothing_more_is_told() -> None:
    stage, source = Stage(), Source()
    subscription = stage.subscribe(source)
    stage.carrier.gate.shut()
    source.tell(1)
    feed = source.feeds[0]
    stage.broadcasts.unsubscribe(subscription)
    stage.broadcasts.unsubscribe(subscription)
    feed.deliver(KeptEvent(2, None, b"1"))
    assert source.feeds == []
    assert source.lost == 0
    assert stage.take() == []


def test_with_the_connection_everything_is_let_go() -> None:
    stage, source = Stage(), Source()
    stage.subscribe(source)
    stage.subscribe(source)
    stage.carrier.gate.shut()
    source.tell(1)
    stage.broadcasts.close()
    assert source.feeds == []
    assert source.lost == 2
    assert stage.take() == []
