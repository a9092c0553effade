"""A block that is left when somebody else is done."""

import asyncio
from types import TracebackType
from typing import Any, Self


class UntilDone:
    """Leaves its block, quietly, once a future is done; as `asyncio.timeout` once time is up.

    What is awaited in the block is cancelled then, in the task that awaits it.
    """

    def __init__(self, future: "asyncio.Future[Any]") -> None:
        self._future = future
        self._task: asyncio.Task[Any] | None = None
        """Whose block it is, while it is in there."""
        self._cancelling = 0
        self._has_interrupted = False

    async def __aenter__(self) -> Self:
        task = self._task = asyncio.current_task()
        assert task is not None
        self._cancelling = task.cancelling()
        self._future.add_done_callback(self._interrupt)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        task, self._task = self._task, None
        self._future.remove_done_callback(self._interrupt)
        if task is None or not self._has_interrupted:
            return False
        # Somebody else may have cancelled the task as well: then that is what happens.
        return task.uncancel() <= self._cancelling and kind is asyncio.CancelledError

    def _interrupt(self, _: object) -> None:
        # Told in a later turn than the one in which the future is done: the block may be over.
        if self._task is not None:
            self._has_interrupted = True
            self._task.cancel()
