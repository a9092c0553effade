"""The observers of an endpoint, told of each of its connections."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Any, Final

from duologue.connection.base import CLOSE_CODE_LOST, Connection, ConnectionState, Message
from duologue.connection.layer import Layer
from duologue.observer import CallSeen, ConnectionSeen, Direction, Observer, Outcome
from duologue.promisifier.message_watch import MessageWatch, Names

_log: Final = logging.getLogger("duologue")


class Observers(Observer):
    """Several observers as one. Whoever raises is told nothing more; the others are."""

    def __init__(self, observers: Iterable[Observer]) -> None:
        self._observers = tuple(observers)
        self.wants_frames = any(each.wants_frames for each in self._observers)

    def connection_opened(self, connection: ConnectionSeen) -> None:
        """See `Observer`."""
        for each in self._observers:
            self._tell(each, each.connection_opened, connection)

    def connection_closed(self, connection: ConnectionSeen, code: int, reason: str) -> None:
        """See `Observer`."""
        for each in self._observers:
            self._tell(each, each.connection_closed, connection, code, reason)

    def call_started(self, call: CallSeen) -> None:
        """See `Observer`."""
        for each in self._observers:
            self._tell(each, each.call_started, call)

    def call_ended(self, call: CallSeen, outcome: Outcome) -> None:
        """See `Observer`."""
        for each in self._observers:
            self._tell(each, each.call_ended, call, outcome)

    def items(self, call: CallSeen, direction: Direction, number: int, size: int) -> None:
        """See `Observer`."""
        for each in self._observers:
            self._tell(each, each.items, call, direction, number, size)

    def event(self, name: str, direction: Direction, missed: int) -> None:
        """See `Observer`."""
        for each in self._observers:
            self._tell(each, each.event, name, direction, missed)

    def frame(self, connection: ConnectionSeen, direction: Direction, message: str | bytes) -> None:
        """See `Observer`."""
        for each in self._observers:
            if each.wants_frames:
                self._tell(each, each.frame, connection, direction, message)

    def _tell(self, observer: Observer, tell: Callable[..., None], *args: Any) -> None:
        try:
            tell(*args)
        except Exception:
            _log.exception("the observer %r has failed, and is told nothing more", observer)
            self._observers = tuple(each for each in self._observers if each is not observer)
            self.wants_frames = any(each.wants_frames for each in self._observers)


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
        self._watch.note("out", message, self._time())

    def send_utf8(self, text: bytes) -> None:
        """See `Connection.send_utf8`."""
        super().send_utf8(text)
        # Sending may have ended the connection, and all that was open with it.
        if self.state.current_state is not ConnectionState.CLOSED:
            self._watch.note("out", text.decode(), self._time())

    def _receive(self, message: Message) -> None:
        self._watch.note("in", message, self._time())
        super()._receive(message)

    def _on_own_state(self, state: ConnectionState) -> None:
        if state is ConnectionState.CLOSED:
            self._watch.end(self._time())
            code = CLOSE_CODE_LOST if self.close_code is None else self.close_code
            self._observers.connection_closed(self._seen, code, self.close_reason)
