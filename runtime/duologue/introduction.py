"""What an endpoint says of itself in the hello, and how it may be told not to."""

from functools import cache
from typing import Literal

from duologue.connection.base import Connection
from duologue.promisifier.negotiation import Negotiation, Role
from duologue.promisifier.promisifier import WebsocketPromisifier
from duologue.typed.service import Offer

Profile = Literal["auto", "base"]
"""Whether a peer introduces itself; one that knows only the base profile is served either way."""


@cache
def agent() -> str:
    """Name and version of this library, as peers show it."""
    # Looked up late: reading the metadata costs more than the rest of the import.
    from importlib.metadata import PackageNotFoundError, version

    try:
        return f"duologue/{version('duologue')}"
    except PackageNotFoundError:
        # Frozen into an application, or run from a folder: there is no metadata.
        return "duologue"


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
            agent=agent(),
            same_contracts=same_contracts,
        )
    )
