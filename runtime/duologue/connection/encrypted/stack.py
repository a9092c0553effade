"""The usual order of the layers, once."""

from duologue.connection.base import Connection, Signal
from duologue.connection.encrypted.fragment_layer import FragmentLayer
from duologue.connection.encrypted.keepalive_layer import KeepAliveLayer
from duologue.connection.encrypted.sealing_layer import SealingLayer
from duologue.limits import Limits


class EncryptedConnection(FragmentLayer):
    """An encrypted conversation: fragmenting on keep-alive on encryption on a carrier.

    `remote_key` is None until a frame of the other side has opened. Made by `encrypt_as_connector`
    and `encrypt_as_acceptor`.
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
        encrypted = SealingLayer(carrier, session_key, is_connector=is_connector)
        self._keepalive = KeepAliveLayer(encrypted, limits)
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
        self.on_confirmed.forget_listeners()
