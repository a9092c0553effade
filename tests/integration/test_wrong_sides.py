"""Who comes to another kind of side than was meant is told so on entering, and what to write."""

import ssl as tls
from pathlib import Path

import pytest

from duologue import ANYONE, Identity, connect, dial, listen, serve
from duologue.errors import (
    ConnectionClosed,
    DuologueError,
    HandshakeFailed,
    ProtocolError,
    RelayRefused,
)
from duologue.relay.limits import RelayLimits
from duologue.relay.server.server import RelayServer
from tests.integration.greeters import Greeter, url
from tests.integration.loopback import nothing_is_left as nothing_is_left
from tests.relay_process import SHORT_GRACE_S

CERTIFICATE = Path(__file__).parent / "localhost.pem"
ANN, BEN = Identity.generate(), Identity.generate()


@pytest.mark.parametrize("reconnect", [False, True])
async def test_a_plain_caller_is_told_of_a_relay_and_of_a_service_that_encrypts(
    *, reconnect: bool
) -> None:
    relay = RelayServer(limits=RelayLimits(startup_grace_s=SHORT_GRACE_S))
    await relay.start()
    with pytest.raises(ProtocolError, match=r"is a relay: .* write dial\(url, to=KEY, ident"):
        async with connect(relay.url, reconnect=reconnect):
            pytest.fail("was let in")
    await relay.close()
    async with serve(Greeter(), identity=BEN, allow=ANYONE) as server:
        with pytest.raises(ProtocolError, match=r"that encrypts: write connect\(url, to=KEY, ide"):
            async with connect(url(server.port), reconnect=reconnect):
                pytest.fail("was let in")


@pytest.mark.parametrize("reconnect", [False, True])
async def test_a_caller_that_encrypts_is_told_of_a_service_that_does_not_and_of_a_relay(
    *, reconnect: bool
) -> None:
    async with serve(Greeter()) as server:
        with pytest.raises(HandshakeFailed, match=r"without encryption: write connect\(url\), wi"):
            async with connect(
                url(server.port), identity=ANN, to=BEN.public_key, reconnect=reconnect
            ):
                pytest.fail("was let in")
        with pytest.raises(HandshakeFailed, match="without encryption, and no relay: write conn"):
            async with dial(url(server.port), identity=ANN, to=BEN.public_key, reconnect=reconnect):
                pytest.fail("was let in")
    relay = RelayServer(limits=RelayLimits(startup_grace_s=SHORT_GRACE_S))
    await relay.start()
    if not reconnect:  # A listener may still come.
        with pytest.raises(HandshakeFailed, match=r"is a relay, .* reached by dial\(url, to=KEY"):
            async with connect(relay.url, identity=ANN, to=BEN.public_key):
                pytest.fail("was let in")
    await relay.close()


@pytest.mark.parametrize("identity", [None, BEN])
async def test_a_listener_is_told_that_there_is_no_relay(identity: Identity | None) -> None:
    allow = None if identity is None else ANYONE
    what = "it says what no relay says" if identity is None else "it is a service that encrypts"
    async with serve(Greeter(), identity=identity, allow=allow) as server:
        with pytest.raises(RelayRefused, match=f"{url(server.port)} is no relay: {what}"):
            async with listen(url(server.port), Greeter(), identity=ANN, allow=ANYONE):
                pytest.fail("was let in")


async def test_what_is_told_repeats_nothing_that_may_be_secret() -> None:
    async with serve(Greeter(), identity=BEN, allow=ANYONE) as server:
        address = f"ws://127.0.0.1:{server.port}/path?token=secret"
        with pytest.raises(DuologueError, match="that encrypts") as told:
            async with connect(address):
                pytest.fail("was let in")
    assert "/path is a service" in str(told.value)
    assert "secret" not in str(told.value)


async def test_tls_where_there_is_none_and_none_where_it_is_wanted_say_the_other_address() -> None:
    async with serve(Greeter()) as plain:
        where = f"127.0.0.1:{plain.port}"
        with pytest.raises(
            ConnectionClosed, match=f"TLS failed: .*, it is ws://{where}/path"
        ) as met:
            async with connect(f"wss://{where}/path?token=secret"):
                pytest.fail("was let in")
    assert "secret" not in str(met.value)
    context = tls.SSLContext(tls.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    async with serve(Greeter(), ssl=context) as secure:
        where = f"localhost:{secure.port}"
        with pytest.raises(ConnectionClosed, match=f"if that port wants TLS, it is wss://{where}"):
            async with connect(f"ws://{where}"):
                pytest.fail("was let in")
        # Here TLS is not what is wrong.
        with pytest.raises(ConnectionClosed, match="self-signed certificate; ssl= takes a") as met:
            async with connect(f"wss://{where}"):
                pytest.fail("was let in")
    assert "ws://" not in str(met.value)
