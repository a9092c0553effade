"""A service with events, its contract written by hand, and a client of it."""

from duologue import CallContext, Model
from duologue.typed import (
    NO_PARAMS,
    NOTHING,
    Client,
    Codec,
    Event,
    EventHandler,
    Params,
    Peer,
    SafeInt,
    Service,
    ServiceContract,
    Subscription,
    Unary,
)


class Ticked(Model):
    """Payload of both events."""

    number: SafeInt
    zone: str = "utc"


PING = Unary(id=1, name="ping", params=NO_PARAMS, returns=NOTHING)
TICKED = Event(id=20, name="ticked", payload=Params(Ticked))
RANG = Event(id=21, name="rang", payload=Params(Ticked), key=("zone", Codec(str)), replay=3)
STRUCK = Event(id=22, name="struck", payload=Params(Ticked), max_waiting=2, when_full="close")
CLOCK = ServiceContract(
    name="clock.v1.Clock", base=100, digest="", methods=(PING,), events=(TICKED, RANG, STRUCK)
)


class ClockClient(Client):
    """What would be generated."""

    __contract__ = CLOCK

    async def ping(self) -> None:
        return await self._unary(PING)

    def on_ticked(self, handler: EventHandler[Ticked] | None = None) -> Subscription[Ticked]:
        return self._on(TICKED, handler)

    def on_rang(
        self, handler: EventHandler[Ticked] | None = None, *, key: object = None, replay: int = 0
    ) -> Subscription[Ticked]:
        return self._on(RANG, handler, key=key, replay=replay)

    def on_struck(self, handler: EventHandler[Ticked] | None = None) -> Subscription[Ticked]:
        return self._on(STRUCK, handler)


class Clock(Service):
    """What would be generated, and its one method."""

    __contract__ = CLOCK

    def emit_ticked(self, peer: Peer | None = None, /, *, number: int, zone: str = "utc") -> None:
        self._emit(TICKED, peer, number=number, zone=zone)

    def emit_rang(self, peer: Peer | None = None, /, *, number: int, zone: str) -> None:
        self._emit(RANG, peer, number=number, zone=zone)

    def emit_struck(self, peer: Peer | None = None, /, *, number: int) -> None:
        self._emit(STRUCK, peer, number=number)

    def ping(self, ctx: CallContext) -> None:
        self.emit_ticked(ctx.peer, number=7)
