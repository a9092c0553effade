"""A service with items in all shapes, its contract written by hand, and its client."""

from collections.abc import AsyncIterator
from typing import Final

from duologue.bench.generated.echo.v1 import Item
from duologue.bench.load import SMALL
from duologue.typed import (
    NO_PARAMS,
    NOTHING,
    Client,
    Codec,
    Download,
    Duplex,
    Exchange,
    Incoming,
    Outgoing,
    Params,
    SafeInt,
    Service,
    ServiceContract,
    Upload,
)
from duologue.typed.context import CallContext
from duologue.typed.model import Model


class HowMany(Model):
    """Params of `count`."""

    items: SafeInt
    characters: SafeInt = 0
    """Of text in each; 0 is the payload of all measurements."""


COUNT: Final = Download(
    id=1, name="count", params=Params(HowMany), yields=Codec(Item), returns=NOTHING
)
TAKE: Final = Upload(
    id=2, name="take", params=NO_PARAMS, sends=Codec(Item), returns=Codec[SafeInt](SafeInt)
)
MIRROR: Final = Duplex(
    id=3, name="mirror", params=NO_PARAMS, sends=Codec(Item), yields=Codec(Item), returns=NOTHING
)

CONTRACT: Final = ServiceContract(
    name="echo.v1.StreamedEcho",
    base=5000,
    digest="sha256:" + "5" * 64,
    methods=(COUNT, TAKE, MIRROR),
)


class StreamedEcho(Service):
    """Makes items, takes them, and gives them back."""

    __contract__ = CONTRACT

    async def count(self, params: HowMany, ctx: CallContext) -> AsyncIterator[Item]:
        """So many items."""
        payload = {**SMALL, "name": "n" * params.characters} if params.characters else SMALL
        for _ in range(params.items):
            yield Item(**payload)

    async def take(self, items: AsyncIterator[Item], ctx: CallContext) -> int:
        """How many have come."""
        number = 0
        async for _item in items:
            number += 1
        return number

    async def mirror(self, items: AsyncIterator[Item], ctx: CallContext) -> AsyncIterator[Item]:
        """Each item, its number raised by one."""
        async for item in items:
            yield Item(name=item.name, number=item.number + 1, ratio=item.ratio, tags=item.tags)


class StreamedEchoClient(Client):
    """Calls a `StreamedEcho` of the other side."""

    __contract__ = CONTRACT

    def count(self, *, items: int, characters: int = 0) -> Incoming[Item, None]:
        """So many items come."""
        return self._download(COUNT, items=items, characters=characters)

    def take(self) -> Outgoing[Item, int]:
        """Items go; how many they were comes."""
        return self._upload(TAKE)

    def mirror(self) -> Exchange[Item, Item, None]:
        """Items go, and as many come."""
        return self._duplex(MIRROR)
