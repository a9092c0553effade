"""Two instances that fetch each other's objects, as peers of ONE.core do: onecore.chum.v1 at work.

    python -m tests.examples.chum

One connects, the other is connected to; from then on both do the same. First each says who it is,
before any call (`before=`). Then each calls the other: which protocol it speaks, what the roots
are, and what hangs below them. What comes is believed only if it has the hash it was asked by.
"""

import asyncio
import hashlib
import json
import logging
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Literal, TypeVar

from pydantic import BaseModel, JsonValue

import duologue
from duologue import (
    ByteStream,
    CallContext,
    DuologueError,
    Identity,
    OpenConnection,
    TextStream,
    WebsocketPromisifier,
)
from duologue.endpoints.first_words import Before
from generated.onecore.chum.v1 import (
    ChumBlobParams,
    ChumChildrenParams,
    ChumClient,
    ChumIdChildrenParams,
    ChumIdObjectTextParams,
    ChumObjectTextParams,
    ChumService,
    Encoding,
    NotAccessible,
)

VERSION = 1
Kept = TypeVar("Kept")
log = logging.getLogger(__name__)


class Entry(BaseModel):
    """What these two instances list as roots and children: where it hangs, and what it is."""

    kind: Literal["object", "id", "blob"]
    hash: str


class Store:
    """The objects of one instance, by hash."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        self.blobs: dict[str, bytes] = {}
        self.children: dict[str, list[Entry]] = {}
        self.roots: list[Entry] = []

    def add_text(
        self, text: str, *children: Entry, kind: Literal["object", "id"] = "object"
    ) -> Entry:
        """Keep an object, or an id object, that leads to `children`."""
        entry = Entry(kind=kind, hash=hash_of(text.encode()))
        self.texts[entry.hash] = text
        self.children[entry.hash] = list(children)
        return entry

    def add_blob(self, data: bytes) -> Entry:
        """Keep a file."""
        entry = Entry(kind="blob", hash=hash_of(data))
        self.blobs[entry.hash] = data
        return entry

    def has(self, entry: Entry) -> bool:
        """Whether it need not be fetched."""
        return entry.hash in (self.blobs if entry.kind == "blob" else self.texts)

    def take(self, other: "Store") -> int:
        """Keep all that is in `other`; returns how many objects that are."""
        self.texts |= other.texts
        self.blobs |= other.blobs
        self.children |= other.children
        self.roots += [entry for entry in other.roots if entry not in self.roots]
        return len(other.texts) + len(other.blobs)


def hash_of(data: bytes) -> str:
    """By what an object is known."""
    return hashlib.sha256(data).hexdigest()


class Chum(ChumService):
    """What one instance offers another one; `is_done` once that has all it wants."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.is_done = asyncio.Event()

    def version(self, ctx: CallContext) -> int:
        """The protocol of this side."""
        return VERSION

    def roots(self, ctx: CallContext) -> list[JsonValue]:
        """Where to begin."""
        return [entry.model_dump() for entry in self.store.roots]

    def children(self, params: ChumChildrenParams, ctx: CallContext) -> list[JsonValue]:
        """What an object leads to."""
        return self._children(params.hash)

    def id_children(self, params: ChumIdChildrenParams, ctx: CallContext) -> list[JsonValue]:
        """What an id object leads to."""
        return self._children(params.id_hash)

    def object_text(self, params: ChumObjectTextParams, ctx: CallContext) -> str:
        """An object."""
        return _found(self.store.texts, params.hash)

    def id_object_text(self, params: ChumIdObjectTextParams, ctx: CallContext) -> str:
        """An id object."""
        return _found(self.store.texts, params.id_hash)

    def blob(self, params: ChumBlobParams, ctx: CallContext) -> ByteStream | TextStream:
        """A file, as its reader wants it."""
        data = _found(self.store.blobs, params.hash)
        return TextStream(data.decode()) if params.encoding is Encoding.UTF8 else ByteStream(data)

    def fin(self, ctx: CallContext) -> None:
        """The other side has all."""
        self.is_done.set()

    def _children(self, wanted: str) -> list[JsonValue]:
        return [entry.model_dump() for entry in _found(self.store.children, wanted)]


def _found(kept: Mapping[str, Kept], wanted: str) -> Kept:
    if wanted not in kept:
        raise NotAccessible
    return kept[wanted]


