"""An event loop whose time passes only when told to, and a carrier that records."""

from collections.abc import Callable

from duologue.connection.base import Connection, ConnectionState, Message
from duologue.protocol.closing import close_text, terminate_text

Callback = Callable[[], object]


class PretendTimer:
    def __init__(self, due_s: float, call: Callback) -> None:
        self.due_s = due_s
        self.call = call
        self.is_cancelled = False

    def cancel(self) -> None:
        self.is_cancelled = True


class PretendLoop:
    """Has timers only."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        self._timers: list[PretendTimer] = []

    @property
    def timers(self) -> list[PretendTimer]:
        """Those that were neither cancelled nor run, the earliest first."""
        live = [timer for timer in self._timers if not timer.is_cancelled]
        return sorted(live, key=lambda timer: timer.due_s)

    def time(self) -> float:
        return self.now_s

    def call_soon(self, callback: Callback, /) -> None:
        raise AssertionError("not needed here")

    def call_later(self, delay: float, callback: Callback, /) -> PretendTimer:
        timer = PretendTimer(self.now_s + delay, callback)
        self._timers.append(timer)
        return timer

    def pass_time(self, seconds: float) -> None:
        """Run what becomes due on the way, each at its moment."""
        end_s = self.now_s + seconds
        while self.timers and self.timers[0].due_s <= end_s:
            timer = self.timers[0]
            self.now_s = max(self.now_s, timer.due_s)
            timer.cancel()
            timer.call()
        self.now_s = end_s

    def stall(self, seconds: float) -> None:
        """Let time pass without running anything."""
        self.now_s += seconds


class PretendCarrier(Connection):
    """Records what it is given; messages arrive when a test says so."""

    def __init__(self) -> None:
        super().__init__(ConnectionState.OPEN)
        self.sent: list[Message] = []
        self.is_half_way = False
        """Whether a message has begun to come."""

    def send(self, message: Message) -> None:
        if self.state.current_state is not ConnectionState.OPEN:
            raise self._refuse_send()
        self.sent.append(message)

    def close(self, reason: str | None = None) -> None:
        if self.state.current_state is ConnectionState.OPEN:
            self.close_reason = close_text(reason)
            self.state.enter(ConnectionState.CLOSING)

    def terminate(self, reason: str) -> None:
        self.end(1006, terminate_text(reason))

    @property
    def buffered_amount(self) -> int:
        return 0

    @property
    def is_mid_message(self) -> bool:
        return self.is_half_way

    def arrive(self, *messages: Message) -> None:
        """The other side's messages come in."""
        for message in messages:
            if self.state.current_state is ConnectionState.OPEN:
                self.on_message.emit(message)

    def end(self, code: int, reason: str) -> None:
        """The connection is over."""
        self._end(code, reason)
