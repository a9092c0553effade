"""Calls that must know what the other side is before they leave."""

import asyncio

from duologue.errors import DeadlineExceeded
from duologue.promisifier.deadline_scope import due_in_force
from duologue.promisifier.promisifier import WebsocketPromisifier


async def introduced(peer: WebsocketPromisifier, what: str, timeout_s: float | None) -> None:
    """Wait, for a call of `what`, until it is known what the other side is.

    Raises:
        DeadlineExceeded: that took longer than `timeout_s`, or than what bounds calls here.
    """
    if peer.is_settled:
        return
    now_s = asyncio.get_running_loop().time()
    seconds = peer.limits.call_timeout_s if timeout_s is None else timeout_s
    seconds = min(seconds, due_in_force() - now_s)
    patience = asyncio.timeout_at(now_s + seconds)
    try:
        async with patience:
            await peer.introduced()
    except TimeoutError:
        if not patience.expired():
            raise
        raise DeadlineExceeded(
            f"{what} could not leave within {seconds:.3g} s: the other side did not say what it is",
            details={"where": "leaving"},
        ) from None
