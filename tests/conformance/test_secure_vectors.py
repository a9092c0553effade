"""The recorded facts of the base profile about keys, boxes, sealing, escaping and fragments."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from duologue.errors import BadFrame, DecryptionFailed, NonceExhausted
from duologue.protocol.boxes import NONCE_BYTES, open_box, seal_box
from duologue.protocol.escaping import (
    FRAGMENT_WORDS,
    KEEPALIVE,
    KEEPALIVE_WORDS,
    escape,
    escape_utf8,
    unescape,
)
from duologue.protocol.fragments import Joiner, Splitter
from duologue.protocol.handshake import (
    READY_TEXT,
    AcceptorHandshake,
    ConnectorHandshake,
    request_text,
)
from duologue.protocol.keys import KeyPair, shared_key
from duologue.protocol.padding import pad, unpad
from duologue.protocol.sealing import Opener, Sealer, nonce_of

VECTORS: Final[dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "vectors" / "base_profile.json").read_text()
)
PAIRS: Final = {
    pair["name"]: KeyPair.from_secret(bytes.fromhex(pair["secret"]))
    for pair in VECTORS["keys"]["pairs"]
}
SESSION_KEY: Final = bytes.fromhex(VECTORS["keyExchange"]["sessionKey"])
ROOMY: Final = 64 * 1024 * 1024


def never(_: bytes) -> bool:
    return False


# -- keys ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("pair", VECTORS["keys"]["pairs"], ids=lambda pair: pair["name"])
def test_public_key_of_a_secret(pair: dict[str, str]) -> None:
    assert KeyPair.from_secret(bytes.fromhex(pair["secret"])).public.hex() == pair["public"]


@pytest.mark.parametrize("case", VECTORS["sharedKeys"]["cases"])
def test_shared_key_is_the_same_from_both_sides(case: dict[str, str]) -> None:
    a, b = PAIRS[case["a"]], PAIRS[case["b"]]
    assert shared_key(a.public, b.secret).hex() == case["key"]
    assert shared_key(b.public, a.secret).hex() == case["key"]


# -- registration: its boxes --------------------------------------------------------------------


def test_a_challenge_opens_and_its_inversion_seals_to_the_recorded_response() -> None:
    registration = VECTORS["registration"]
    key = shared_key(PAIRS["relay"].public, PAIRS["listener"].secret)
    challenge = open_box(bytes.fromhex(registration["challengeBox"]), key)
    assert challenge.hex() == registration["challengePlain"]
    inverted = bytes(byte ^ 0xFF for byte in challenge)
    assert inverted.hex() == registration["responsePlain"]
    response = seal_box(inverted, key, bytes.fromhex(registration["responseNonce"]))
    assert response.hex() == registration["responseBox"]


def test_the_relay_makes_the_recorded_challenge_and_opens_the_response() -> None:
    registration = VECTORS["registration"]
    key = shared_key(PAIRS["listener"].public, PAIRS["relay"].secret)
    challenge = seal_box(
        bytes.fromhex(registration["challengePlain"]),
        key,
        bytes.fromhex(registration["challengeNonce"]),
    )
    assert challenge.hex() == registration["challengeBox"]
    assert (
        open_box(bytes.fromhex(registration["responseBox"]), key).hex()
        == registration["responsePlain"]
    )


def test_a_challenge_under_a_wrong_key_does_not_open() -> None:
    key = shared_key(PAIRS["caller"].public, PAIRS["listener"].secret)
    with pytest.raises(DecryptionFailed, match=r"^CYENC-SYMDEC: Decryption with symmetric key"):
        open_box(bytes.fromhex(VECTORS["registration"]["challengeBox"]), key)


# -- key exchange -------------------------------------------------------------------------------


def connector(ephemeral: str = "callerTemp", nonce: bytes = b"\xd1" * 24) -> ConnectorHandshake:
    caller = PAIRS["caller"]
    return ConnectorHandshake(
        own_key=caller.public,
        agree=lambda public: shared_key(public, caller.secret),
        target=PAIRS["listener"].public,
        ephemeral=PAIRS[ephemeral],
        nonce=nonce,
        is_own_ephemeral=never,
    )


def acceptor() -> AcceptorHandshake:
    listener = PAIRS["listener"]
    return AcceptorHandshake(
        own_key=listener.public,
        agree=lambda public: shared_key(public, listener.secret),
        ephemeral=PAIRS["listenerTemp"],
        nonce=b"\xd2" * 24,
        is_own_ephemeral=never,
    )


def test_both_sides_make_the_recorded_flights_and_agree_on_the_recorded_key() -> None:
    first, second = VECTORS["keyExchange"]["cases"]
    asking, asked = connector(), acceptor()
    ready = asked.receive_request(asking.request())
    assert ready == '{"command":"communication_ready"}'
    flight = asking.receive_ready(ready)
    assert flight.hex() == first["frame"]
    claim = asked.receive_key(flight)
    assert claim.key == PAIRS["caller"].public
    assert claim.flight_nonce.hex() == first["nonce"]
    answer = asked.answer()
    assert answer.hex() == second["frame"]
    assert asking.receive_key(answer) == asked.session_key() == SESSION_KEY


@pytest.mark.parametrize("case", VECTORS["keyExchange"]["cases"])
def test_a_recorded_flight_opens_to_the_recorded_key(case: dict[str, str]) -> None:
    key = shared_key(PAIRS["caller"].public, PAIRS["listener"].secret)
    assert open_box(bytes.fromhex(case["frame"]), key).hex() == case["plain"]


# -- nonces, padding, frames --------------------------------------------------------------------


@pytest.mark.parametrize("case", VECTORS["nonces"]["cases"])
def test_nonce_of_a_counter(case: dict[str, Any]) -> None:
    assert nonce_of(case["counter"]).hex() == case["nonce"]


@pytest.mark.parametrize("counter", VECTORS["nonces"]["refused"])
def test_a_counter_at_its_end_is_refused(counter: int) -> None:
    with pytest.raises(NonceExhausted):
        nonce_of(counter)


@pytest.mark.parametrize("case", VECTORS["padding"]["cases"])
def test_padding_both_ways(case: dict[str, Any]) -> None:
    value, padded = bytes.fromhex(case["value"]), bytes.fromhex(case["padded"])
    assert pad(value, case["flags"], case["extra"], b"\xee" * case["extra"]) == padded
    assert unpad(padded) == (value, case["flags"])
    assert len(padded) == len(value) + 1 + case["extra"]


@pytest.mark.parametrize("case", VECTORS["padding"]["malformed"]["cases"], ids=lambda c: c["why"])
def test_malformed_padding_is_refused(case: dict[str, str]) -> None:
    with pytest.raises(BadFrame):
        unpad(bytes.fromhex(case["padded"]))


@pytest.mark.parametrize("role", ["connector", "acceptor"])
def test_frames_of_one_side_in_order(role: str) -> None:
    cases = VECTORS["encryptedFrames"][role]
    extras = iter([case["extra"] for case in cases])
    sealer = Sealer(
        SESSION_KEY,
        lambda count: b"\xee" * count,
        is_connector=role == "connector",
        extra_for=lambda _length, _limit: next(extras),
    )
    opener = Opener(SESSION_KEY, is_connector=role != "connector")
    for case in cases:
        assert sealer.counter == opener.counter == case["counter"]
        text = case.get("text")
        message = bytes.fromhex(case["bytes"]) if text is None else text.encode()
        frame = sealer.seal(message, is_text=text is not None)
        assert frame.hex() == case["frame"]
        assert opener.open(frame) == (message if text is None else text)


@pytest.mark.parametrize("role", ["connector", "acceptor"])
def test_a_recorded_frame_used_twice_early_or_changed_is_refused(role: str) -> None:
    first, second, *_ = (bytes.fromhex(case["frame"]) for case in VECTORS["encryptedFrames"][role])
    changed = bytes((first[0] ^ 1, *first[1:]))
    for frames in ([first, first], [second], [changed]):
        opener = Opener(SESSION_KEY, is_connector=role != "connector")
        *good, bad = frames
        for frame in good:
            opener.open(frame)
        with pytest.raises(DecryptionFailed):
            opener.open(bad)


# -- escaping and fragments ---------------------------------------------------------------------


def on_the_wire(text: str) -> str:
    return escape(escape(text, FRAGMENT_WORDS), KEEPALIVE_WORDS)


def received(wire: list[str]) -> list[str | bytes]:
    """What both layers deliver of these texts."""
    joiner = Joiner(ROOMY)
    delivered: list[str | bytes] = []
    for text in wire:
        if text != KEEPALIVE:
            whole = joiner.receive(unescape(text, KEEPALIVE_WORDS))
            if whole is not None:
                delivered.append(whole)
    return delivered


@pytest.mark.parametrize("case", VECTORS["escaping"]["cases"], ids=lambda case: case["app"])
def test_escaping_both_ways(case: dict[str, str]) -> None:
    assert on_the_wire(case["app"]) == case["wire"]
    assert received([case["wire"]]) == [case["app"]]
    utf8 = escape_utf8(case["app"].encode(), tuple(word.encode() for word in FRAGMENT_WORDS))
    utf8 = escape_utf8(utf8, (KEEPALIVE.encode(),))
    assert utf8.decode() == case["wire"]


@pytest.mark.parametrize(
    "case", VECTORS["escaping"]["receiveOnly"], ids=lambda c: "|".join(c["wire"])
)
def test_texts_that_no_careful_sender_sends(case: dict[str, Any]) -> None:
    if "error" in case:
        with pytest.raises(BadFrame) as refusal:
            received(case["wire"])
        assert str(refusal.value) == case["error"]
    else:
        assert received(case["wire"]) == [each["text"] for each in case["delivered"]]


def fragmentation_input(source: dict[str, Any]) -> str | bytes:
    if "bytesModulo256" in source:
        return bytes(number % 256 for number in range(source["bytesModulo256"]))
    if "bytes" in source:
        return bytes.fromhex(str(source["bytes"]))
    if "text" in source:
        return str(source["text"])
    text, times = source["repeat"]
    return str(source.get("prefix", "")) + str(text) * int(times)


def lower_messages(splitter: Splitter, message: str | bytes) -> Iterator[str | bytes]:
    """What the fragmenting and keep-alive layers make of a message."""
    if isinstance(message, bytes):
        yield from splitter.split_bytes(message) if splitter.is_long(message) else [message]
    elif splitter.is_long_text(message):
        yield from splitter.split_utf8(message.encode())
    else:
        yield on_the_wire(message)


def assert_is_recorded(message: str | bytes, recorded: dict[str, Any]) -> None:
    assert isinstance(message, str) == (recorded["kind"] == "text")
    raw = message.encode() if isinstance(message, str) else message
    if "text" in recorded:
        assert message == recorded["text"]
    elif "bytes" in recorded:
        assert raw.hex() == recorded["bytes"]
    else:
        assert len(raw) == recorded.get("length", recorded.get("utf8Length"))
        assert hashlib.sha256(raw).hexdigest() == recorded["sha256"]


@pytest.mark.parametrize("case", VECTORS["fragmentation"]["cases"], ids=lambda case: case["name"])
def test_fragmentation_both_ways(case: dict[str, Any]) -> None:
    message = fragmentation_input(case["input"])
    sent = list(lower_messages(Splitter(case["chunkSize"]), message))
    for lower, recorded in zip(sent, case["messages"], strict=True):
        assert_is_recorded(lower, recorded)
    joiner = Joiner(ROOMY)
    *parts, last = sent
    assert [joiner.receive(part) for part in parts] == [None] * len(parts)
    assert joiner.receive(last) == message


# -- a whole conversation -----------------------------------------------------------------------

CONVERSATION: Final = VECTORS["conversation"]
TEMPORARY: Final = {
    each["owner"]: KeyPair.from_secret(bytes.fromhex(each["secret"]))
    for each in CONVERSATION["temporary"]
}


def conversation_frames(leg: str, sender: str) -> list[bytes]:
    return [
        bytes.fromhex(message["frame"])
        for message in CONVERSATION["messages"]
        if message["leg"] == leg and message["from"] == sender and "frame" in message
    ]


def conversation_texts(leg: str, sender: str) -> list[str]:
    return [
        message["text"]
        for message in CONVERSATION["messages"]
        if message["leg"] == leg and message["from"] == sender and "text" in message
    ]


@pytest.mark.parametrize("leg", ["listener", "listener-next-spare"])
def test_each_challenge_and_response_of_the_conversation_opens(leg: str) -> None:
    relay = KeyPair.from_secret(bytes.fromhex(CONVERSATION["relaySecret"]))
    assert relay.public.hex() == CONVERSATION["relayPublic"]
    key = shared_key(relay.public, PAIRS["listener"].secret)
    request = json.loads(conversation_texts(leg, "relay")[0])
    answer = json.loads(conversation_texts(leg, "listener")[1])
    challenge = open_box(bytes.fromhex(request["challenge"]), key)
    response = open_box(bytes.fromhex(answer["response"]), key)
    assert len(challenge) == 64
    assert response == bytes(byte ^ 0xFF for byte in challenge)


def test_the_handshake_of_the_conversation_is_ours_byte_for_byte() -> None:
    caller, listener = PAIRS["caller"], PAIRS["listener"]
    flight, answer = (
        conversation_frames("caller", "caller")[0],
        conversation_frames("caller", "relay")[0],
    )
    asking = ConnectorHandshake(
        own_key=caller.public,
        agree=lambda public: shared_key(public, caller.secret),
        target=listener.public,
        ephemeral=TEMPORARY["caller"],
        nonce=flight[:NONCE_BYTES],
        is_own_ephemeral=never,
    )
    asked = AcceptorHandshake(
        own_key=listener.public,
        agree=lambda public: shared_key(public, listener.secret),
        ephemeral=TEMPORARY["listener"],
        nonce=answer[:NONCE_BYTES],
        is_own_ephemeral=never,
    )
    (request,) = conversation_texts("caller", "caller")
    (ready,) = conversation_texts("caller", "relay")
    assert asking.request() == request == request_text(caller.public, listener.public)
    assert asked.receive_request(request) == ready == READY_TEXT
    assert asking.receive_ready(ready) == flight
    assert asked.receive_key(flight).key == caller.public
    assert asked.answer() == answer
    assert asking.receive_key(answer) == asked.session_key() == conversation_key()


def conversation_key() -> bytes:
    return shared_key(TEMPORARY["caller"].public, TEMPORARY["listener"].secret)


def test_every_data_frame_of_the_conversation_opens_on_both_legs() -> None:
    key = conversation_key()
    for leg, sender in (("caller", "caller"), ("listener", "relay")):
        request = Opener(key, is_connector=False).open(conversation_frames(leg, sender)[1])
        assert isinstance(request, str)
        assert json.loads(request)["args"] == [12]
    for leg, sender in (("listener", "listener"), ("caller", "relay")):
        answer = Opener(key, is_connector=True).open(conversation_frames(leg, sender)[1])
        assert isinstance(answer, str)
        assert json.loads(answer)["data"] == CONVERSATION["result"]


def test_every_frame_of_the_conversation_was_tried() -> None:
    frames = [message for message in CONVERSATION["messages"] if "frame" in message]
    tried = {
        frame
        for leg, sender in (
            ("caller", "caller"),
            ("caller", "relay"),
            ("listener", "relay"),
            ("listener", "listener"),
        )
        for frame in conversation_frames(leg, sender)
    }
    assert {bytes.fromhex(message["frame"]) for message in frames} == tried
    assert len(frames) == 8
