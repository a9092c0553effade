"""Any bytes and any texts into everything that reads them before or beside the RPC layer.

Each decoder gets as many inputs as `FRAMES`: random ones, and good ones that were changed a little.
It must accept or refuse with one of its own errors. The seed is fixed: a failure comes again.
"""

import json
import random
from collections.abc import Callable
from typing import Final

import pytest
from nacl.bindings import crypto_box_afternm

from duologue.connection.base import Message
from duologue.errors import BadFrame, DecryptionFailed, HandshakeFailed, LimitExceeded, UnsafeKey
from duologue.identity import Identity
from duologue.limits import Limits
from duologue.protocol.batches import join
from duologue.protocol.boxes import open_box, seal_box
from duologue.protocol.escaping import (
    END,
    KEEPALIVE,
    KEEPALIVE_WORDS,
    START_BYTES,
    START_TEXT,
    unescape,
)
from duologue.protocol.fragments import Joiner
from duologue.protocol.handshake import (
    READY_TEXT,
    AcceptorHandshake,
    ConnectorHandshake,
    request_text,
)
from duologue.protocol.keys import KeyPair, canonical_public_key, public_key_from_hex
from duologue.protocol.padding import BATCH_FLAG, TEXT_FLAG, pad, unpad
from duologue.protocol.sealing import Opener, Sealer, nonce_of

FRAMES: Final = 20_000
MANY_FRAMES: Final = 1_000_000

KEY: Final = bytes(range(32))
ANN, BEN = KeyPair.from_secret(b"a" * 32), KeyPair.from_secret(b"b" * 32)
IDENTITY = Identity.from_secret(b"b" * 32)
STATIC: Final = IDENTITY.shared_key(ANN.public)

Decoder = Callable[[random.Random], bool]
"""Decodes one input; whether it was accepted."""


def some_bytes(source: random.Random, most: int = 80) -> bytes:
    return source.randbytes(source.randrange(most))


def changed(source: random.Random, good: bytes) -> bytes:
    """`good`, or something near it."""
    data = bytearray(good)
    match source.randrange(6):
        case 0 if data:
            data[source.randrange(len(data))] ^= 1 << source.randrange(8)
        case 1:
            del data[source.randrange(len(data) + 1) :]
        case 2:
            data += some_bytes(source, 8)
        case 3:
            place = source.randrange(len(data) + 1)
            data[place:place] = some_bytes(source, 8)
        case 4:
            return some_bytes(source)
        case _:
            pass
    return bytes(data)


def changed_text(source: random.Random, good: str) -> str:
    text = changed(source, good.encode(errors="replace")).decode("latin-1")
    return text + "\ud800" if source.randrange(50) == 0 else text


def message(source: random.Random, text: str, data: bytes) -> Message:
    """Mostly of the kind that is wanted."""
    if source.randrange(20) == 0:
        return changed(source, data) if text else changed_text(source, text)
    return changed_text(source, text) if text else changed(source, data)


REQUEST: Final = request_text(ANN.public, BEN.public)
FLIGHT: Final = seal_box(KeyPair.from_secret(b"t" * 32).public, STATIC, b"n" * 24)


def acceptor() -> AcceptorHandshake:
    return AcceptorHandshake(
        own_key=BEN.public,
        agree=IDENTITY.shared_key,
        ephemeral=KeyPair.from_secret(b"u" * 32),
        nonce=b"m" * 24,
        is_own_ephemeral=lambda _: False,
    )


ACCEPTOR: Final = acceptor()
ASKED: Final = acceptor()
ASKED.receive_request(REQUEST)
CONNECTOR: Final = ConnectorHandshake(
    own_key=BEN.public,
    agree=IDENTITY.shared_key,
    target=ANN.public,
    ephemeral=KeyPair.from_secret(b"v" * 32),
    nonce=b"m" * 24,
    is_own_ephemeral=lambda _: False,
)


def decode_request(source: random.Random) -> bool:
    good = REQUEST
    if source.randrange(3) == 0:
        command = json.loads(REQUEST)
        field = source.choice(list(command))
        values: list[object] = [None, 7, [], {}, "", "register", "00" * 32, "ff" * 32]
        command[field] = source.choice(values)
        good = json.dumps(command)
    try:
        ACCEPTOR.receive_request(message(source, good, b""))
    except HandshakeFailed:
        return False
    return True


def decode_ready(source: random.Random) -> bool:
    try:
        CONNECTOR.receive_ready(message(source, READY_TEXT, b""))
    except HandshakeFailed:
        return False
    return True


def decode_first_flight(source: random.Random) -> bool:
    return _decode_flight(ASKED.receive_key, source)


def decode_second_flight(source: random.Random) -> bool:
    return _decode_flight(CONNECTOR.receive_key, source)


def _decode_flight(receive: Callable[[Message], object], source: random.Random) -> bool:
    good = FLIGHT
    if source.randrange(3) == 0:
        good = seal_box(changed(source, source.randbytes(32)), STATIC, source.randbytes(24))
    try:
        receive(message(source, "", good))
    except HandshakeFailed:
        return False
    return True


