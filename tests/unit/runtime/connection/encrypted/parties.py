"""Ann, who connects, and Ben, who accepts; ours or foreign ones."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
from nacl.public import PrivateKey

from duologue.connection.base import Connection, ConnectionState, Message
from duologue.connection.encrypted.allow import ANYONE, Allow
from duologue.connection.encrypted.handshaking import (
    AcceptanceBook,
    EncryptedConnection,
    carrier_limits,
    encrypt_as_acceptor,
    encrypt_as_connector,
)
from duologue.connection.memory import connected_pair
from duologue.errors import HandshakeFailed
from duologue.identity import Identity
from duologue.limits import Limits
from tests.foreign_peer import Dialogue
from tests.stopwatch import PATIENCE_S
from tests.support import turns

BEN_SECRET = PrivateKey(bytes(range(32)))
BEN = Identity.from_secret(bytes(range(32)))
ANN_SECRET = PrivateKey(bytes(range(32, 64)))
ANN = Identity.from_secret(bytes(ANN_SECRET))
SHORT = Limits(handshake_timeout_s=0.05, confirm_timeout_s=0.05)


class MemorySocket:
    """One end of a connection in memory, as awaitable calls."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._arrived: asyncio.Queue[Message] = asyncio.Queue()
        connection.on_message.listen(self._arrived.put_nowait)

    async def send(self, message: str | bytes) -> None:
        self.connection.send(message)

    async def recv(self) -> str | bytes:
        return await asyncio.wait_for(self._arrived.get(), 10)

    @property
    def is_silent(self) -> bool:
        """Whether nothing has come that was not taken."""
        return self._arrived.empty()


class Acceptance:
    """Ben accepting, under way, and the wire to him."""

    def __init__(
        self,
        allow: Allow = ANYONE,
        limits: Limits | None = None,
        book: AcceptanceBook | None = None,
        loopback: bool = False,
    ) -> None:
        limits = limits or Limits()
        far, self.carrier = connected_pair(carrier_limits(limits))
        self.wire = MemorySocket(far)
        self.book = book or AcceptanceBook(limits)
        self.task = asyncio.create_task(
            encrypt_as_acceptor(self.carrier, BEN, allow, limits, book=self.book, loopback=loopback)
        )

    async def fault(self) -> str:
        """Why it failed; after its end, everything must be closed and counted."""
        with pytest.raises(HandshakeFailed) as failure:
            await asyncio.wait_for(self.task, PATIENCE_S)
        assert self.carrier.state.current_state is not ConnectionState.OPEN
        assert self.book.number_unconfirmed == 0
        assert self.book.rejected[failure.value.fault] >= 1
        return failure.value.fault

    async def connect(self, own: PrivateKey = ANN_SECRET) -> Dialogue:
        """The foreign connector's handshake."""
        return await Dialogue.connect(self.wire, own, BEN.public_key)


@asynccontextmanager
async def accepting(
    allow: Allow = ANYONE,
    limits: Limits | None = None,
    book: AcceptanceBook | None = None,
    loopback: bool = False,
) -> AsyncGenerator[Acceptance]:
    acceptance = Acceptance(allow, limits, book, loopback)
    try:
        yield acceptance
    finally:
        acceptance.task.cancel()
        await asyncio.wait([acceptance.task])
        acceptance.carrier.terminate("test is over")
        await turns(4)


async def encrypted_pair(
    limits: Limits | None = None,
) -> tuple[EncryptedConnection, EncryptedConnection]:
    limits = limits or Limits()
    left, right = connected_pair(carrier_limits(limits))
    return await asyncio.gather(
        encrypt_as_connector(left, ANN, BEN.public_key, limits),
        encrypt_as_acceptor(right, BEN, [ANN.public_key], limits, book=AcceptanceBook(limits)),
    )


@asynccontextmanager
async def connecting(
    target: bytes = BEN.public_key, limits: Limits | None = None
) -> AsyncGenerator[tuple[MemorySocket, "asyncio.Task[EncryptedConnection]"]]:
    limits = limits or Limits()
    carrier, far = connected_pair(carrier_limits(limits))
    task = asyncio.create_task(encrypt_as_connector(carrier, ANN, target, limits))
    try:
        yield MemorySocket(far), task
    finally:
        task.cancel()
        await asyncio.wait([task])
        carrier.terminate("test is over")
        await turns(4)
