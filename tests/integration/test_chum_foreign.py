"""The example peer of onecore.chum.v1 against a foreign one, written from the text of the profile.

Both roles. The foreign side says who it is before the first call, has objects of its own, and
fetches ours by number.
"""

import asyncio
import hashlib
import json
import struct
from typing import Any

import pytest
from nacl.public import PrivateKey
from websockets.asyncio.client import connect as plain_connect
from websockets.asyncio.server import ServerConnection
from websockets.asyncio.server import serve as plain_serve

import duologue
from duologue import Identity, UnknownError
from generated.onecore.chum.v1 import ChumClient, Encoding, NotAccessible
from tests.examples.chum import Chum, Entry, Store, accepting, initiate, introduction
from tests.foreign_peer import Dialogue

OURS, THEIRS = PrivateKey(bytes(range(32))), PrivateKey(bytes(range(1, 33)))
US, THEM = Identity.from_secret(bytes(OURS)), Identity.from_secret(bytes(THEIRS))
ABSENT = "cd" * 32
NOTE, PERSON, FILE = "<note>…</note>", "<id>Ann</id>", b"\x00\xffpicture"


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


FOREIGN_NOTE, FOREIGN_PERSON, FOREIGN_FILE = (
    {"kind": "object", "hash": sha256(NOTE.encode())},
    {"kind": "id", "hash": sha256(PERSON.encode())},
    {"kind": "blob", "hash": sha256(FILE)},
)


def our_store() -> tuple[Store, Entry, Entry]:
    store = Store()
    text = store.add_blob("ein Brief, größer".encode())
    note = store.add_text("<note>ours</note>", text)
    store.roots = [note]
    return store, note, text


class ForeignInstance:
    """What the foreign side has, and what it was asked, in order."""

    def __init__(self, dialogue: Dialogue, *, note: str = NOTE) -> None:
        self.dialogue = dialogue
        self.asked: list[tuple[int, list[Any]]] = []
        self.answers: dict[int, Any] = {
            1: 1,
            2: [FOREIGN_NOTE],
            4: [FOREIGN_PERSON, FOREIGN_FILE],
            5: [],
            6: note,
            7: PERSON,
        }

    async def serve_until(self, last: int) -> None:
        """Answer what is asked, until `last` is called and answered."""
        while True:
            request = await self.dialogue.recv_json()
            if request["type"] != "request":
                continue
            service, id_ = request["serviceId"], request["requestId"]
            if (
                not 1 <= service <= 10
            ):  # how duologue introduces itself, which this peer does not know
                await self.say(id_, "error", error={"code": "UNKNOWN-SERVICE", "message": ""})
                continue
            self.asked.append((service, request["args"]))
            await self.answer(id_, service, request["args"])
            if service == last:
                return

    async def answer(self, id_: int, service: int, args: list[Any]) -> None:
        if service == 8 and len(args) == 1:
            head = struct.pack("<d", id_)
            await self.dialogue.send(head + FILE[:2])
            await self.dialogue.send(head + FILE[2:])
            await self.say(id_, "stream-end")
        elif service == 8:
            await self.say(id_, "stream", chunk="größer", encoding=args[1])
            await self.say(id_, "stream-end")
        elif args and args[0] == ABSENT:
            code = "CES-GO1" if service == 6 else "CES-OTHER"
            await self.say(id_, "error", error={"name": "Error", "code": code, "message": "no"})
        else:
            await self.say(id_, "data", data=self.answers.get(service, "$__undefined$"))

    async def say(self, id_: int, kind: str, **more: Any) -> None:
        await self.dialogue.send(json.dumps({"responseId": id_, "type": kind, **more}))

    async def fetch(self, id_: int, service: int, *args: Any) -> Any:
        return await self.dialogue.call(id_, service, *args)

    async def blob(self, id_: int, *args: Any) -> str | bytes:
        """Ask for one blob, and read its stream."""
        call = {"requestId": id_, "type": "request", "serviceId": 8, "args": list(args)}
        await self.dialogue.send(json.dumps(call))
        text, data = "", b""
        while True:
            message = await self.dialogue.recv()
            if isinstance(message, bytes):
                data += message[8:]
                continue
            read = json.loads(message)
            if read.get("responseId") != id_:
                continue
            if read["type"] == "stream-end":
                return text or data
            assert read["type"] == "stream"
            text += read["chunk"]


