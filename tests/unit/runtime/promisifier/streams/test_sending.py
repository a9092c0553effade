"""How many streams are sent at once, how much they hold, and who waits."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from duologue import ByteStream, Limits, TextStream
from duologue.connection.base import Connection, Message
from duologue.connection.drain_gate import PAUSE_ABOVE_BYTES
from duologue.promisifier.budget import Budget
from duologue.promisifier.streams.sending import SMALLEST_BLOCK_BYTES, OutgoingStreams
from duologue.protocol.counters import Counters
from tests.pretend_loop import PretendCarrier
from tests.support import turns


class Carrier(PretendCarrier):
    """Takes what it is sent, and counts as unsent what nobody has read."""

    def __init__(self) -> None:
        super().__init__()
        self.unsent = 0
        self.most_unsent = 0
        self.content = b""

    def send(self, message: Message) -> None:
        assert isinstance(message, bytes)
        self.content += message[8:]
        self._add(len(message))

    def send_utf8(self, text: bytes) -> None:
        self._add(len(text))

    @property
    def buffered_amount(self) -> int:
        return self.unsent

    def read(self) -> None:
        """The other side takes everything."""
        self.unsent = 0
        self.gate.open()

    def _add(self, size: int) -> None:
        self.unsent += size
        self.most_unsent = max(self.most_unsent, self.unsent)
        if self.unsent > PAUSE_ABOVE_BYTES:
            self.gate.shut()


class Sender:
    """The streams of one peer, by the number of their call."""

    def __init__(self, budget: Budget | None = None, **values: float) -> None:
        limits = Limits(**values)  # type: ignore[arg-type]
        self.carrier = Carrier()
        self.streams = OutgoingStreams(self.carrier, limits, budget or Budget(limits), Counters())
        self.tasks: list[asyncio.Task[None]] = []

    def send(self, stream: ByteStream | TextStream) -> "asyncio.Task[None]":
        task = asyncio.create_task(self.streams.send(len(self.tasks), stream))
        self.tasks.append(task)
        return task

    async def stop(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.wait(self.tasks)


class Source:
    """Pieces without end, and how many were taken."""

    def __init__(self, piece: bytes = b"x" * 1000) -> None:
        self.taken = 0
        self._piece = piece

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        await asyncio.sleep(0)
        self.taken += 1
        return self._piece


def takers(sources: list[Source]) -> list[bool]:
    return [source.taken > 0 for source in sources]


def test_the_carrier_is_a_connection() -> None:
    assert isinstance(Carrier(), Connection)


async def test_so_many_are_sent_at_once_and_the_others_wait_untouched() -> None:
    sender = Sender(max_outgoing_streams=2)
    sources = [Source() for _ in range(3)]
    for source in sources:
        sender.send(ByteStream(source))
    await turns(20)
    assert takers(sources) == [True, True, False]
    sender.tasks[0].cancel()
    await turns()
    sender.carrier.read()
    await turns()
    assert takers(sources) == [True, True, True]
    await sender.stop()


async def test_one_that_gives_up_waiting_keeps_nobody_from_its_place() -> None:
    sender = Sender(max_outgoing_streams=1)
    sources = [Source() for _ in range(3)]
    for source in sources:
        sender.send(ByteStream(source))
    await turns()
    sender.tasks[1].cancel()
    sender.tasks[0].cancel()
    await turns()
    sender.carrier.read()
    await turns()
    assert takers(sources) == [True, False, True]
    await sender.stop()


async def test_one_that_gives_up_as_it_gets_its_place_hands_it_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    budget = Budget(Limits())
    sender = Sender(budget, max_outgoing_streams=1)
    sources = [Source() for _ in range(3)]
    for source in sources:
        sender.send(ByteStream(source))
    await turns()
    # Told when the place is the second's, which has not taken a step.
    monkeypatch.setattr(budget.streams, "wake", lambda: sender.tasks[1].cancel())
    sender.tasks[0].cancel()
    sender.carrier.read()
    await turns()
    assert takers(sources) == [True, False, True]
    await sender.stop()


async def test_nobody_sends_more_than_are_left_for_others() -> None:
    budget = Budget(Limits(max_outgoing_streams_total=4))
    senders = [Sender(budget) for _ in range(3)]
    sources = [[Source() for _ in range(3)] for _ in senders]
    for sender, of_sender in zip(senders, sources, strict=True):
        for source in of_sender:
            sender.send(ByteStream(source))
    await turns(20)
    assert list(map(takers, sources)) == [
        [True, True, False],
        [True, False, False],
        [True, False, False],
    ]
    await senders[0].stop()
    await turns()
    for sender in senders:
        sender.carrier.read()
    await turns()
    assert list(map(takers, sources))[1:] == [[True, True, False], [True, False, False]]
    for sender in senders[1:]:
        await sender.stop()
    assert budget.free_streams == 4


async def test_nothing_is_taken_while_the_peer_takes_nothing() -> None:
    sender = Sender()
    source = Source(b"x" * (PAUSE_ABOVE_BYTES + 1))
    sender.carrier.gate.shut()
    sender.send(ByteStream(source))
    await turns()
    assert source.taken == 0
    sender.carrier.gate.open()
    await turns()
    assert source.taken == 1
    sender.carrier.read()
    await turns()
    assert source.taken == 2
    await sender.stop()


async def test_what_streams_hold_is_bounded_for_a_peer() -> None:
    # All ask their sources at once, and the first that gets something shuts the gate.
    sender = Sender(max_outgoing_stream_bytes=100_000)
    sources = [Source(b"x" * 50_000) for _ in range(3)]
    for source in sources:
        sender.send(ByteStream(source))
    await turns()
    assert [source.taken for source in sources] == [1, 1, 1]
    late = Source()
    sender.send(ByteStream(late))
    await turns()
    assert late.taken == 0
    for _ in range(3):
        sender.carrier.read()
        await turns()
    assert sum(source.taken for source in [*sources, late]) > 3
    await sender.stop()
    assert sender.streams._held_bytes == 0  # pyright: ignore[reportPrivateUsage]


@pytest.mark.parametrize(("held", "is_shut"), [(99_999, False), (100_000, True)])
async def test_they_hold_less_than_the_limit_or_ask_for_no_more(held: int, is_shut: bool) -> None:
    sender = Sender(max_outgoing_stream_bytes=100_000)
    sender.streams._hold(held)  # pyright: ignore[reportPrivateUsage]
    assert sender.streams._room.is_shut is is_shut  # pyright: ignore[reportPrivateUsage]
    sender.streams._hold(-held)  # pyright: ignore[reportPrivateUsage]
    assert not sender.streams._room.is_shut  # pyright: ignore[reportPrivateUsage]


@pytest.mark.parametrize(("others", "is_shut"), [(89, False), (90, True)])
async def test_above_what_all_may_hold_each_peer_holds_one_piece(
    others: int, is_shut: bool
) -> None:
    budget = Budget(Limits(max_outgoing_stream_bytes_total=100))
    first, second = Sender(budget), Sender(budget)
    first.streams._hold(others)  # pyright: ignore[reportPrivateUsage]
    assert not second.streams._room.is_shut  # pyright: ignore[reportPrivateUsage]
    second.streams._hold(10)  # pyright: ignore[reportPrivateUsage]
    assert second.streams._room.is_shut is is_shut  # pyright: ignore[reportPrivateUsage]


# -- files --------------------------------------------------------------------------------------


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "content"
    path.write_bytes(bytes(index % 251 for index in range(1_000_000)))
    return path


async def until(condition: Callable[[], bool], act: Callable[[], None] = lambda: None) -> None:
    """Let threads read files, and `act` again and again, until something has come about."""
    while not condition():
        act()
        await asyncio.sleep(0.0005)


async def test_a_peer_that_reads_nothing_is_owed_at_most_64_kib_and_a_header(path: Path) -> None:
    sender = Sender(stream_file_rest_s=0.001)
    sender.send(ByteStream(path))
    await until(lambda: sender.carrier.gate.is_shut)
    assert sender.carrier.unsent <= 65_536 + 8
    await sender.stop()


async def test_one_that_falls_behind_gets_what_fits(path: Path) -> None:
    sender = Sender()
    sender.carrier.unsent = PAUSE_ABOVE_BYTES - 100
    sender.send(ByteStream(path))
    await until(lambda: sender.carrier.gate.is_shut)
    assert sender.carrier.unsent == PAUSE_ABOVE_BYTES - 100 + SMALLEST_BLOCK_BYTES + 8
    await sender.stop()


@pytest.mark.parametrize("text", [False, True])
async def test_a_file_arrives_whole_however_it_is_taken(path: Path, text: bool) -> None:
    sender = Sender(stream_file_rest_s=0.0001)
    if text:
        path.write_text("äöü" * 100_000)
    seen: list[int] = []
    stream = (
        TextStream(path, on_progress=seen.append)
        if text
        else ByteStream(path, on_progress=seen.append)
    )
    sending = sender.send(stream)
    await until(sending.done, sender.carrier.read)
    await sending
    if not text:
        assert sender.carrier.content == path.read_bytes()
    assert seen[-1] == path.stat().st_size
    assert sender.carrier.most_unsent <= 65_536 + 100


async def test_files_are_read_by_turns(path: Path) -> None:
    sender = Sender()
    for _ in range(5):
        sender.send(ByteStream(path))
    await until(lambda: sender.carrier.gate.is_shut)
    await turns()
    assert sender.carrier.most_unsent <= 65_536 + 8
    await until(lambda: all(task.done() for task in sender.tasks), sender.carrier.read)
    assert len(sender.carrier.content) == 5_000_000
