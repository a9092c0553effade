"""A relay with a certificate, good or bad (catalogue row 50)."""

import asyncio
import contextlib
import shutil
import socket
import ssl as tls
import warnings
from dataclasses import replace
from pathlib import Path

import pytest

import duologue
from duologue import ANYONE
from duologue.connection.websocket.listening import listening_sockets
from duologue.relay.events import NotOpened, TurnedAway
from duologue.relay.limits import RelayLimits
from duologue.relay.server.watched_files import TlsFiles
from tests.integration.loopback import nothing_is_left as nothing_is_left
from tests.integration.relay_loopback import (
    ANN,
    BEN,
    offering,
    running,
    until,
)
from tests.integration.relay_loopback import pins as pins
from tests.stopwatch import PATIENCE_S

CERTIFICATE = Path(__file__).parent / "localhost.pem"
TLS = Path(__file__).parent / "tls"
"""Certificates with their keys: worthless outside these tests."""


def trusting(certificate: Path) -> tls.SSLContext:
    return tls.create_default_context(cafile=str(certificate))


async def test_a_conversation_over_tls(pins: Path) -> None:
    async with running(host="localhost", tls=TlsFiles(CERTIFICATE, CERTIFICATE)) as relay:
        trust = trusting(CERTIFICATE)
        async with (
            duologue.listen(
                relay.url,
                identity=BEN,
                allow=ANYONE,
                on_peer=offering,
                known_relays=pins,
                ssl=trust,
            ),
            duologue.dial(relay.url, to=BEN.public_key, identity=ANN, ssl=trust) as peer,
        ):
            assert relay.url.startswith("wss:")
            assert await peer.send(4, "x" * 200_000) == ["x" * 200_000]


async def test_a_certificate_nobody_vouches_for_is_refused_and_plain_text_too() -> None:
    async with running(host="localhost", tls=TlsFiles(CERTIFICATE, CERTIFICATE)) as relay:
        with pytest.raises(duologue.RelayUnreachable, match="its certificate is not trusted"):
            async with duologue.dial(relay.url, to=BEN.public_key, identity=ANN):
                pass
        assert not relay.events
        plain = relay.url.replace("wss:", "ws:")
        with pytest.raises(duologue.RelayError):
            async with duologue.dial(plain, to=BEN.public_key, identity=ANN):
                pass


async def test_a_chain_must_be_whole(tmp_path: Path) -> None:
    trust = trusting(TLS / "root.pem")
    whole = TLS / "chain.pem"
    key, leaf, _intermediate = whole.read_text().split("-----BEGIN CERTIFICATE-----")
    cut = tmp_path / "leaf.pem"
    cut.write_text(f"{key}-----BEGIN CERTIFICATE-----{leaf}")
    for file, is_whole in ((whole, True), (cut, False)):
        async with running(host="localhost", tls=TlsFiles(file, file)) as relay:
            # Who gets as far as asking the relay was satisfied with its certificate.
            expected = duologue.PeerNotFound if is_whole else duologue.RelayUnreachable
            with pytest.raises(expected) as caught:
                async with duologue.dial(relay.url, to=BEN.public_key, identity=ANN, ssl=trust):
                    pass
            if not is_whole:
                assert "unable to get local issuer certificate" in str(caught.value)
                assert not relay.events


@pytest.mark.parametrize(
    ("certificate", "complaint"),
    [("expired", "expired"), ("elsewhere", "Hostname mismatch"), ("second", "self-signed")],
)
async def test_a_wrong_certificate_is_refused_for_what_is_wrong(
    certificate: str, complaint: str
) -> None:
    file = TLS / f"{certificate}.pem"
    trust = None if certificate == "second" else trusting(file)
    async with running(host="localhost", tls=TlsFiles(file, file)) as relay:
        with pytest.raises(duologue.RelayUnreachable, match=complaint):
            async with duologue.dial(relay.url, to=BEN.public_key, identity=ANN, ssl=trust):
                pass
        assert not relay.events