async def test_the_initiator_fetches_from_a_foreign_acceptor_which_fetches_from_it() -> None:
    heard: asyncio.Queue[Any] = asyncio.Queue()

    async def accept(socket: ServerConnection) -> None:
        dialogue = await Dialogue.accept(socket, THEIRS)
        heard.put_nowait(await dialogue.recv_json())
        await dialogue.send('{"instance": "acceptor"}')
        foreign = ForeignInstance(dialogue)
        await foreign.serve_until(10)
        heard.put_nowait(foreign.asked)
        heard.put_nowait((await foreign.fetch(1, 1))["data"])
        heard.put_nowait((await foreign.fetch(2, 2))["data"])
        await foreign.fetch(3, 10)
        await socket.wait_closed()

    store, note, _ = our_store()
    async with plain_serve(accept, "127.0.0.1", 0, compression=None) as server:
        port = server.sockets[0].getsockname()[1]
        count = await initiate(f"ws://127.0.0.1:{port}", US, THEM.public_key, "ours", store)
    assert count == 3
    assert store.texts[FOREIGN_NOTE["hash"]] == NOTE
    assert store.texts[FOREIGN_PERSON["hash"]] == PERSON
    assert store.blobs[FOREIGN_FILE["hash"]] == FILE
    assert await heard.get() == {"instance": "ours"}
    assert await heard.get() == [
        (1, []),
        (2, []),
        (6, [FOREIGN_NOTE["hash"]]),
        (4, [FOREIGN_NOTE["hash"]]),
        (8, [FOREIGN_FILE["hash"]]),
        (7, [FOREIGN_PERSON["hash"]]),
        (5, [FOREIGN_PERSON["hash"]]),
        (10, []),
    ]
    assert await heard.get() == 1
    assert await heard.get() == [note.model_dump(), FOREIGN_NOTE]


async def test_a_foreign_initiator_is_fetched_from_and_fetches_by_number() -> None:
    store, note, text = our_store()
    async with (
        accepting(US, {THEM.public_key}, {"theirs"}, store) as server,
        plain_connect(f"ws://127.0.0.1:{server.port}", compression=None) as socket,
    ):
        dialogue = await Dialogue.connect(socket, THEIRS, US.public_key)
        await dialogue.send('{"instance": "theirs"}')
        assert await dialogue.recv_json() == {"instance": "acceptor"}
        foreign = ForeignInstance(dialogue)
        await foreign.serve_until(10)
        assert store.blobs[FOREIGN_FILE["hash"]] == FILE
        assert (await foreign.fetch(1, 6, note.hash))["data"] == "<note>ours</note>"
        assert (await foreign.fetch(2, 4, note.hash))["data"] == [text.model_dump()]
        assert (await foreign.fetch(3, 7, FOREIGN_PERSON["hash"]))["data"] == PERSON
        assert (await foreign.fetch(4, 5, FOREIGN_PERSON["hash"]))["data"] == []
        assert await foreign.blob(5, text.hash, "utf8") == "ein Brief, größer"
        assert await foreign.blob(6, text.hash) == "ein Brief, größer".encode()
        assert await foreign.blob(7, text.hash, "$__undefined$") == "ein Brief, größer".encode()
        assert (await foreign.fetch(8, 6, ABSENT))["error"]["code"] == "CES-GO1"
        assert "data" in await foreign.fetch(9, 10)


async def test_an_object_that_is_not_what_was_asked_for_is_not_kept() -> None:
    store, _, _ = our_store()
    before = dict(store.texts)
    async with (
        accepting(US, {THEM.public_key}, {"theirs"}, store) as server,
        plain_connect(f"ws://127.0.0.1:{server.port}", compression=None) as socket,
    ):
        dialogue = await Dialogue.connect(socket, THEIRS, US.public_key)
        await dialogue.send('{"instance": "theirs"}')
        await dialogue.recv_json()
        await ForeignInstance(dialogue, note="<note>forged</note>").serve_until(4)
        await socket.wait_closed()
    assert store.texts == before


async def test_a_stranger_is_refused_before_any_call() -> None:
    store, _, _ = our_store()
    async with (
        accepting(US, {THEM.public_key}, {"theirs"}, store) as server,
        plain_connect(f"ws://127.0.0.1:{server.port}", compression=None) as socket,
    ):
        dialogue = await Dialogue.connect(socket, THEIRS, US.public_key)
        await dialogue.send('{"instance": "nobody"}')
        await socket.wait_closed()
        assert (socket.close_reason or "").endswith("this instance is not known here")


async def test_errors_come_by_code_and_a_blob_in_the_encoding_asked_for() -> None:
    async def accept(socket: ServerConnection) -> None:
        dialogue = await Dialogue.accept(socket, THEIRS)
        await dialogue.recv_json()
        await dialogue.send('{"instance": "acceptor"}')
        await ForeignInstance(dialogue).serve_until(10)
        await socket.wait_closed()

    async with plain_serve(accept, "127.0.0.1", 0, compression=None) as server:
        url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with duologue.connect(
            url,
            offer=[Chum(Store())],
            identity=US,
            to=THEM.public_key,
            before=introduction("ours", {"acceptor"}),
        ) as peer:
            chum = ChumClient(peer)
            with pytest.raises(NotAccessible):
                await chum.object_text(hash=ABSENT)
            with pytest.raises(UnknownError) as other:
                await chum.children(hash=ABSENT)
            assert other.value.code == "CES-OTHER"
            async with await chum.blob(hash=ABSENT, encoding=Encoding.UTF8) as stream:
                assert await stream.read() == "größer"
            await chum.fin()