def introduction(own: str, known: set[str]) -> Before:
    """Say `own`, and hear a name that is `known`; whoever has connected speaks first."""

    async def introduce(connection: OpenConnection) -> None:
        if connection.is_connector:
            connection.send(json.dumps({"instance": own}))
        heard: object = json.loads(await connection.receive())
        if heard not in [{"instance": each} for each in known]:
            raise ValueError("this instance is not known here")
        if not connection.is_connector:
            connection.send(json.dumps({"instance": own}))

    return introduce


async def fetch_all(chum: ChumClient, store: Store) -> int:
    """Fetch what the other side has and `store` has not; returns how many objects that were.

    Raises:
        ValueError: the other side speaks another protocol, or sends what was not asked for.
    """
    if (version := await chum.version()) != VERSION:
        raise ValueError(f"the other side speaks version {version}, this one {VERSION}")
    # Nothing is kept of half a tree: who has an object is taken to have what hangs below it.
    fetched = Store()
    fetched.roots = [Entry.model_validate(each) for each in await chum.roots()]
    waiting = list(fetched.roots)
    while waiting:
        entry = waiting.pop()
        if not store.has(entry) and not fetched.has(entry):
            waiting += await _fetch(chum, entry, fetched)
    count = store.take(fetched)
    await chum.fin()
    return count


async def _fetch(chum: ChumClient, entry: Entry, store: Store) -> list[Entry]:
    """Bring one object into `store`; returns what it leads to."""
    wanted = entry.hash
    if entry.kind == "blob":
        async with await chum.blob(hash=wanted) as stream:
            data = await stream.read()
        if not isinstance(data, bytes):
            raise ValueError(f"blob {wanted} came as text, and was asked for as bytes")
        _check_hash(wanted, data)
        store.blobs[wanted] = data
        return []
    if entry.kind == "id":
        text = await chum.id_object_text(id_hash=wanted)
        below = await chum.id_children(id_hash=wanted)
    else:
        text = await chum.object_text(hash=wanted)
        below = await chum.children(hash=wanted)
    _check_hash(wanted, text.encode())
    store.texts[wanted] = text
    store.children[wanted] = [Entry.model_validate(each) for each in below]
    return store.children[wanted]


def _check_hash(wanted: str, data: bytes) -> None:
    if (met := hash_of(data)) != wanted:
        raise ValueError(f"asked for {wanted}, and got what has the hash {met}")


async def initiate(url: str, identity: Identity, to: bytes, name: str, store: Store) -> int:
    """Connect, fetch all there is, and stay until the other side has all, too."""
    offered = Chum(store)
    before = introduction(name, {"acceptor"})
    async with duologue.connect(
        url, offer=[offered], identity=identity, to=to, before=before
    ) as peer:
        count = await fetch_all(ChumClient(peer), store)
        async with asyncio.timeout(60):
            await offered.is_done.wait()
        return count


@asynccontextmanager
async def accepting(
    identity: Identity, allow: set[bytes], known: set[str], store: Store
) -> AsyncGenerator[duologue.Server]:
    """Be connected to; what each who comes has is fetched."""

    async def fetch_from(peer: WebsocketPromisifier) -> None:
        try:
            await fetch_all(ChumClient(peer), store)
        except (DuologueError, ValueError) as error:
            log.warning("nothing fetched: %s", error)
            peer.close("nothing fetched")

    before = introduction("acceptor", known)
    async with asyncio.TaskGroup() as tasks:

        def begin(peer: WebsocketPromisifier) -> None:
            tasks.create_task(fetch_from(peer))

        async with duologue.serve(
            Chum(store), identity=identity, allow=allow, before=before, on_peer=begin
        ) as server:
            yield server


async def main() -> None:
    """Both sides in one process: each has what the other one lacks."""
    ann, ben = Identity.generate(), Identity.generate()
    anns, bens = Store(), Store()
    picture = anns.add_blob(bytes(100_000))
    person = anns.add_text("<id>Ann</id>", kind="id")
    anns.roots = [anns.add_text("<note>Look at this</note>", picture, person)]
    bens.roots = [bens.add_text("<note>Hello from Ben</note>")]
    async with accepting(ben, {ann.public_key}, {"initiator"}, bens) as server:
        url = f"ws://127.0.0.1:{server.port}"
        count = await initiate(url, ann, ben.public_key, "initiator", anns)
    print(f"the initiator has fetched {count}: {len(anns.texts)} texts, {len(anns.blobs)} blob")
    print(f"the acceptor has {len(bens.texts)} texts and {len(bens.blobs)} blob now")


if __name__ == "__main__":
    asyncio.run(main())
