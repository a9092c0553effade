"""What a try that failed says of the next one."""

import ssl

import pytest

from duologue.endpoints.verdicts import Verdict, judge
from duologue.errors import (
    BadFrame,
    ConnectionClosed,
    ContractMismatch,
    DeadlineExceeded,
    DecryptionFailed,
    Digests,
    DuologueError,
    HandshakeFailed,
    HttpRefused,
    HttpUnavailable,
    IdentityMismatch,
    PeerNotFound,
    ProtocolError,
    RelayKeyChanged,
    RelayRefused,
    RelayUnreachable,
    UnsafeKey,
)


def caused_by(error: DuologueError, cause: BaseException) -> DuologueError:
    error.__cause__ = cause
    return error


CLOSED = HandshakeFailed("The connection was closed.", "closed")

VERDICTS: list[tuple[DuologueError, Verdict]] = [
    (ConnectionClosed(1006, "nobody there"), Verdict.NOT_NOW),
    (DeadlineExceeded("too slow"), Verdict.NOT_NOW),
    (HttpUnavailable("answered 503", 503), Verdict.NOT_NOW),
    (PeerNotFound("nobody listens"), Verdict.NOT_NOW),
    (caused_by(PeerNotFound("nobody listens"), CLOSED), Verdict.NOT_NOW),
    (RelayUnreachable("away"), Verdict.NOT_NOW),
    (RelayRefused("Too many requests.", may_pass=True), Verdict.NOT_NOW),
    (CLOSED, Verdict.NOT_NOW),
    (HandshakeFailed("replayed", "replay"), Verdict.NOT_NOW),
    (DecryptionFailed("changed on the way"), Verdict.NOT_NOW),
    (HttpRefused("answered 404", 404), Verdict.WRONG_PLACE),
    (HttpRefused("answered 410", 410), Verdict.WRONG_PLACE),
    (HttpRefused("answered 302", 302), Verdict.WRONG_PLACE),
    (HttpRefused("answered 200", 200), Verdict.WRONG_PLACE),
    (ProtocolError("no WebSocket"), Verdict.WRONG_PLACE),
    (BadFrame("no frame"), Verdict.WRONG_PLACE),
    (HandshakeFailed("does not open", "box"), Verdict.WRONG_PLACE),
    (
        caused_by(ConnectionClosed(1006, "TLS"), ssl.SSLCertVerificationError("self-signed")),
        Verdict.WRONG_PLACE,
    ),
    (HttpRefused("answered 401", 401), Verdict.DENIED),
    (HttpRefused("answered 403", 403), Verdict.DENIED),
    (RelayRefused("You may not ask for others here."), Verdict.LASTING),
    (
        caused_by(RelayRefused("You may not ask for others here."), CLOSED),
        Verdict.LASTING,
    ),
    (HandshakeFailed("This key is not allowed here", "not-allowed"), Verdict.LASTING),
    (IdentityMismatch("somebody else"), Verdict.LASTING),
    (ContractMismatch("chat.v1.Rooms", Digests("sha256:aa", "sha256:bb")), Verdict.LASTING),
    (UnsafeKey("no key"), Verdict.LASTING),
    (RelayKeyChanged("wss://relay", b"", b"", "forget it"), Verdict.LASTING),
]


@pytest.mark.parametrize(
    ("error", "verdict"), VERDICTS, ids=[f"{type(each).__name__} {each}" for each, _ in VERDICTS]
)
def test_each_failure_has_its_verdict(error: DuologueError, verdict: Verdict) -> None:
    assert judge(error) is verdict


@pytest.mark.parametrize(
    ("error", "verdict"),
    [
        (HttpRefused("answered 404", 404), Verdict.WRONG_PLACE),
        (HttpRefused("answered 403", 403), Verdict.DENIED),
        (ProtocolError("no WebSocket"), Verdict.WRONG_PLACE),
    ],
    ids=lambda part: str(part),
)
def test_what_stands_before_a_relay_is_judged_as_without_one(
    error: DuologueError, verdict: Verdict
) -> None:
    assert judge(caused_by(RelayRefused(str(error)), error)) is verdict
