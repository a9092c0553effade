"""Being found at one relay: a number of spare connections, kept up whatever happens."""

import asyncio
import contextlib
import logging
import random
from collections.abc import Awaitable, Callable
from typing import Final

from duologue.connection.base import Connection
from duologue.errors import RelayError
from duologue.protocol.backoff import full_jitter, wished_pause_s
from duologue.relay.client.dial import RelayAccount
from duologue.relay.client.registration import Spare, register_spare

STEADY_S: Final = 60.0
"""A spare that lived so long was a success; losing it later starts the waiting times anew."""

_log: Final = logging.getLogger("duologue.relay")


class Presence:
    """Keeps `spares` connections registered at one relay, while `run` runs.

    While the relay is away, one of them tries, and the others wait for it.
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
        self._failures = 0
        """Of the relay as a whole, in a row."""
        self._wished_pause_s = 0.0
        """What stands before the relay has said how long it will take (`Retry-After`)."""
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
        account, failures = self._account, 0
        while True:
            # While the relay is away, one tries and the others queue behind it.
            turn = contextlib.nullcontext() if self._is_up else self._turn
            try:
                async with turn:
                    in_a_row = max(failures, self._failures)
                    pause_s = full_jitter(in_a_row, account.limits, self._chance)
                    await self._sleep(max(pause_s, self._wished_pause_s))
                    spare = await register_spare(account)
            except RelayError as error:
                failures += 1
                self._failures += 1
                self._is_up = False
                self._wished_pause_s = wished_pause_s(error)
                self._note_fault(error)
                continue
            self._is_up = True
            self._failures = 0
            self._wished_pause_s = 0.0
            self.fault = None
            since_s = self._clock()
            try:
                connection = await self._wait_for_caller(spare)
            except RelayError as error:
                was_steady = self._clock() - since_s >= STEADY_S
                failures = 1 if was_steady else failures + 1
                self._failures = max(self._failures, 1)
                self._is_up = False
                if was_steady:
                    # Relays close old spares; if more is wrong, the next try will tell.
                    _log.info("spare at %s closed: %s", account.url, error)
                else:
                    self._note_fault(error)
                continue
            failures = 0
            self._on_caller(connection)

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
