"""A connection that is there before it leads anywhere."""

from duologue.connection.base import CLOSE_CODE_LOST, CLOSE_CODE_NORMAL, Connection, Message
from duologue.connection.encrypted.stack import EncryptedConnection
from duologue.connection.layer import Layer
from duologue.protocol.closing import close_text, terminate_text


class _Nowhere(Connection):
    """What carries nothing yet: CONNECTING, until it is closed."""

    def send(self, message: Message) -> None:
        raise self._refuse_send()

    def close(self, reason: str | None = None) -> None:
        self._end(CLOSE_CODE_NORMAL, close_text(reason))

    def terminate(self, reason: str) -> None:
        self._end(CLOSE_CODE_LOST, terminate_text(reason))

    @property
    def buffered_amount(self) -> int:
        return 0


class LateConnection(Layer):
    """CONNECTING until `attach` gives it an open connection to be; then it is that one."""

    def __init__(self) -> None:
        super().__init__(_Nowhere())

    def attach(self, carrier: Connection) -> None:
        """Be `carrier` from now on; once, and not after it was closed."""
        self._unlisten_state()
        self._carrier = carrier
        self.gate = carrier.gate
        carrier.bound_sending(self.max_send_bytes)
        self.max_send_bytes = carrier.max_send_bytes
        self.id = carrier.id
        self.remote_address = carrier.remote_address
        self.own_key = carrier.own_key
        self.claimed_key = carrier.claimed_key
        self.remote_key = carrier.remote_key
        if isinstance(carrier, EncryptedConnection):
            carrier.on_confirmed.listen(self._note_confirmed)
        self._unlisten_state = carrier.state.on_enter_state.listen(self._on_carrier_state)
        self.start()

    def _note_confirmed(self, key: bytes) -> None:
        self.remote_key = key
