"""The opening handshake of a WebSocket, what both roles have of it, without I/O (RFC 6455 4).

Plainly good requests and answers are read here (`plain_upgrade`), all others by `websockets`, which
says what is wrong with them. What it leaves to others is here as well: how much head there may be,
and where the head ends, so that the frames behind it take the usual way.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Final

from websockets.http11 import Request, Response
from websockets.protocol import Protocol, Side, State

from duologue.connection.websocket.plain_upgrade import MAX_PLAIN_BYTES
from duologue.errors import DuologueError

MAX_HEAD_BYTES: Final = 16_384
"""Request line and headers together. Browsers send one or two KiB."""

_HEAD_END: Final = b"\r\n\r\n"


class Opening(ABC):
    """One opening handshake. Bytes in; what to send is in `data_to_send`.

    `websockets` is asked for nothing until something comes that is not plain.
    """

    side: Side

    def __init__(self, max_message_bytes: int) -> None:
        self._max_message_bytes = max_message_bytes
        self._protocol: Protocol | None = None
        self._is_open_plainly = False
        self._unsent: list[bytes] = []
        self._head_bytes = 0
        self._tail = b""

    @property
    def protocol(self) -> Protocol:
        """The Sans-I/O object of `websockets`, from now on at work."""
        if self._protocol is None:
            self._protocol = self._begin()
        return self._protocol

    @property
    def reached(self) -> Protocol | Side:
        """What the connection goes on with, once it is open; see `Wire`."""
        return self.side if self._protocol is None else self._protocol

    def data_to_send(self) -> Iterable[bytes]:
        """What is to be sent now; an empty part stands for the end."""
        unsent, self._unsent = self._unsent, []
        if self._protocol is not None:
            unsent += self._protocol.data_to_send()
        return unsent

    @property
    def is_open(self) -> bool:
        """Whether it succeeded: frames follow."""
        return self._is_open_plainly or (
            self._protocol is not None and self._protocol.state is State.OPEN
        )

    @property
    @abstractmethod
    def failure(self) -> DuologueError | None:
        """Why it failed, once it has."""

    @abstractmethod
    def start(self) -> None:
        """Queue what is sent without having received anything."""

    def receive(self, data: bytes) -> bytes:
        """Read; returns what stands behind the head, once that has been accepted."""
        if self._protocol is None:
            end = data.find(_HEAD_END) + len(_HEAD_END)
            if len(_HEAD_END) <= end <= MAX_PLAIN_BYTES and self._accept_plain(data[:end]):
                self._is_open_plainly = True
                return data[end:]
        head, rest = self._split(data)
        self._head_bytes += len(head)
        self.protocol.receive_data(head)
        if self._head_bytes > MAX_HEAD_BYTES and not self.protocol.eof_sent:
            self._refuse_head()
            return b""
        events = self.protocol.events_received()
        for event in events:
            if isinstance(event, Request):
                self._answer(event)
        if self.is_open:
            for event in events:
                if isinstance(event, Request | Response):
                    # `websockets` keeps it as long as the connection; nobody looks at it again.
                    event.headers.clear()
            return rest
        if rest:
            # The body of a refusal, or noise; `websockets` knows which.
            self.protocol.receive_data(rest)
            self.protocol.events_received()
        return b""

    def receive_eof(self) -> None:
        """Read that nothing more comes."""
        self.protocol.receive_eof()

    def _split(self, data: bytes) -> tuple[bytes, bytes]:
        # The end of the head may itself come in pieces: the last three bytes are looked at again.
        seen = self._tail + data
        found = seen.find(_HEAD_END)
        if found < 0:
            self._tail = seen[-3:]
            return data, b""
        end = found + len(_HEAD_END) - len(self._tail)
        self._tail = b""
        return data[:end], data[end:]

    @abstractmethod
    def _begin(self) -> Protocol:
        """What `websockets` has, as far as this side of the handshake has come."""

    @abstractmethod
    def _accept_plain(self, head: bytes) -> bool:
        """Whether `head`, whole and the first that came, opens the connection; else nothing has
        happened that `websockets` does not do again."""

    @abstractmethod
    def _answer(self, request: Request) -> None:
        """Answer a request."""

    @abstractmethod
    def _refuse_head(self) -> None:
        """Refuse a head that is too long."""
