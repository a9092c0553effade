"""The usual order of the layers, once."""

from duologue.connection.base import Connection, Signal
from duologue.connection.encrypted import EncryptedConnection
from duologue.connection.fragmenting import FragmentingConnection
from duologue.connection.keepalive import KeepAliveConnection
from duologue.limits import Limits


class SecuredConnection(FragmentingConnection):
    """An encrypted conversation: fragmenting on keep-alive on encryption on a carrier.

    `remote_key` is None until a frame of the other side has opened. Made by `secure_as_connector`
    and `secure_as_acceptor`.
    """

    def __init__(
        self,
        carrier: Connection,
        session_key: bytes,
        limits: Limits,
        *,
        is_connector: bool,
        own_key: bytes,
        claimed_key: bytes,
    ) -> None:
        encrypted = EncryptedConnection(carrier, session_key, is_connector=is_connector)
        self._keepalive = KeepAliveConnection(encrypted, limits)
        super().__init__(self._keepalive, limits)
        self.remote_key = None
        self.on_confirmed: Signal[bytes] = Signal()
        """Emitted with the remote key, once, when the first frame has opened; before its message
        is delivered."""
        self.is_connector = is_connector
        self.own_key = own_key
        self.claimed_key = claimed_key
        encrypted.on_opened.listen(lambda _: self._confirm(claimed_key))
        # From the top: no layer delivers before the one above it listens.
        self.start()
        self._keepalive.start()
        encrypted.start()

    def send_lifesign(self) -> None:
        """Show the other side that we are here and have the key; nothing comes of it above."""
        self._keepalive.send_lifesign()

    def _confirm(self, key: bytes) -> None:
        self.remote_key = key
        self.on_confirmed.emit(key)
