"""Signals, states and what every connection has in common."""

from duologue.connection.base import (
    Connection,
    ConnectionState,
    Message,
    MessageSignal,
    Signal,
    StateOfConnection,
)
from duologue.errors import DuologueError, LimitExceeded


class StubConnection(Connection):
    """Only what is common to all."""

    def send(self, message: Message) -> None:
        raise self._refuse_send()

    def close(self, reason: str | None = None) -> None:
        self.end(1000, reason or "")

    def terminate(self, reason: str) -> None:
        self.end(1006, reason)

    def end(self, code: int, reason: str, failure: DuologueError | None = None) -> None:
        self._end(code, reason, failure)

    @property
    def buffered_amount(self) -> int:
        return 0


def test_listeners_are_called_in_the_order_they_came() -> None:
    signal: Signal[int] = Signal()
    called: list[tuple[str, int]] = []
    signal.listen(lambda value: called.append(("first", value)))
    signal.listen(lambda value: called.append(("second", value)))
    signal.emit(7)
    assert called == [("first", 7), ("second", 7)]


def test_unlisten_ends_one_listener_only() -> None:
    signal: Signal[int] = Signal()
    called: list[int] = []
    unlisten = signal.listen(called.append)
    signal.listen(lambda value: called.append(-value))
    unlisten()
    unlisten()
    signal.emit(7)
    assert called == [-7]


def test_a_listener_may_unlisten_while_it_is_called() -> None:
    signal: Signal[int] = Signal()
    called: list[int] = []

    def once(value: int) -> None:
        unlisten()
        called.append(value)

    unlisten = signal.listen(once)
    signal.listen(called.append)
    signal.emit(1)
    signal.emit(2)
    assert called == [1, 1, 2]


def test_messages_wait_for_the_first_listener() -> None:
    signal = MessageSignal()
    signal.emit("one")
    signal.emit(b"two")
    assert signal.backlog_bytes == 6
    arrived: list[Message] = []
    signal.listen(arrived.append)
    assert arrived == ["one", b"two"]
    assert signal.backlog_bytes == 0


def test_what_waits_can_be_taken_one_by_one_and_emptying_it_is_told() -> None:
    signal = MessageSignal()
    emptied: list[int] = []
    signal.when_emptied = lambda: emptied.append(signal.backlog_bytes)
    assert signal.take_waiting() is None
    signal.emit("")
    signal.emit(b"two")
    assert signal.take_waiting() == ""
    assert emptied == []
    assert signal.take_waiting() == b"two"
    assert emptied == [0]
    assert signal.take_waiting() is None


def test_nothing_is_taken_before_the_eyes_of_a_listener() -> None:
    signal = MessageSignal()
    signal.emit("one")
    signal.emit("two")
    taken: list[Message | None] = []
    signal.listen(lambda _: taken.append(signal.take_waiting()))
    assert taken == [None, None]


def test_who_listens_once_hears_one_message_and_may_leave_before_it() -> None:
    signal = MessageSignal()
    arrived: list[Message] = []
    signal.listen_once(arrived.append)()
    unlisten = signal.listen_once(arrived.append)
    signal.emit("one")
    signal.emit("two")
    unlisten()
    assert arrived == ["one"]
    assert list(signal.backlog) == ["two"]


def test_forgotten_listeners_are_told_nothing_and_may_still_unlisten() -> None:
    signal = MessageSignal()
    arrived: list[Message] = []
    unlisten = signal.add_listener(arrived.append, arrived.extend)
    signal.forget_listeners()
    signal.emit_each(["late"], StateOfConnection(ConnectionState.OPEN))
    unlisten()
    assert arrived == []


def test_messages_wait_between_two_listeners() -> None:
    signal = MessageSignal()
    first: list[Message] = []
    signal.listen(first.append)()
    signal.emit("late")
    second: list[Message] = []
    signal.listen(second.append)
    assert (first, second) == ([], ["late"])


def test_a_listener_that_leaves_half_way_leaves_the_rest_for_the_next() -> None:
    signal = MessageSignal()
    for message in ("handshake", "call 1", "call 2"):
        signal.emit(message)
    first: list[Message] = []

    def only_one(message: Message) -> None:
        # The first message comes before `listen` has returned.
        first.append(message)
        signal.listen(second.append)
        stop.append(True)

    second: list[Message] = []
    stop: list[bool] = []
    unlisten = signal.listen(only_one)
    unlisten()
    assert first[0] == "handshake"
    assert second[-1] == "call 2"