async def test_tls_below_1_2_is_refused() -> None:
    old = trusting(CERTIFICATE)
    old.set_ciphers("DEFAULT:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        old.minimum_version = tls.TLSVersion.TLSv1
        old.maximum_version = tls.TLSVersion.TLSv1_1
    async with running(host="localhost", tls=TlsFiles(CERTIFICATE, CERTIFICATE)) as relay:
        with pytest.raises(duologue.RelayUnreachable):
            async with duologue.dial(relay.url, to=BEN.public_key, identity=ANN, ssl=old):
                pass


async def test_a_renewed_certificate_is_used_and_nobody_is_dropped(
    pins: Path, tmp_path: Path
) -> None:
    file = tmp_path / "relay.pem"
    shutil.copy(CERTIFICATE, file)
    async with (
        running(host="localhost", tls=TlsFiles(file, file)) as relay,
        duologue.listen(
            relay.url,
            identity=BEN,
            allow=ANYONE,
            on_peer=offering,
            known_relays=pins,
            ssl=trusting(CERTIFICATE),
            spares=3,
        ),
        duologue.dial(
            relay.url, to=BEN.public_key, identity=ANN, ssl=trusting(CERTIFICATE)
        ) as peer,
    ):
        assert relay.server.tls is not None
        file.write_text("half a file")
        await until(lambda: bool(relay.server.tls and relay.server.tls.fault))
        async with duologue.dial(
            relay.url, to=BEN.public_key, identity=ANN, ssl=trusting(CERTIFICATE)
        ) as other:
            assert await other.send(3, 2) == 4
        shutil.copy(TLS / "second.pem", file)
        await until(lambda: bool(relay.server.tls and not relay.server.tls.fault))
        async with duologue.dial(
            relay.url, to=BEN.public_key, identity=ANN, ssl=trusting(TLS / "second.pem")
        ) as other:
            assert await other.send(3, 3) == 9
        assert await peer.send(3, 4) == 16


# -- before TLS is agreed on (row 33) -----------------------------------------------------------


async def test_limits_hold_before_a_tls_handshake_is_spent_on_anybody() -> None:
    """Catalogue row 33, behind TLS: sockets that say nothing at all."""
    limits = replace(
        RelayLimits(),
        max_unauthenticated_per_address=5,
        first_message_timeout_s=3,
        startup_grace_s=0.01,
    )
    async with running(
        host="localhost", tls=TlsFiles(CERTIFICATE, CERTIFICATE), limits=limits
    ) as relay:
        place = ("localhost", relay.server.port)
        silent = [await asyncio.open_connection(*place) for _ in range(6)]
        await until(lambda: relay.server.door.strangers == 5)
        # The first gave way to the sixth at once; the others go when their time is over.
        assert await asyncio.wait_for(silent[0][0].read(), PATIENCE_S) == b""
        turned = relay.noted(TurnedAway)
        assert [each.limit for each in turned if isinstance(each, TurnedAway)] == [
            "max_unauthenticated_per_address"
        ]
        for reader, writer in silent:
            with contextlib.suppress(ConnectionError):
                await asyncio.wait_for(reader.read(), PATIENCE_S)
            writer.close()
        await until(lambda: len(relay.server.door) == 0)
        assert len(relay.noted(NotOpened)) == 5
        with pytest.raises(duologue.PeerNotFound):
            async with duologue.dial(
                relay.url, to=BEN.public_key, identity=ANN, ssl=trusting(CERTIFICATE)
            ):
                pass


async def test_closing_drops_those_that_have_not_agreed_on_tls() -> None:
    async with running(host="localhost", tls=TlsFiles(CERTIFICATE, CERTIFICATE)) as relay:
        reader, writer = await asyncio.open_connection("localhost", relay.server.port)
        await until(lambda: relay.server.door.strangers == 1)
        await asyncio.wait_for(relay.server.close(), PATIENCE_S)
        with contextlib.suppress(ConnectionError):
            assert await asyncio.wait_for(reader.read(), PATIENCE_S) == b""
        writer.close()
        assert len(relay.server.door) == 0


async def test_all_addresses_are_ipv4_and_ipv6() -> None:
    try:
        sockets = await listening_sockets(["0.0.0.0", "::"], 0, 1)
    except OSError:
        pytest.skip("this machine has no IPv6")
    families = {sock.family for sock in sockets}
    for sock in sockets:
        sock.close()
    assert socket.AF_INET in families
    assert len(sockets) == len(families)
