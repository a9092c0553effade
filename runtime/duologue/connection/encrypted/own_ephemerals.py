"""The keys that this process has made for handshakes, to know its own ones when it meets them."""

import os
from typing import Final

from duologue.connection.base import Connection, ConnectionState
from duologue.protocol.keys import KEY_BYTES, KeyPair


class OwnEphemerals:
    """The fresh public keys that this process has in use, by the identity they speak for.

    One set for the whole process, not one for each endpoint: a relay can hand what one endpoint
    dials to whichever other listens under the same key.
    """

    def __init__(self) -> None:
        self._in_use: set[tuple[bytes, bytes]] = set()

    def make(self, own_key: bytes, connection: Connection) -> KeyPair:
        """A new pair, known as ours until `connection` is closed."""
        pair = KeyPair.from_secret(os.urandom(KEY_BYTES))
        entry = (own_key, pair.public)
        self._in_use.add(entry)

        def forget(state: ConnectionState) -> None:
            if state is ConnectionState.CLOSED:
                self._in_use.discard(entry)

        connection.state.on_enter_state.listen(forget)
        forget(connection.state.current_state)
        return pair

    def __len__(self) -> int:
        return len(self._in_use)

    def has(self, own_key: bytes, ephemeral: bytes) -> bool:
        """Whether that identity has this key in use here."""
        return (own_key, ephemeral) in self._in_use


own_ephemerals: Final = OwnEphemerals()
