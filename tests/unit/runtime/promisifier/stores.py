"""A service that takes and gives bytes, long enough to travel beside the JSON."""

import asyncio
from typing import Any

from duologue.limits import PART_ABOVE_BYTES
from duologue.promisifier.promisifier import WebsocketPromisifier
from duologue.protocol.hello import OfferedService
from duologue.typed import Client, Codec, Params, Service, ServiceContract, Unary
from duologue.typed.context import CallContext
from duologue.typed.model import Model
from duologue.typed.service import Offer
from tests.support import greeting

LONG = bytes(PART_ABOVE_BYTES + 1)
SHORT = bytes(PART_ABOVE_BYTES)
DIGEST = "sha256:aa"


class KeepParams(Model):
    name: str = ""
    blob: bytes = b""


KEEP = Unary(id=1, name="keep", params=Params(KeepParams), returns=Codec(bytes))
MEASURE = Unary(id=2, name="measure", params=Params(KeepParams), returns=Codec(int))
STORE = ServiceContract(name="t.v1.Store", base=100, digest=DIGEST, methods=(KEEP, MEASURE))


class StoreClient(Client):
    __contract__ = STORE

    def keep(self, *, name: str = "", blob: bytes = b"") -> Any:
        return self._unary(KEEP, name=name, blob=blob)

    def measure(self, *, name: str = "", blob: bytes = b"") -> Any:
        return self._unary(MEASURE, name=name, blob=blob)


class Store(Service):
    __contract__ = STORE

    def __init__(self) -> None:
        self.kept: list[bytes] = []

    def keep(self, params: KeepParams, ctx: CallContext) -> bytes:
        self.kept.append(params.blob)
        return params.blob

    def measure(self, params: KeepParams, ctx: CallContext) -> int:
        self.kept.append(params.blob)
        return len(params.blob)


class SlowStore(Store):
    """Answers when it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.may_answer = asyncio.Event()

    async def keep(self, params: KeepParams, ctx: CallContext) -> bytes:  # type: ignore[override]
        self.kept.append(params.blob)
        await self.may_answer.wait()
        return params.blob


def introduce(peer: WebsocketPromisifier, offer: Offer | None, digest: str = DIGEST) -> None:
    services = [OfferedService("t.v1.Store", 100, digest)] if offer else []
    if offer is not None:
        offer.make_to(peer)
    peer.greet(greeting(*services, limits=peer.limits))
