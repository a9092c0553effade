"""Services that wait at communication servers, while they do."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Final

from duologue.connection.encrypted.allow import Allow
from duologue.connection.encrypted.gate import EncryptionGate
from duologue.endpoints.hosting import Host
from duologue.endpoints.manner import Manner
from duologue.errors import HandshakeFault, RelayError
from duologue.identity import Identity
from duologue.relay.client.dial import RelayAccount
from duologue.relay.client.presence import Presence

_log: Final = logging.getLogger("duologue")


class Listener(Host):
    """Services that can be called through relays; made by `listen`, runs inside `async with`.

    Leaving the block ends it gracefully: no new conversations, calls that run may finish within
    `Limits.drain_timeout_s`, new calls are answered GOING_AWAY, then every connection is closed.
    Peers that reconnect are told when to: each at a moment of its own, within that time and 5 s.
    """

    kind = "listener"

    def __init__(
        self,
        accounts: Sequence[RelayAccount],
        spares: int,
        identity: Identity,
        allow: Allow,
        manner: Manner,
        *,
        loopback: bool,
    ) -> None:
        self._identity = identity
        super().__init__(manner)
        self._gate = EncryptionGate(
            identity, allow, manner.limits, self._conversations.welcome, loopback=loopback
        )
        self._presences = {
            account.url: Presence(account, spares, self._gate.admit) for account in accounts
        }
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def public_key(self) -> bytes:
        """What callers dial: `dial(relay_url, to=this)`."""
        return self._identity.public_key

    def _where(self) -> str:
        relays = " ".join(
            f"{url}{'' if presence.registered else ' (not registered)'}"
            for url, presence in self._presences.items()
        )
        return f"at {relays} key={self.public_key.hex()[:8]}"

    @property
    def rejected(self) -> Mapping[HandshakeFault, int]:
        """How many callers came to nothing, by what was wrong; a live view."""
        return self._gate.rejected

    @property
    def faults(self) -> Mapping[str, RelayError]:
        """The relays at which nothing is registered at present, and why."""
        return {
            url: presence.fault
            for url, presence in self._presences.items()
            if presence.fault is not None and not presence.registered
        }

    async def _open(self) -> None:
        self._tasks = [asyncio.create_task(each.run()) for each in self._presences.values()]
        try:
            await self._wait_registered()
        except BaseException:
            # Cancellation included: nobody would close it.
            await self.close()
            raise
        for task in self._tasks:
            task.add_done_callback(_note_end)

    async def _wait_registered(self) -> None:
        """Until one relay has taken us; if none does at the first try, raise what one says."""
        waiting = [asyncio.create_task(each.wait_tried()) for each in self._presences.values()]
        unfinished = {*waiting, *self._tasks}
        try:
            while not unfinished.isdisjoint(waiting):
                done, unfinished = await asyncio.wait(
                    unfinished, return_when=asyncio.FIRST_COMPLETED
                )
                if any(presence.registered for presence in self._presences.values()):
                    return
                for ended in done.intersection(self._tasks):
                    # It tries no more: of arguments that cannot be used, or because we are closed.
                    _raise_fault(ended)
                    return
        finally:
            for task in waiting:
                task.cancel()
        faults = [each.fault for each in self._presences.values() if each.fault is not None]
        if faults:
            raise faults[0]

    async def _stop_listening(self) -> None:
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _close(self) -> None:
        await self._stop_listening()
        await self._gate.close()
        await self._conversations.end("the listener is shutting down")


def _raise_fault(task: asyncio.Task[None]) -> None:
    """Raises what has ended it, if anything has; of a group its first one."""
    if task.cancelled():
        return
    try:
        task.result()
    except* Exception as group:
        errors = [*group.exceptions]
    else:
        return
    # Alone: it is about the arguments, and who has given them expects it as it is.
    raise errors[0]


def _note_end(task: asyncio.Task[None]) -> None:
    error = None if task.cancelled() else task.exception()
    if error is not None:
        _log.error("a relay is not listened to any more", exc_info=error)
