"""The observers of an endpoint, told of each of its connections."""

import asyncio
import logging
from collections.abc import Iterable
from typing import Final

from duologue.connection.base import CLOSE_CODE_LOST, Connection, ConnectionState, Message
from duologue.connection.layer import Layer
from duologue.observer import CallSeen, ConnectionSeen, Direction, Observer, Outcome
from duologue.promisifier.message_watch import MessageWatch, Names

_log: Final = logging.getLogger("duologue")


class Observers(Observer):
    """Several observers as one. Whoever raises is told nothing more; the others are.

    They are the application's own code and may raise anything; `_dismiss` logs it. Each `except`
    stands where the call is: to share one would cost every message a call more.
    """

    def __init__(self, observers: Iterable[Observer]) -> None:
        self._set(tuple(observers))

    def _set(self, observers: tuple[Observer, ...]) -> None:
        self._all = observers
        # Only of what it has a word to say: most have none to most of it.
        self._opened = [each for each in observers if _overrides(each, "connection_opened")]
        self._closed = [each for each in observers if _overrides(each, "connection_closed")]
        self._started = [each for each in observers if _overrides(each, "call_started")]
        self._ended = [each for each in observers if _overrides(each, "call_ended")]
        self._items = [each for each in observers if _overrides(each, "items")]
        self._events = [each for each in observers if _overrides(each, "event")]
        self._frames = [each for each in observers if each.wants_frames]
        self.wants_frames = bool(self._frames)

    def connection_opened(self, connection: ConnectionSeen) -> None:
        """See `Observer`."""
        for each in self._opened:
            try:
                each.connection_opened(connection)
            except BaseException as error:
                self._dismiss(each, error)

    def connection_closed(self, connection: ConnectionSeen, code: int, reason: str) -> None:
        """See `Observer`."""
        for each in self._closed:
            try:
                each.connection_closed(connection, code, reason)
            except BaseException as error:
                self._dismiss(each, error)

    def call_started(self, call: CallSeen) -> None:
        """See `Observer`."""
        for each in self._started:
            try:
                each.call_started(call)
            except BaseException as error:
                self._dismiss(each, error)

    def call_ended(self, call: CallSeen, outcome: Outcome) -> None:
        """See `Observer`."""
        for each in self._ended:
            try:
                each.call_ended(call, outcome)
            except BaseException as error:
                self._dismiss(each, error)

    def items(self, call: CallSeen, direction: Direction, number: int, size: int) -> None:
        """See `Observer`."""
        for each in self._items:
            try:
                each.items(call, direction, number, size)
            except BaseException as error:
                self._dismiss(each, error)

    def event(self, name: str, direction: Direction, missed: int) -> None:
        """See `Observer`."""
        for each in self._events:
            try:
                each.event(name, direction, missed)
            except BaseException as error:
                self._dismiss(each, error)

    def frame(self, connection: ConnectionSeen, direction: Direction, message: str | bytes) -> None:
        """See `Observer`."""
        for each in self._frames:
            try:
                each.frame(connection, direction, message)
            except BaseException as error:
                self._dismiss(each, error)

    def _dismiss(self, observer: Observer, error: BaseException) -> None:
        """Say what happened, once; raises again what is meant for the program."""
        if isinstance(error, KeyboardInterrupt | SystemExit):
            raise error
        _log.error("the observer %r has failed, and is told nothing more", observer, exc_info=error)
        self._set(tuple(each for each in self._all if each is not observer))


def _overrides(observer: Observer, name: str) -> bool:
    return getattr(type(observer), name) is not getattr(Observer, name)


class ObservedConnection(Layer):
    """Passes everything on, and tells observers what it was.

    Without observers there is none of it: what nobody looks at costs nothing.
    """

    def __init__(self, carrier: Connection, observers: Observer, names: Names) -> None:
        super().__init__(carrier)
        self.address_group = carrier.address_group
        self._observers = observers
        self._seen = ConnectionSeen(
            carrier.id, carrier.remote_address, carrier.claimed_key is not None
        )
        self._watch = MessageWatch(self._seen, observers, names)
        self._time = asyncio.get_running_loop().time
        observers.connection_opened(self._seen)
        self.state.on_enter_state.listen(self._on_own_state)
        self.start()

    def send(self, message: Message) -> None:
        """See `Connection.send`."""
        super().send(message)
        if self.state.current_state is ConnectionState.CLOSED:
            return
        if isinstance(message, str):
            self._watch.note_text("out", message, self._time())
        else:
            self._watch.note_bytes("out", message)

    def send_utf8(self, text: bytes) -> None:
        """See `Connection.send_utf8`."""
        super().send_utf8(text)
        # Sending may have ended the connection, and all that was open with it.
        if self.state.current_state is not ConnectionState.CLOSED:
            self._watch.note_text("out", text, self._time())

    def _receive(self, message: Message) -> None:
        if isinstance(message, str):
            self._watch.note_text("in", message, self._time())
        else:
            self._watch.note_bytes("in", message)
        super()._receive(message)

    def _on_own_state(self, state: ConnectionState) -> None:
        if state is ConnectionState.CLOSED:
            self._watch.end(self._time())
            code = CLOSE_CODE_LOST if self.close_code is None else self.close_code
            self._observers.connection_closed(self._seen, code, self.close_reason)
