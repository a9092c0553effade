"""How long the parts of a message may take to come (PROTOCOL 12)."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from duologue.errors import LimitExceeded
from duologue.limits import Limits
from duologue.protocol.arriving_parcel import ArrivingParcel
from duologue.protocol.fragments import FRAGMENT_BYTES
from duologue.protocol.session import Session

if TYPE_CHECKING:
    # It brings what only an open connection needs.
    from duologue.connection.event_loop import Loop, Timer


class PartsDeadline:
    """Gives the conversation up when a part that was announced does not come.

    Until it has come, the rest of its message is held in memory, and nothing else can be said. One
    timer for all parts of a message: it looks what has come since it was set, so that a part costs
    no timer of its own.
    """

    def __init__(
        self,
        loop: "Loop",
        session: Session[Any],
        limits: Limits,
        give_up: Callable[[LimitExceeded], None],
    ) -> None:
        self._loop = loop
        self._session = session
        self._timeout_s = limits.fragment_timeout_s
        self._give_up = give_up
        self._timer: Timer | None = None
        self._watched: tuple[ArrivingParcel | None, int] = (None, 0)

    def watch(self) -> None:
        """The time runs from now on, if parts are to come and it does not run already."""
        arriving = self._session.arriving
        if arriving is not None and self._timer is None:
            self._watched = (arriving, len(arriving.parts))
            pieces = arriving.next_size // FRAGMENT_BYTES + 1
            self._timer = self._loop.call_later(pieces * self._timeout_s, self._look)

    def stop(self) -> None:
        """The time stands still: nothing is taken from the connection."""
        self._watched = (None, 0)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def end(self) -> None:
        """Leave neither a timer nor `give_up` behind."""
        self.stop()
        self._give_up = _ignore

    def _look(self) -> None:
        watched, number = self._watched
        self.stop()
        arriving = self._session.arriving
        if arriving is not None and arriving is watched and len(arriving.parts) == number:
            self._give_up(LimitExceeded("fragment_timeout_s", self._timeout_s))
        else:
            self.watch()


def _ignore(_: LimitExceeded) -> None:
    pass