def test_an_emit_caused_by_a_listener_keeps_the_order() -> None:
    signal = MessageSignal()
    signal.emit("a")
    signal.emit("b")
    arrived: list[Message] = []

    def listener(message: Message) -> None:
        arrived.append(message)
        if message == "a":
            signal.emit("c")

    signal.listen(listener)
    assert arrived == ["a", "b", "c"]


def test_taking_the_whole_backlog_is_told() -> None:
    signal = MessageSignal()
    told: list[int] = []
    signal.when_emptied = lambda: told.append(signal.backlog_bytes)
    signal.emit("one")
    signal.emit("two")
    assert told == []
    signal.listen(lambda _: None)
    assert told == [0]


def test_messages_that_never_waited_are_not_told_as_emptying() -> None:
    signal = MessageSignal()
    told: list[bool] = []
    signal.when_emptied = lambda: told.append(True)
    signal.listen(lambda _: None)
    signal.emit("one")
    assert told == []


def test_entering_the_same_state_again_is_silent() -> None:
    state = StateOfConnection(ConnectionState.OPEN)
    entered: list[ConnectionState] = []
    state.on_enter_state.listen(entered.append)
    state.enter(ConnectionState.OPEN)
    state.enter(ConnectionState.CLOSED)
    state.enter(ConnectionState.CLOSED)
    assert entered == [ConnectionState.CLOSED]


def test_connections_have_ids_of_their_own() -> None:
    assert StubConnection().id != StubConnection().id


def test_the_first_end_decides() -> None:
    connection = StubConnection(ConnectionState.OPEN)
    fault = LimitExceeded("max_message_bytes", 1, 2)
    connection.end(1009, "too big", fault)
    connection.end(1000, "later")
    assert (connection.close_code, connection.close_reason) == (1009, "too big")
    assert connection.failure is fault


def test_the_end_is_final_when_it_is_told() -> None:
    connection = StubConnection(ConnectionState.OPEN)
    seen: list[tuple[int | None, str]] = []
    connection.state.on_enter_state.listen(
        lambda _: seen.append((connection.close_code, connection.close_reason))
    )
    connection.close("bye")
    assert seen == [(1000, "bye")]


def test_what_waited_is_not_delivered_after_the_end() -> None:
    connection = StubConnection(ConnectionState.OPEN)
    connection.on_message.emit("too late")
    connection.terminate("gone")
    arrived: list[Message] = []
    connection.on_message.listen(arrived.append)
    assert arrived == []


def test_utf8_is_sent_as_text() -> None:
    sent: list[Message] = []

    class Recording(StubConnection):
        def send(self, message: Message) -> None:
            sent.append(message)

    Recording(ConnectionState.OPEN).send_utf8("é".encode())
    assert sent == ["é"]


def open_state() -> StateOfConnection:
    return StateOfConnection(ConnectionState.OPEN)


def test_who_alone_listens_may_take_all_that_came_together_at_once() -> None:
    signal, taken = MessageSignal(), list[object]()
    signal.add_listener(taken.append, taken.append)
    signal.emit_each(["a", "b"], open_state())
    signal.emit("c")
    signal.emit_each([], open_state())
    assert taken == [["a", "b"], "c"]


def test_beside_another_listener_messages_come_one_by_one_to_both() -> None:
    signal, taken, heard = MessageSignal(), list[object](), list[Message]()
    signal.add_listener(taken.append, taken.append)
    unlisten = signal.add_listener(heard.append)
    signal.emit_each(["a", "b"], open_state())
    unlisten()
    signal.emit_each(["c"], open_state())
    assert (taken, heard) == (["a", "b", "c"], ["a", "b"])


def test_nothing_is_taken_past_what_waits_nor_once_the_connection_is_not_open() -> None:
    signal, taken = MessageSignal(), list[object]()
    signal.emit("first")
    signal.add_listener(taken.append, taken.append)
    signal.emit_each(["a"], open_state())
    signal.emit_each(["b"], StateOfConnection(ConnectionState.CLOSING))
    assert taken == ["first", "a"]
