"""Bad neighbours: `python -m tests.abuse.attacks NAME PORT [KEY]`, a process of its own.

Says `attacking` when the attack is under way, and goes on until it is killed. `KEY` is the public
key of who is attacked, where that is needed. What is sent is made by hand.
"""

import contextlib
import itertools
import json
import os
import socket
import struct
import sys
import time
from collections.abc import Callable, Iterator
from typing import Final

from nacl.public import PrivateKey

from tests.abuse.raw import close, connected, frame, in_pieces, is_open, opening, text, upgraded
from tests.foreign_peer import flight, request_for

ECHO: Final = 101
HANG: Final = 102
FILE: Final = 103
STUBBORN: Final = 104
TELL: Final = 105

HAPPENED: Final = 9201
"""The event of `NewsService`."""

STOP: Final = '{"type":"write-stream-error"}'
MIB: Final = 2**20


def request(number: int, service_id: int, args: str = "[]") -> bytes:
    """A call."""
    return text(f'{{"type":"request","requestId":{number},"serviceId":{service_id},"args":{args}}}')


# -- sockets that say little ----------------------------------------------------------------------


def keep_sockets(
    number: int, make: Callable[[int], socket.socket], refilled_per_s: int = 200
) -> None:
    """Have so many sockets, and make others for those that were ended."""
    held: dict[int, socket.socket] = {}
    begun = False
    while True:
        for each in [each for each, sock in held.items() if not is_open(sock)]:
            close(held.pop(each))
        missing = [each for each in range(number) if each not in held]
        for each in missing[: refilled_per_s // 20 if begun else number]:
            try:
                held[each] = make(each)
            except OSError:
                continue
        if not begun:
            print("attacking", flush=True)
            begun = True
        time.sleep(0.05)


def silent_sockets(port: int) -> None:
    keep_sockets(1000, lambda _: connected(port))


def half_heads(port: int) -> None:
    keep_sockets(1000, lambda _: connected(port, b"GET / HTTP/1.1\r\nHost: x\r\n"))


def mute_websockets(port: int) -> None:
    keep_sockets(1000, lambda _: connected(port, opening(port)))


def silent_from_many_addresses(port: int) -> None:
    keep_sockets(40 * 64, lambda number: connected(port, address=f"127.0.3.{1 + number % 40}"))


def mute_from_many_addresses(port: int) -> None:
    keep_sockets(
        40 * 64, lambda number: connected(port, opening(port), f"127.0.3.{1 + number % 40}")
    )


def unproved_keys(port: int, key: str) -> None:
    """Agree on a key as far as one gets without having one, and go no further."""
    own = PrivateKey.generate()
    asked = text(request_for(own, bytes.fromhex(key)))
    flights = [flight(own, bytes.fromhex(key), PrivateKey.generate()) for _ in range(200)]
    numbers = itertools.count()

    def make(_number: int) -> socket.socket:
        sock = upgraded(port)
        sock.settimeout(5)
        sock.sendall(asked)
        sock.recv(4096)
        # A nonce of its own for each: a repeated flight would be refused.
        box = flights[next(numbers) % 200]
        sock.sendall(frame(2, box))
        sock.setblocking(False)
        return sock

    keep_sockets(60, make, refilled_per_s=100)


def unproved_registrations(port: int) -> None:
    """At a relay: register, and do not answer the challenge."""
    key = bytes(PrivateKey.generate().public_key).hex()
    said = opening(port) + text(json.dumps({"command": "register", "publicKey": key}))
    keep_sockets(40 * 64, lambda number: connected(port, said, f"127.0.3.{1 + number % 40}"))


# -- much of what costs more to read than to send -------------------------------------------------


def flood(port: int, blobs: Iterator[bytes], before: bytes = b"") -> None:
    """Send as fast as it is taken; come again when it is ended."""
    begun = False
    while True:
        try:
            sock = upgraded(port)
            sock.setblocking(False)
            waiting = before
            while is_open(sock):
                waiting = waiting or next(blobs)
                try:
                    waiting = waiting[sock.send(waiting) :]
                except BlockingIOError:
                    time.sleep(0.001)
                if not begun:
                    print("attacking", flush=True)
                    begun = True
            close(sock)
        except OSError:
            pass
        time.sleep(0.05)


def flood_of(unit: bytes) -> Callable[[int], None]:
    """A flood of one thing, in writes of some 60 kB."""
    blob = unit * max(1, 60_000 // len(unit))
    return lambda port: flood(port, itertools.repeat(blob))


def numbered_calls(service_id: int, args: str) -> Iterator[bytes]:
    return (request(number, service_id, args) for number in itertools.count())


def calls_of_nobody(port: int) -> None:
    flood(
        port,
        (
            b"".join(request(start + number, 9_999_999) for number in range(800))
            for start in itertools.count(0, 800)
        ),
    )


def large_calls(port: int) -> None:
    flood(port, numbered_calls(HANG, json.dumps(["x" * (MIB - 200)])))


def about_items(kind: str, request_id: int, **fields: object) -> bytes:
    """A message about the items of a call that we have made."""
    return text(json.dumps({"requestId": request_id, "type": kind, **fields}))


def flood_behind_a_call(*units: bytes) -> Callable[[int], None]:
    """A flood about call 0, which nobody answers."""
    blob = b"".join(units) * max(1, 60_000 // len(b"".join(units)))
    return lambda port: flood(port, itertools.repeat(blob), before=request(0, HANG))


def greedy_items(port: int) -> None:
    """Asks for absurd windows, and sends as if it had got them, to whom does not read."""
    asked = about_items("blocked", 0, items=2**53 - 1, bytes=2**53 - 1) * 12
    item = frame(2, struct.pack("<d", -1.0) + bytes(MIB - 100))
    flood(port, itertools.repeat(item), before=request(0, HANG) + asked)


def unread_items(port: int) -> None:
    """As many calls as are taken, of each a first window: empty items, and one that is not.

    At leisure: it is what they hold that hurts.
    """
    windows: list[bytes] = []
    for number in range(1200):
        prefix = struct.pack("<d", -1.0 - number)
        windows.append(request(number, HANG) + frame(2, prefix) * 63)
        windows.append(frame(2, prefix + bytes(8_192)))
    socks: list[socket.socket] = []
    for number in range(20):
        try:
            sock = upgraded(port)
            sock.setblocking(True)
            for each in windows:
                sock.sendall(each)
                time.sleep(0.0005)
            socks.append(sock)
        except OSError:
            continue
        if number == 1:
            print("attacking", flush=True)
    time.sleep(600)


def hopeless_json(port: int) -> None:
    """Many objects and lists, as far as a message may go: one in half a second."""

    def bombs() -> Iterator[bytes]:
        for each in numbered_calls(ECHO, "[[" + "{}," * 200_000 + "{}]]"):
            time.sleep(0.5)
            yield each

    flood(port, bombs())


# -- what holds something at the other side -------------------------------------------------------


def unread_streams(port: int) -> None:
    """Forty streams of files on each of a hundred connections that read nothing."""
    asked = b"".join(request(number, FILE) for number in range(40))
    socks: list[socket.socket] = []
    for number in range(100):
        try:
            sock = upgraded(port)
            sock.sendall(asked)
            socks.append(sock)
        except OSError:
            continue
        if number == 50:
            print("attacking", flush=True)
    time.sleep(600)


def control(number: int, **said: object) -> bytes:
    """A control call."""
    return request(number, 0, json.dumps([said]))


def introduced() -> bytes:
    """A hello that knows everything."""
    features = ["subscribe", "describe", "goaway", "meta", "items", "cancel", "details", "deadline"]
    hello = {"profile": "duologue/1", "self": None, "peer": None, "features": features}
    return request(0, 0, json.dumps([hello]))


def replays(port: int) -> None:
    """Wants all that is kept, and has enough of it at once, again and again."""

    def wishes() -> Iterator[bytes]:
        for number in itertools.count(1):
            wish = control(2 * number, subscribe=HAPPENED, replay=2**53 - 1)
            yield wish + control(2 * number + 1, unsubscribe=number)

    flood(port, wishes(), before=introduced())


def changing_keys(port: int) -> None:
    """Subscribes to one room after the other, and leaves each."""

    def wishes() -> Iterator[bytes]:
        for number in itertools.count(1):
            wish = control(2 * number, subscribe=HAPPENED, key=f"{number}" + "x" * 200)
            yield wish + control(2 * number + 1, unsubscribe=number)

    flood(port, wishes(), before=introduced())


def deaf_subscribers(port: int) -> None:
    """As many subscriptions as are let, over many connections that read nothing of what happens."""
    wishes = b"".join(
        control(number, subscribe=HAPPENED, replay=2**53 - 1) for number in range(1, 1_100)
    )
    socks: list[socket.socket] = []
    for number in range(20):
        try:
            sock = upgraded(port)
            sock.setblocking(True)
            sock.sendall(introduced() + wishes)
            socks.append(sock)
        except OSError:
            continue
        if number == 1:
            print("attacking", flush=True)
    for number in itertools.count(2_000):
        time.sleep(0.01)
        for sock in socks:
            with contextlib.suppress(OSError):
                sock.setblocking(False)
                sock.send(request(number, TELL))


def meta_of(entries: int, size: int) -> str:
    """Metadata as large as it may be, or larger."""
    return json.dumps({f"k{number}": "v" * size for number in range(entries)})


def much_metadata(port: int) -> None:
    """Calls with all the metadata that is let."""
    meta = meta_of(64, 120)

    def calls() -> Iterator[bytes]:
        for number in itertools.count():
            yield text(
                f'{{"type":"request","requestId":{number},"serviceId":{ECHO},"args":[1],'
                f'"meta":{meta},"timeoutMs":1}}'
            )

    flood(port, calls(), before=introduced())


def questions(port: int) -> None:
    """Asks what contracts there are."""

    def asked() -> Iterator[bytes]:
        for number in itertools.count(1):
            yield control(2 * number, describe="duologue.testing.v1.News")
            yield control(2 * number + 1, describe=None)

    flood(port, asked(), before=introduced())


def stubborn_handlers(port: int) -> None:
    """Calls whose handlers go on when they are cancelled, over one connection after the other."""
    asked = b"".join(request(number, STUBBORN) for number in range(256))
    for number in itertools.count():
        try:
            sock = upgraded(port)
            sock.sendall(asked)
            time.sleep(0.1)
            close(sock)
        except OSError:
            time.sleep(0.1)
        if number == 1:
            print("attacking", flush=True)


def large_hellos(port: int) -> None:
    """A hello as large as a message may be, over each of many connections."""
    services = [{"name": f"a.v1.S{number}", "base": number} for number in range(20_000)]
    hello = {"profile": "duologue/1", "self": None, "peer": None, "services": services}
    said = opening(port) + request(0, 0, json.dumps([hello]))[: MIB - 100]
    keep_sockets(60, lambda _: connected(port, said), refilled_per_s=20)


ATTACKS: Final[dict[str, Callable[[int], None]]] = {
    "silent sockets": silent_sockets,
    "half heads": half_heads,
    "mute websockets": mute_websockets,
    "silent from many addresses": silent_from_many_addresses,
    "mute from many addresses": mute_from_many_addresses,
    "unproved registrations": unproved_registrations,
    "pieces of one byte": flood_of(in_pieces(STOP.encode(), 1)),
    "pieces of 64 bytes": flood_of(in_pieces(STOP.encode() + b" " * 64_000, 64)),
    "stops of nothing": flood_of(text(STOP)),
    "odd stops": flood_of(text('{"type":"write-stream-error","x":"\\ud800"}')),
    "cancels of nothing": flood_of(text('{"type":"cancel","requestId":9}')),
    "late answers": flood_of(text('{"type":"data","responseId":0,"data":1}')),
    "pings": flood_of(frame(9)),
    "pongs": flood_of(frame(10)),
    "unreadable": flood_of(text("[]")),
    "calls of nobody": calls_of_nobody,
    "large calls": large_calls,
    "items of nobody": flood_of(about_items("items", 9, data=[1])),
    "ends of items": flood_behind_a_call(about_items("items-end", 0)),
    "items that are no list": flood_behind_a_call(about_items("items", 0, data=[])),
    "shrinking credit": flood_behind_a_call(
        about_items("credit", 0, items=2**53 - 1, bytes=2**53 - 1),
        about_items("credit", 0, items=0, bytes=0),
    ),
    "absurd credit": flood_behind_a_call(about_items("credit", 0, items=1e300, bytes=-1)),
    "blocked for ever": flood_behind_a_call(
        about_items("blocked", 0, items=1, bytes=1), about_items("blocked", 0, items=9, bytes=2**53)
    ),
    "greedy items": greedy_items,
    "unread items": unread_items,
    "hopeless JSON": hopeless_json,
    "unread streams": unread_streams,
    "stubborn handlers": stubborn_handlers,
    "large hellos": large_hellos,
    "replays": replays,
    "changing keys": changing_keys,
    "deaf subscribers": deaf_subscribers,
    "events of nothing": flood_of(text('{"type":"notify","subscription":1,"seq":1,"data":{}}')),
    "much metadata": much_metadata,
    "broken metadata": flood_of(
        text('{"type":"request","requestId":0,"serviceId":101,"args":[1],"meta":{"A":[]}}')
    ),
    "questions": questions,
    "going away": flood_of(text('{"type":"goaway","reason":"x","reconnectAfterMs":1}')),
    "hello again": flood_of(introduced()),
}


if __name__ == "__main__":
    # Elsewhere attackers have processors of their own: they should not take those of others.
    os.nice(19)
    if sys.argv[1] == "unproved keys":
        unproved_keys(int(sys.argv[2]), sys.argv[3])
    else:
        ATTACKS[sys.argv[1]](int(sys.argv[2]))
