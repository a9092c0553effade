"""The promises of `Connection`, tried one by one on any implementation."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from duologue.connection.base import Connection, ConnectionState, Message
from duologue.errors import ConnectionClosed, LimitExceeded
from duologue.limits import MAX_CLOSE_REASON_BYTES

MakePair = Callable[[], Awaitable[tuple[Connection, Connection]]]
"""Makes two open connections that are joined to each other."""

PATIENCE_S: Final = 60.0
"""How long one promise may take to be kept, on a slow machine."""

_ORDER: Final = tuple(ConnectionState)

KINDS: Final[tuple[Message, ...]] = (
    *("", "a", "é", "\x00", "€😀", "x" * 125, "x" * 126, "é" * 40_000),
    *(
        b"",
        b"\x00",
        b"\xff" * 125,
        b"\xff" * 126,
        b"\x80" * 65_535,
        b"\x80" * 65_536,
        b"z" * 70_000,
    ),
)
"""Texts and bytes of awkward contents and lengths."""


async def check_connection(
    make_pair: MakePair, *, max_message_bytes: int | None = None, ending_turns: int = 0
) -> None:
    """Try every promise of `Connection` on fresh pairs; run it on every layer and stack.

    Both directions are tried. With `max_message_bytes` a message at that limit and one above it are
    tried too. `ending_turns` of the loop after the end no task is left; more than none are for what
    lives in a coroutine of somebody else.

    Raises:
        AssertionError: a promise was broken; the text says which.
        TimeoutError: something that must come did not.
    """
    tasks_before = asyncio.all_tasks()
    for check in _CHECKS:
        for turned in (False, True):
            await _run(check, make_pair, turned)
    if max_message_bytes is not None:
        limit = max_message_bytes

        async def check_limit(left: Connection, right: Connection) -> None:
            await _check_message_limit(left, right, limit)

        await _run(check_limit, make_pair, False)
        await _run(check_limit, make_pair, True)
    for _ in range(ending_turns):
        await asyncio.sleep(0)
    left_over = asyncio.all_tasks() - tasks_before
    assert not left_over, f"tasks are left behind: {left_over}"


Check = Callable[[Connection, Connection], Awaitable[None]]


async def _run(check: Check, make_pair: MakePair, turned: bool) -> None:
    async with asyncio.timeout(PATIENCE_S):
        left, right = await make_pair()
        try:
            await (check(right, left) if turned else check(left, right))
        finally:
            left.terminate("check is done")
            right.terminate("check is done")
            await _until_closed(left)
            await _until_closed(right)


class _Inbox:
    """Collects what a connection delivers."""

    def __init__(self, connection: Connection) -> None:
        self.messages: list[Message] = []
        self._grown = asyncio.Event()
        self.unlisten = connection.on_message.listen(self._take)

    def _take(self, message: Message) -> None:
        self.messages.append(message)
        self._grown.set()

    async def until(self, number: int) -> list[Message]:
        """What came, once it is `number` messages."""
        while len(self.messages) < number:
            self._grown.clear()
            await self._grown.wait()
        return self.messages


async def _until_closed(connection: Connection) -> None:
    closed = asyncio.Event()

    def note(state: ConnectionState) -> None:
        if state is ConnectionState.CLOSED:
            closed.set()

    unlisten = connection.state.on_enter_state.listen(note)
    if connection.state.current_state is not ConnectionState.CLOSED:
        await closed.wait()
    unlisten()


def _entered_states(connection: Connection) -> list[ConnectionState]:
    entered = [connection.state.current_state]
    connection.state.on_enter_state.listen(entered.append)
    return entered


def _assert_downwards(entered: list[ConnectionState]) -> None:
    places = [_ORDER.index(state) for state in entered]
    assert places == sorted(set(places)), f"states were entered as {entered}"
    assert entered[-1] is ConnectionState.CLOSED


def _refusal(connection: Connection, message: Message) -> ConnectionClosed | LimitExceeded | None:
    try:
        connection.send(message)
    except (ConnectionClosed, LimitExceeded) as error:
        return error
    return None


def _assert_refuses(connection: Connection) -> None:
    for message in ("late", b"late"):
        refusal = _refusal(connection, message)
        assert isinstance(refusal, ConnectionClosed), "send on a connection that is not open"
        assert refusal.sent == "no", "a refused message was said to have left"


async def _check_start(left: Connection, right: Connection) -> None:
    for connection in (left, right):
        assert connection.state.current_state is ConnectionState.OPEN, "a new pair is not open"
        assert connection.close_code is None
        assert connection.failure is None
    assert left.id != right.id, "two connections have one id"


async def _check_kinds(left: Connection, right: Connection) -> None:
    inbox = _Inbox(right)
    for number, message in enumerate(KINDS, start=1):
        left.send(message)
        arrived = (await inbox.until(number))[-1]
        assert type(arrived) is type(message), f"{type(message)} arrived as {type(arrived)}"
        assert arrived == message, f"a message of length {len(message)} arrived changed"
    left.send_utf8("ü".encode())
    assert (await inbox.until(len(KINDS) + 1))[-1] == "ü", "send_utf8 did not send text"


async def _check_order(left: Connection, right: Connection) -> None:
    inbox = _Inbox(right)
    sent: list[Message] = [f"{number}" * (number % 50) for number in range(2_000)]
    sent[7::10] = [bytes([number % 256]) * number * 10 for number in range(len(sent[7::10]))]
    for message in sent:
        left.send(message)
    arrived = await inbox.until(len(sent))
    assert arrived == sent, "messages were lost, repeated, joined or reordered"


async def _check_send_does_not_deliver(left: Connection, right: Connection) -> None:
    inbox = _Inbox(right)
    left.send("later")
    assert inbox.messages == [], "send called the other side's listener itself"
    await inbox.until(1)


async def _check_backlog(left: Connection, right: Connection) -> None:
    sent: list[Message] = ["first", b"second", "third"]
    for message in sent:
        left.send(message)
    left.on_message.listen(lambda _: None)
    right.send("so that the three have had time")
    inbox = _Inbox(right)
    left.send("fourth")
    arrived = await inbox.until(4)
    assert arrived == [*sent, "fourth"], "what came before the first listener was not kept"


async def _check_echo(left: Connection, right: Connection) -> None:
    right.on_message.listen(right.send)
    inbox = _Inbox(left)
    sent: list[Message] = [f"{number}" for number in range(300)]
    for message in sent[:100]:
        left.send(message)
    await inbox.until(50)
    for message in sent[100:]:
        left.send(message)
    assert await inbox.until(300) == sent, "answers sent while receiving came out of order"


async def _check_buffered(left: Connection, right: Connection) -> None:
    inbox = _Inbox(right)
    assert left.buffered_amount == 0, "something is buffered before anything was sent"
    await left.drained()
    for _ in range(8):
        left.send(b"x" * 65_536)
        await left.drained()
    await inbox.until(8)
    assert left.buffered_amount == 0, "something is buffered after everything has arrived"


async def _check_close(left: Connection, right: Connection) -> None:
    inbox = _Inbox(right)
    entered = _entered_states(left), _entered_states(right)
    left.send("last words")
    left.close("bye")
    assert left.state.current_state is not ConnectionState.OPEN, "close left the state OPEN"
    _assert_refuses(left)
    left.close("again")
    await _until_closed(left)
    await _until_closed(right)
    assert inbox.messages == ["last words"], "what was sent before close did not arrive"
    for connection in (left, right):
        assert connection.close_code == 1000, f"the close code is {connection.close_code}"
        assert connection.close_reason == "Close called: bye", connection.close_reason
        assert connection.failure is None, "an ordinary close was called a failure"
        _assert_refuses(connection)
        assert connection.buffered_amount == 0, "a closed connection still buffers"
        await connection.drained()
    for states in entered:
        _assert_downwards(states)
    left.close("too late")
    right.terminate("too late")
    assert left.close_reason == right.close_reason == "Close called: bye", "the end was changed"


async def _check_close_without_reason(left: Connection, right: Connection) -> None:
    left.close()
    await _until_closed(left)
    await _until_closed(right)
    assert right.close_reason == "Close called.", right.close_reason


async def _check_long_reason(left: Connection, right: Connection) -> None:
    left.close("€" * 100)
    await _until_closed(left)
    await _until_closed(right)
    assert right.close_reason == "Close called: " + "€" * 36, right.close_reason
    assert len(right.close_reason.encode()) <= MAX_CLOSE_REASON_BYTES


async def _check_both_close(left: Connection, right: Connection) -> None:
    left.close("left")
    right.close("right")
    await _until_closed(left)
    await _until_closed(right)
    for connection in (left, right):
        assert connection.close_code == 1000, f"the close code is {connection.close_code}"


async def _check_close_while_receiving(left: Connection, right: Connection) -> None:
    arrived: list[Message] = []

    def close_at_second(message: Message) -> None:
        arrived.append(message)
        if len(arrived) == 2:
            right.close("enough")

    right.on_message.listen(close_at_second)
    for number in range(10):
        left.send(f"{number}")
    await _until_closed(right)
    await _until_closed(left)
    assert arrived == ["0", "1"], "messages were delivered after close"


async def _check_terminate(left: Connection, right: Connection) -> None:
    inbox = _Inbox(left)
    entered = _entered_states(left), _entered_states(right)
    right.send("crossing")
    left.terminate("no answer")
    assert left.state.current_state is ConnectionState.CLOSED, "terminate did not close at once"
    assert left.close_reason == "Terminate called: no answer", left.close_reason
    _assert_refuses(left)
    await left.drained()
    await _until_closed(right)
    assert inbox.messages == [], "a message was delivered after CLOSED"
    for states in entered:
        _assert_downwards(states)


async def _check_terminate_while_closing(left: Connection, right: Connection) -> None:
    left.close("politely")
    left.terminate("at once")
    assert left.state.current_state is ConnectionState.CLOSED, "terminate did not close at once"
    await _until_closed(right)


async def _check_drained_ends_with_the_connection(left: Connection, right: Connection) -> None:
    waiter = asyncio.ensure_future(left.drained())
    for _ in range(6):
        left.send(b"x" * 60_000)
    blocked = asyncio.ensure_future(left.drained())
    await asyncio.sleep(0)
    left.terminate("enough")
    await waiter
    await blocked


async def _check_silence_after_closed(left: Connection, right: Connection) -> None:
    left.send("unheard")
    left.close()
    await _until_closed(left)
    await _until_closed(right)
    inbox = _Inbox(right)
    assert inbox.messages == [], "a message was delivered after CLOSED"


async def _check_message_limit(left: Connection, right: Connection, limit: int) -> None:
    inbox = _Inbox(right)
    for message in ("x" * limit, b"x" * limit):
        left.send(message)
    await inbox.until(2)
    for above in ("x" * (limit + 1), b"x" * (limit + 1), "é" * (limit // 2 + 1)):
        refusal = _refusal(left, above)
        assert isinstance(refusal, LimitExceeded), "send took a message above max_message_bytes"
        assert refusal.limit == "max_message_bytes", refusal.limit
    left.send("small")
    assert (await inbox.until(3))[-1] == "small", "a refused message was taken all the same"


_CHECKS: Final[tuple[Check, ...]] = (
    _check_start,
    _check_kinds,
    _check_order,
    _check_send_does_not_deliver,
    _check_backlog,
    _check_echo,
    _check_buffered,
    _check_close,
    _check_close_without_reason,
    _check_long_reason,
    _check_both_close,
    _check_close_while_receiving,
    _check_terminate,
    _check_terminate_while_closing,
    _check_drained_ends_with_the_connection,
    _check_silence_after_closed,
)
