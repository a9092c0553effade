"""A service that tells of rooms: its event has a key, and the last ones are kept."""

from typing import Final

from duologue.promisifier.promisifier import WebsocketPromisifier
from duologue.typed import (
    Client,
    Codec,
    Event,
    Params,
    SafeInt,
    Service,
    ServiceContract,
    Subscription,
)
from duologue.typed.model import Model

KEPT_EVENTS: Final = 10


class News(Model):
    """What the event carries."""

    room: str
    number: SafeInt


HAPPENED: Final = Event(
    id=1,
    name="happened",
    payload=Params(News),
    key=("room", Codec(str)),
    replay=KEPT_EVENTS,
)
CONTRACT: Final = ServiceContract(
    name="duologue.testing.v1.News",
    base=9200,
    digest="sha256:" + "3" * 64,
    methods=(),
    events=(HAPPENED,),
)


class NewsService(Service):
    """Tells whoever wants to hear."""

    __contract__ = CONTRACT

    def tell(self, room: str, *numbers: int, to: WebsocketPromisifier | None = None) -> None:
        """It has happened, once for each number; with `to`, for one peer alone."""
        for number in numbers:
            self._emit(HAPPENED, to, room=room, number=number)


class NewsClient(Client):
    """Hears of one room, or of all."""

    __contract__ = CONTRACT

    def on_happened(self, *, key: str | None = None, replay: int = 0) -> Subscription[News]:
        """What happens from now on; the last ones of each room first."""
        return self._on(HAPPENED, None, key=key, replay=replay)


async def numbers_of(subscription: Subscription[News], count: int) -> list[int]:
    """The next ones that come."""
    return [(await anext(subscription)).number for _ in range(count)]
