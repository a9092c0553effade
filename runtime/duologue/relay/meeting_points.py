"""Meeting points: two parties that know the same names are joined; no keys (base profile 9.2).

For development only: everybody who knows, or guesses, a name can come, and the relay reads all.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from duologue.connection.base import ConnectionState, Message
from duologue.errors import ConnectionClosed
from duologue.relay.lane import Lane
from duologue.relay.limits import RelayLimits
from duologue.relay.link import Link
from duologue.relay.messages import BadCommand, decode_object

BAD_FIRST_MESSAGE: Final = 4000
REFUSED: Final = 4001
OTHER_LEFT: Final = 4002

JOINED_TEXT: Final = '{"connected":true,"groupSize":2}'
PING_EVERY_S: Final = 10.0
MAX_NAME_CHARACTERS: Final = 256

_Names = tuple[str, str]


@dataclass(slots=True, eq=False)
class _Guest:
    link: Link
    names: _Names
    other: "_Guest | None" = None
    lane: Lane | None = None
    """What it sends."""
    is_asked: bool = False
    """A ping is out; whatever comes next is its answer."""
    asked_at_bytes: int = 0


class MeetingPoints:
    """The parties at all meeting points. Owns the links it was given until they are gone."""

    def __init__(
        self,
        limits: RelayLimits,
        clock: Callable[[], float],
        on_breather: Callable[[Lane], None],
        on_known: Callable[[Link], None],
    ) -> None:
        self._limits = limits
        self._clock = clock
        self._on_breather = on_breather
        self._on_known = on_known
        self._alone: dict[_Names, _Guest] = {}
        self._joined: set[_Names] = set()
        self._guests: set[_Guest] = set()
        self._next_ping_s = clock() + PING_EVERY_S

    def __len__(self) -> int:
        return len(self._guests)

    def receive_first(self, link: Link, message: Message) -> bool:
        """Judge a link's first message; False if it belongs to the other protocol."""
        if not isinstance(message, str):
            link.close_as(BAD_FIRST_MESSAGE, "Invalid message (expected a JSON string)")
            return True
        try:
            fields = decode_object(message)
        except BadCommand:
            link.close_as(REFUSED, "Invalid JSON")
            return True
        if "command" in fields:
            return False
        names: list[str] = []
        for field in ("self", "other"):
            name = fields.get(field)
            if not isinstance(name, str) or len(name) > MAX_NAME_CHARACTERS:
                # With the stray quote: it is what clients of the original look for.
                link.close_as(REFUSED, f'Expected "{field}" to be a string"')
                return True
            names.append(name)
        # `spawn` made the original start a program; it is never honoured.
        first, second = sorted(names)
        self._arrive(link, (first, second))
        return True

    def sweep(self) -> None:
        """Ping everybody every ten seconds; drop who has said nothing since the last time."""
        now_s = self._clock()
        if now_s < self._next_ping_s:
            return
        self._next_ping_s = now_s + PING_EVERY_S
        for guest in list(self._guests):
            if guest.is_asked and guest.link.received_bytes == guest.asked_at_bytes:
                guest.link.terminate("Ping: Connection timed out")
                continue
            guest.is_asked = True
            guest.asked_at_bytes = guest.link.received_bytes
            guest.link.send_ping_frame()

    def _arrive(self, link: Link, names: _Names) -> None:
        if names in self._joined:
            link.close_as(REFUSED, "Group full (2 members)")
            return
        guest = _Guest(link, names)
        self._guests.add(guest)
        link.state.on_enter_state.listen(lambda _: self._leave(guest))
        self._on_known(link)
        first = self._alone.pop(names, None)
        if first is None:
            self._alone[names] = guest
            return
        self._joined.add(names)
        for one, other in ((first, guest), (guest, first)):
            one.other = other
            one.lane = Lane(one.link, other.link, self._limits, self._clock, self._on_breather)
            one.link.allow_message_bytes(self._limits.max_frame_bytes)
        for one in (first, guest):
            try:
                one.link.send(JOINED_TEXT)
            except ConnectionClosed:
                return
        for one in (first, guest):
            if one.lane is not None:
                one.link.pass_on(one.lane)

    def _leave(self, guest: _Guest) -> None:
        if guest not in self._guests:
            return
        self._guests.discard(guest)
        if self._alone.get(guest.names) is guest:
            del self._alone[guest.names]
        other = guest.other
        if other is None:
            return
        self._joined.discard(guest.names)
        for each in (guest, other):
            if each.lane is not None:
                each.lane.stop()
            each.other = None
        if other.link.state.current_state is ConnectionState.OPEN:
            other.link.close_as(OTHER_LEFT, "")
