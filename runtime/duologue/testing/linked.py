"""For tests: conversations without a network."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar

from duologue.connection.memory import connected_pair as connected_pair
from duologue.endpoints.hosting import Manner
from duologue.limits import Limits
from duologue.promisifier.promisifier import WebsocketPromisifier
from duologue.testing.connection_check import check_connection as check_connection
from duologue.typed.service import Offer, Service

C = TypeVar("C")


@asynccontextmanager
async def linked_peers(
    left: Sequence[Service] = (),
    right: Sequence[Service] = (),
    *,
    limits: Limits | None = None,
) -> AsyncGenerator[tuple[WebsocketPromisifier, WebsocketPromisifier]]:
    """Two ends of one conversation in memory: each offers its services to the other."""
    limits = limits or Limits()
    left_connection, right_connection = connected_pair(limits)
    # As at the endpoints: both sides introduce themselves, so that what needs it is here, too.
    left_peer = Manner(offer=Offer(left), limits=limits).begin(left_connection, "acceptor")
    right_peer = Manner(offer=Offer(right), limits=limits).begin(right_connection, "connector")
    try:
        await left_peer.introduced()
        await right_peer.introduced()
        yield left_peer, right_peer
    finally:
        left_peer.close()
        await left_peer.promise.wait()
        await right_peer.promise.wait()


@asynccontextmanager
async def linked(
    service: Service,
    client: Callable[[WebsocketPromisifier], C],
    *,
    offer: Sequence[Service] = (),
    limits: Limits | None = None,
) -> AsyncGenerator[C]:
    """A client joined to a service through the real protocol, with no port and no mocks.

    `offer` are services of the client's side, which the service may call through `ctx.peer`.

        async with linked(Rooms(), RoomsClient) as rooms:
            member = await rooms.join(room="lobby", name="Ann")
    """
    async with linked_peers([service], offer, limits=limits) as (_, caller):
        yield client(caller)
