"""What an endpoint says of itself in the hello, and how it may be told not to."""

from typing import Final, Literal

from duologue.connection.base import Connection
from duologue.promisifier.negotiation import Negotiation, Role
from duologue.promisifier.promisifier import WebsocketPromisifier
from duologue.typed.service import Offer
from duologue.version import VERSION

Profile = Literal["auto", "base"]
"""Whether a peer introduces itself; one that knows only the base profile is served either way."""


AGENT: Final = f"duologue/{VERSION}"
"""Name and version of this library, as peers show it."""


def introduce(
    peer: WebsocketPromisifier,
    connection: Connection,
    role: Role,
    offer: Offer,
    same_contracts: bool,
) -> None:
    """Say hello: who we are, and what we offer (duologue profile 1)."""
    peer.negotiate(
        Negotiation(
            role=role,
            own_key=connection.own_key,
            remote_key=connection.claimed_key,
            services=offer.offered,
            limits=peer.limits,
            agent=AGENT,
            same_contracts=same_contracts,
        )
    )
