"""The proof of a listener's key, with the vectors of the original."""

import json
from pathlib import Path
from typing import Any

import pytest

from duologue.errors import DecryptionFailed, ProtocolError
from duologue.identity import Identity
from duologue.relay import messages
from duologue.relay.challenge import (
    CHALLENGE_BOX_BYTES,
    NEXT_KEY_BOX_BYTES,
    announce_next_key,
    answer_challenge,
    is_right_answer,
    pose_challenge,
    read_next_key,
)

FILE = Path(__file__).parents[3] / "vectors" / "base_profile.json"
VECTORS: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
REGISTRATION = VECTORS["registration"]
PAIRS = {each["name"]: each for each in VECTORS["keys"]["pairs"]}
RELAY = Identity.from_secret(bytes.fromhex(PAIRS["relay"]["secret"]))
LISTENER = Identity.from_secret(bytes.fromhex(PAIRS["listener"]["secret"]))
SHARED = RELAY.shared_key(LISTENER.public_key)
PLAIN, CHALLENGE, RESPONSE, CHALLENGE_NONCE, RESPONSE_NONCE = (
    bytes.fromhex(REGISTRATION[name])
    for name in (
        "challengePlain",
        "challengeBox",
        "responseBox",
        "challengeNonce",
        "responseNonce",
    )
)


def test_the_relay_poses_the_recorded_challenge() -> None:
    assert pose_challenge(PLAIN, SHARED, CHALLENGE_NONCE) == CHALLENGE


def test_the_listener_gives_the_recorded_answer() -> None:
    shared = LISTENER.shared_key(RELAY.public_key)
    assert answer_challenge(CHALLENGE, shared, RESPONSE_NONCE) == RESPONSE


def test_the_relay_accepts_the_recorded_answer() -> None:
    assert is_right_answer(RESPONSE, PLAIN, SHARED)


@pytest.mark.parametrize(
    "response",
    [
        CHALLENGE,
        RESPONSE[:-1],
        RESPONSE + b"\x00",
        b"",
        bytes(len(RESPONSE)),
        RESPONSE[:-1] + bytes([RESPONSE[-1] ^ 1]),
        pose_challenge(bytes(63), SHARED, RESPONSE_NONCE),
        pose_challenge(bytes(64), SHARED, RESPONSE_NONCE),
    ],
)
def test_the_relay_refuses_every_other_answer(response: bytes) -> None:
    assert not is_right_answer(response, PLAIN, SHARED)


@pytest.mark.parametrize("size", [0, 32, 63, 65])
def test_a_listener_answers_64_bytes_and_nothing_else(size: int) -> None:
    with pytest.raises(ProtocolError):
        answer_challenge(pose_challenge(bytes(size), SHARED, RESPONSE_NONCE), SHARED, bytes(24))


def test_a_listener_does_not_answer_a_box_of_somebody_else() -> None:
    with pytest.raises(DecryptionFailed):
        answer_challenge(CHALLENGE, bytes(32), bytes(24))


@pytest.mark.parametrize("number", range(len(REGISTRATION["messages"])))
def test_the_recorded_registration_is_read_and_written_byte_for_byte(number: int) -> None:
    text = REGISTRATION["messages"][number]["text"]
    assert messages.encode(messages.decode(text)) == text


@pytest.mark.parametrize(
    "text", [each["text"] for each in VECTORS["conversation"]["messages"] if "text" in each]
)
def test_the_recorded_conversation_is_read_and_written_byte_for_byte(text: str) -> None:
    assert messages.encode(messages.decode(text)) == text


def test_the_recorded_challenges_of_the_conversation_are_answered_as_recorded() -> None:
    conversation = VECTORS["conversation"]
    shared = Identity.from_secret(bytes.fromhex(conversation["relaySecret"])).shared_key(
        LISTENER.public_key
    )
    for leg in ("listener", "listener-next-spare"):
        sent = [each for each in conversation["messages"] if each["leg"] == leg and "text" in each]
        asked = json.loads(sent[1]["text"])
        response = bytes.fromhex(json.loads(sent[2]["text"])["response"])
        box = bytes.fromhex(asked["challenge"])
        assert answer_challenge(box, shared, response[:24]) == response


# -- the relay's next key -----------------------------------------------------------------------

NEXT_KEY = Identity.generate().public_key
NONCE = bytes(range(24))
BOX = announce_next_key(NEXT_KEY, RESPONSE, SHARED, NONCE)


def test_an_announced_key_is_read_by_whom_it_was_made_for() -> None:
    assert read_next_key(BOX, RESPONSE, LISTENER.shared_key(RELAY.public_key)) == NEXT_KEY


def test_an_announcement_is_no_challenge_and_no_key_of_a_handshake() -> None:
    assert len(BOX) == NEXT_KEY_BOX_BYTES
    # Of the three kinds of box under such a key each has a length of its own.
    assert len({NEXT_KEY_BOX_BYTES, CHALLENGE_BOX_BYTES, 72}) == 3
    with pytest.raises(ProtocolError):
        answer_challenge(BOX, SHARED, NONCE)


def test_an_announcement_of_another_day_is_none() -> None:
    later = answer_challenge(CHALLENGE, SHARED, NONCE)
    with pytest.raises(DecryptionFailed):
        read_next_key(BOX, later, SHARED)


def test_what_another_has_sealed_is_no_announcement() -> None:
    eve = Identity.generate()
    forged = announce_next_key(NEXT_KEY, RESPONSE, eve.shared_key(LISTENER.public_key), NONCE)
    with pytest.raises(DecryptionFailed):
        read_next_key(forged, RESPONSE, SHARED)


def test_an_announcement_with_any_byte_changed_is_none() -> None:
    for place in range(len(BOX)):
        changed = bytearray(BOX)
        changed[place] ^= 1
        with pytest.raises(DecryptionFailed):
            read_next_key(bytes(changed), RESPONSE, SHARED)


@pytest.mark.parametrize(
    "box", [b"", RESPONSE, CHALLENGE, BOX[:-1], pose_challenge(b"", SHARED, NONCE)]
)
def test_other_boxes_of_the_relay_are_no_announcement(box: bytes) -> None:
    with pytest.raises(DecryptionFailed):
        read_next_key(box, RESPONSE, SHARED)
