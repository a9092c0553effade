"""Messages of a conversation to its connection: texts, and the parts that follow them."""

from duologue.connection.base import Connection, ConnectionState
from duologue.errors import ConnectionClosed
from duologue.limits import Limits
from duologue.protocol.counters import Counters
from duologue.protocol.parcels import Parcel


class MessageWriter:
    """Sends what a conversation has to say, and counts it."""

    def __init__(self, connection: Connection, limits: Limits, counters: Counters) -> None:
        self._connection = connection
        self._counters = counters

    def reply(self, text: bytes, parcel: Parcel | None = None, /) -> None:
        """Send `text` and the parts of `parcel`; once the connection is closed, count it dropped.

        Raises:
            LimitExceeded: all together is larger than a message may be; nothing was taken.
        """
        try:
            if parcel is None:
                self._connection.send_utf8(text)
            else:
                self.send_parcel(text, parcel)
        except ConnectionClosed:
            self._counters.results_dropped += 1
        else:
            self._counters.bytes_sent += len(text)

    def send_parcel(self, text: bytes, parcel: Parcel) -> None:
        """Send the text that announces `parcel` and, with nothing between, its parts.

        The parts are counted, the text is not.

        Raises:
            ConnectionClosed: the connection is not open; nothing was taken.
            LimitExceeded: all together is larger than a message may be; nothing was taken.
        """
        size = len(text) + sum(map(len, parcel.parts))
        if size > self._connection.max_send_bytes:
            raise self._connection.too_large(size)
        self._connection.send_utf8(text)
        for part in parcel.parts:
            # Sending may have ended the connection; whoever waits for an answer knows by then.
            if self._connection.state.current_state is ConnectionState.CLOSED:
                return
            self._connection.send(part)
            self._counters.bytes_sent += len(part)