def decode_box(source: random.Random) -> bool:
    try:
        open_box(changed(source, FLIGHT), STATIC)
    except DecryptionFailed:
        return False
    return True


def decode_key(source: random.Random) -> bool:
    number = source.choice([0, 1, 2**255 - 19, 2**255, 2**256 - 1, source.getrandbits(256)])
    try:
        canonical_public_key(changed(source, number.to_bytes(32, "little")))
    except UnsafeKey:
        return False
    return True


def decode_hex_key(source: random.Random) -> bool:
    try:
        public_key_from_hex(changed_text(source, ANN.public.hex()))
    except UnsafeKey:
        return False
    return True


def decode_padding(source: random.Random) -> bool:
    extra = source.choice([0, 1, 2, 255, 256, 257, 300])
    good = pad(some_bytes(source), source.randrange(16), extra, bytes(extra))
    try:
        unpad(changed(source, good))
    except BadFrame:
        return False
    return True


def decode_frame(source: random.Random) -> bool:
    if source.randrange(2):
        sealer = Sealer(KEY, source.randbytes, is_connector=True)
        frame = changed(source, sealer.seal(some_bytes(source), is_text=bool(source.randrange(2))))
    else:
        # Sealed well, by one who has the key, and wrong inside.
        frame = crypto_box_afternm(some_bytes(source), nonce_of(1), KEY)
    try:
        Opener(KEY, is_connector=False).open(frame)
    except (DecryptionFailed, BadFrame, LimitExceeded):
        return False
    return True


def decode_batch(source: random.Random) -> bool:
    texts = [some_bytes(source, 8).hex().encode() for _ in range(source.choice([1, 2, 3, 255]))]
    batch = join(texts) if source.randrange(3) else changed(source, join(texts))
    frame = crypto_box_afternm(pad(batch, TEXT_FLAG | BATCH_FLAG, 0, b""), nonce_of(1), KEY)
    opener = Opener(KEY, is_connector=False)
    opener.reads_batches = True
    try:
        opened = opener.open(frame)
    except (BadFrame, LimitExceeded):
        return False
    assert isinstance(opened, list)
    assert 1 <= len(opened) <= 255
    return True


class FragmentReader:
    """Reads many messages in a row; begins anew after each refusal, as a new connection does."""

    def __init__(self) -> None:
        self._joiner = Joiner(1000)

    def __call__(self, source: random.Random) -> bool:
        text = source.choice([START_TEXT, START_BYTES, END, END, KEEPALIVE, "text", ""])
        inputs: list[Message] = [text, text + "x", changed_text(source, text)]
        inputs += [some_bytes(source), some_bytes(source)]
        given = source.choice(inputs)
        if isinstance(given, str):
            given = unescape(given, KEEPALIVE_WORDS)
        try:
            whole = self._joiner.receive(given)
        except (BadFrame, LimitExceeded):
            self._joiner = Joiner(1000)
            return False
        except UnicodeEncodeError:
            # A lone surrogate comes from no layer below: they decode UTF-8.
            assert isinstance(given, str)
            assert "\ud800" in given
            return False
        assert whole is None or len(whole) <= 1000
        assert self._joiner.joined_bytes <= 1000
        return True


DECODERS: Final[dict[str, Callable[[], Decoder]]] = {
    "request": lambda: decode_request,
    "ready": lambda: decode_ready,
    "first flight": lambda: decode_first_flight,
    "second flight": lambda: decode_second_flight,
    "box": lambda: decode_box,
    "key": lambda: decode_key,
    "hex key": lambda: decode_hex_key,
    "padding": lambda: decode_padding,
    "frame": lambda: decode_frame,
    "batch": lambda: decode_batch,
    "fragments": FragmentReader,
}


def decode_many(name: str, times: int) -> None:
    source = random.Random(name)
    decode = DECODERS[name]()
    accepted = sum(decode(source) for _ in range(times))
    # The inputs are worth something only if both kinds are among them.
    assert times * 0.02 < accepted < times * 0.98, f"{accepted} of {times} were accepted"


@pytest.mark.parametrize("name", DECODERS)
def test_each_decoder_accepts_or_refuses_by_type(name: str) -> None:
    decode_many(name, FRAMES)


@pytest.mark.slow
@pytest.mark.parametrize("name", DECODERS)
def test_each_decoder_accepts_or_refuses_by_type_at_length(name: str) -> None:
    decode_many(name, MANY_FRAMES)


def test_the_limits_of_the_layers_are_the_documented_ones() -> None:
    limits = Limits()
    assert (limits.keepalive_interval_s, limits.keepalive_timeout_s) == (20.0, 25.0)
    assert (limits.max_unconfirmed, limits.max_unconfirmed_per_key) == (32, 4)
    assert (limits.confirm_timeout_s, limits.handshake_timeout_s) == (25.0, 10.0)
