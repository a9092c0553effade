"""Opening an encrypted connection, over whatever connection leads to the other side."""

import asyncio
from collections.abc import Awaitable, Callable

from duologue.connection.base import Connection
from duologue.connection.encrypted.handshaking import carrier_limits, encrypt_as_connector
from duologue.connection.encrypted.stack import EncryptedConnection
from duologue.errors import DuologueError, HandshakeFailed
from duologue.identity import Identity
from duologue.limits import Limits

DialCarrier = Callable[[Limits, float], Awaitable[Connection]]
"""Opens a connection with these limits, within so many seconds."""

RefusalFor = Callable[[str], DuologueError | None]
"""What the close reason of a carrier stands for, if whoever closed it has words of its own."""


def _no_refusal(_close_reason: str) -> None:
    """Other peers have none."""


async def dial_encrypted(
    dial_carrier: DialCarrier,
    identity: Identity,
    target: bytes,
    limits: Limits,
    *,
    loopback: bool,
    timeout_s: float,
    refusal_for: RefusalFor = _no_refusal,
) -> EncryptedConnection:
    """An encrypted connection to the holder of `target`; `timeout_s` covers all of it.

    Raises:
        UnsafeKey, HandshakeFailed, DeadlineExceeded: as `encrypt_as_connector`.
        Whatever `dial_carrier` raises; and what `refusal_for` makes of the carrier's close reason,
        in the place of `HandshakeFailed`.
    """
    loop = asyncio.get_running_loop()
    due_s = loop.time() + timeout_s
    carrier = await dial_carrier(carrier_limits(limits), timeout_s)
    try:
        return await encrypt_as_connector(
            carrier,
            identity,
            target,
            limits,
            loopback=loopback,
            timeout_s=max(0.0, due_s - loop.time()),
        )
    except HandshakeFailed as error:
        refusal = refusal_for(carrier.close_reason)
        if refusal is None:
            raise
        raise refusal from error
