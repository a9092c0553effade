"""Being found at one relay: a number of spare connections, kept up whatever happens."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from math import inf
from typing import Final

from duologue.connection.base import Connection
from duologue.errors import RelayError
from duologue.protocol.backoff import STEADY_S, Backoff, Tries, wished_pause_s
from duologue.relay.client.dial import RelayAccount
from duologue.relay.client.registration import Spare, register_spare

FOLLOWING_S: Final = 1.0, 5.0
"""So long after the first the other spares follow, once a relay is back. Callers need that one; all
spares of all listeners within the two seconds in which the first ones come would be a storm."""

_log: Final = logging.getLogger("duologue.relay")


class Presence:
    """Keeps `spares` connections registered at one relay, while `run` runs.

    While the relay is away, one of them tries, as a peer with `reconnect=True` does (`Tries`), and
    the others wait for it.
    """

    def __init__(
        self,
        account: RelayAccount,
        spares: int,
        on_caller: Callable[[Connection], None],
        *,
        chance: Callable[[], float] = random.random,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] | None = None,
    ) -> None:
        """`on_caller` gets each connection that was handed over, and owns it from then on."""
        self.fault: RelayError | None = None
        """What was wrong at the last try; None once a spare is registered."""
        self.registered = 0
        """Spares that wait for callers now."""
        self._account = account
        self._wanted = spares
        self._on_caller = on_caller
        self._chance = chance
        self._sleep = sleep
        self._clock = clock or asyncio.get_running_loop().time
        self._is_up = False
        """Whether the last try, or the last word of a spare, was a good one."""
        limits = account.limits
        self._tries = Tries(Backoff(limits.reconnect_pause_s, limits.max_reconnect_pause_s), chance)
        self._due_s = -inf
        """When to try next, if it is not up."""
        self._turn = asyncio.Lock()
        self._tried = asyncio.Event()

    async def run(self) -> None:
        """Until it is cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self._wanted):
                group.create_task(self._keep_one())

    async def wait_tried(self) -> None:
        """Wait until the first try has succeeded or failed; see `fault`."""
        await self._tried.wait()

    async def _keep_one(self) -> None:
        while True:
            try:
                spare = await self._register()
            except RelayError as error:
                self._note_down(error)
                self._note_fault(error)
                continue
            self.fault = None
            since_s = self._clock()
            try:
                connection = await self._wait_for_caller(spare)
            except RelayError as error:
                lived_s = self._clock() - since_s
                self._tries.note_life(lived_s)
                self._note_down(error)
                if lived_s >= STEADY_S:
                    # Relays close old spares; if more is wrong, the next try will tell.
                    _log.info("spare at %s closed: %s", self._account.url, error)
                else:
                    self._note_fault(error)
                continue
            # What was handed over was a success, however soon.
            self._tries.note_life(inf)
            self._on_caller(connection)

    async def _register(self) -> Spare:
        """A new spare; while the relay is away, at the due time, and one at a time."""
        while not self._is_up:
            async with self._turn:
                if not self._is_up:
                    return await self._try()
            if self._due_s > -inf:
                soonest_s, latest_s = FOLLOWING_S
                await self._sleep(soonest_s + self._chance() * (latest_s - soonest_s))
        return await register_spare(self._account)

    async def _try(self) -> Spare:
        await self._sleep(max(self._due_s - self._clock(), 0.0))
        self._tries.begin(self._clock())
        try:
            spare = await register_spare(self._account)
        except RelayError as error:
            self._note_failure(error)
            raise
        self._is_up = True
        return spare

    def _note_down(self, error: RelayError) -> None:
        """Something has failed: of what is lost together, the first counts, and then tries do."""
        if self._is_up:
            self._note_failure(error)

    def _note_failure(self, error: RelayError) -> None:
        self._is_up = False
        now_s = self._clock()
        self._tries.wait_for(wished_pause_s(error), now_s)
        self._due_s = self._tries.next_try_s(now_s)

    async def _wait_for_caller(self, spare: Spare) -> Connection:
        self.registered += 1
        self._tried.set()
        try:
            return await spare.wait_for_caller()
        finally:
            self.registered -= 1

    def _note_fault(self, error: RelayError) -> None:
        # Once for each change: a relay that is away for a night must not fill the log.
        if str(error) != str(self.fault):
            _log.warning("not registered at %s: %s", self._account.url, error)
        self.fault = error
        self._tried.set()
