"""Who trusts whom: the relay's key, and who may use it."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect as plain_connect

import duologue
from duologue import ANYONE, Identity
from duologue.relay.access import new_token
from duologue.relay.challenge import announce_next_key
from duologue.relay.server.server import RelayServer
from duologue.relay.server.watched_files import AccessFiles
from tests.foreign_peer import request_for
from tests.foreign_relay import MinimalRelay, minimal_relay
from tests.integration.loopback import nothing_is_left as nothing_is_left
from tests.integration.relay_loopback import (
    ANN,
    ANN_SECRET,
    BEN,
    BEN_SECRET,
    EVE,
    EVE_SECRET,
    Running,
    offering,
    running,
    until,
)
from tests.integration.relay_loopback import pins as pins

# -- the relay's key ----------------------------------------------------------------------------


async def test_a_lasting_key_is_pinned_and_another_one_is_refused(pins: Path) -> None:
    async with running(identity=EVE) as relay:
        port, url = relay.server.port, relay.url
        async with duologue.listen(url, identity=BEN, allow=ANYONE, known_relays=pins):
            assert f"{url} {EVE}" in pins.read_text()
    async with running(identity=Identity.generate(), port=port) as relay:
        with pytest.raises(duologue.RelayKeyChanged, match="--forget-key"):
            async with duologue.listen(url, identity=BEN, allow=ANYONE, known_relays=pins):
                pass
        assert relay.server.exchange.switchboard.spares == 0


async def test_the_same_key_after_a_restart_is_welcome(pins: Path) -> None:
    port = 0
    for _ in range(2):
        async with running(identity=EVE, port=port) as relay:
            port = relay.server.port
            async with duologue.listen(relay.url, identity=BEN, allow=ANYONE, known_relays=pins):
                await relay.until(spares=2)


async def test_a_relay_without_a_lasting_key_is_not_pinned(pins: Path) -> None:
    async with (
        running() as relay,
        duologue.listen(relay.url, identity=BEN, allow=ANYONE, known_relays=pins),
    ):
        pass
    assert not pins.exists()


async def register_once(relay: Running, pins: Path) -> None:
    """A listener comes, pins what there is to pin, and goes."""
    async with duologue.listen(relay.url, identity=BEN, allow=ANYONE, known_relays=pins):
        pass


async def test_a_relay_moves_to_the_key_that_it_has_announced(pins: Path) -> None:
    old, new = Identity.generate(), Identity.generate()
    async with running(identity=old, next_key=new.public_key) as relay:
        port = relay.server.port
        await register_once(relay, pins)
    # Either is good now: the old one may well be started again.
    for identity, next_key in ((old, new.public_key), (new, None)):
        async with running(identity=identity, next_key=next_key, port=port) as relay:
            await register_once(relay, pins)
    assert str(new) in pins.read_text()
    assert str(old) not in pins.read_text()
    async with running(identity=old, port=port) as relay:
        with pytest.raises(duologue.RelayKeyChanged):
            await register_once(relay, pins)


async def test_a_listener_that_stays_learns_the_next_key_from_its_new_spares(pins: Path) -> None:
    old, new = Identity.generate(), Identity.generate()
    async with running(identity=old) as relay:
        port = relay.server.port
        listener = duologue.listen(relay.url, identity=BEN, allow=ANYONE, known_relays=pins)
        await listener.__aenter__()
    try:
        for identity, next_key in ((old, new.public_key), (new, None)):
            async with running(identity=identity, next_key=next_key, port=port) as relay:
                await relay.until(spares=2)
    finally:
        await listener.close()


async def test_a_relay_that_has_announced_nothing_cannot_move(pins: Path) -> None:
    async with running(identity=EVE) as relay:
        port = relay.server.port
        await register_once(relay, pins)
    # The new one announces itself, which is worth nothing.
    new = Identity.generate()
    async with running(identity=new, next_key=new.public_key, port=port) as relay:
        with pytest.raises(duologue.RelayKeyChanged):
            await register_once(relay, pins)


@pytest.mark.parametrize("fault", ["sealed by another", "of another day", "a peer's key"])
async def test_an_announcement_that_is_not_the_relays_own_is_refused(
    pins: Path, fault: str
) -> None:
    """Whoever sits between can add the field, but not seal it."""
    relay = MinimalRelay()
    own = EVE_SECRET if fault == "sealed by another" else relay.key
    shared = Identity.from_secret(bytes(own)).shared_key(BEN.public_key)
    next_key = ANN.public_key if fault == "a peer's key" else Identity.generate().public_key

    class Announcing(MinimalRelay):
        def success(self, response: bytes) -> dict[str, Any]:
            heard = bytes(104) if fault == "of another day" else response
            box = announce_next_key(next_key, heard, shared, bytes(24))
            return {"persistentKey": True, "nextKey": box.hex()}

    announcing = Announcing()
    announcing.key, announcing.shown_key = relay.key, relay.shown_key
    async with minimal_relay(announcing):
        with pytest.raises(duologue.RelayRefused, match="next"):
            async with duologue.listen(
                announcing.url, identity=BEN, allow={ANN.public_key}, known_relays=pins
            ):
                pass
    assert not pins.exists()


class ChallengeThief(MinimalRelay):
    """Shows listeners the key and the challenge of an honest relay, to register there as them."""

    def __init__(self, honest: str) -> None:
        super().__init__()
        self._honest = honest

    async def challenge(self, public_key: str, plain: bytes) -> bytes:
        async with plain_connect(self._honest, compression=None) as socket:
            await socket.send(json.dumps({"command": "register", "publicKey": public_key}))
            asked = json.loads(await socket.recv())
        self.shown_key = bytes.fromhex(asked["publicKey"])
        return bytes.fromhex(asked["challenge"])


async def test_a_relay_that_passes_on_a_challenge_gets_no_answer_from_who_has_pinned(
    pins: Path,
) -> None:
    """Catalogue row 42."""
    async with running(identity=EVE) as honest:
        thief = ChallengeThief(honest.url)
        thief.extra = {"persistentKey": True}
        async with minimal_relay(thief):
            pins.write_text(f"{thief.url} {bytes(thief.key.public_key).hex()}\n")
            with pytest.raises(duologue.RelayKeyChanged):
                async with duologue.listen(
                    thief.url, identity=BEN, allow=ANYONE, known_relays=pins
                ):
                    pass
        assert thief.proved == 0
        assert honest.server.exchange.switchboard.spares == 0


@pytest.mark.parametrize("whose", ["ours", "a known peer's"])
async def test_a_relay_that_shows_a_peers_key_gets_no_answer(pins: Path, whose: str) -> None:
    relay = MinimalRelay()
    relay.key = BEN_SECRET if whose == "ours" else ANN_SECRET
    relay.shown_key = bytes(relay.key.public_key)
    async with minimal_relay(relay):
        with pytest.raises(duologue.RelayRefused, match="key of a peer"):
            async with duologue.listen(
                relay.url, identity=BEN, allow={ANN.public_key}, known_relays=pins
            ):
                pass
    assert relay.proved == 0


@pytest.mark.parametrize("size", [32, 63, 65])
async def test_only_challenges_of_64_bytes_are_answered(pins: Path, size: int) -> None:
    class Odd(MinimalRelay):
        async def challenge(self, public_key: str, plain: bytes) -> bytes:
            return await super().challenge(public_key, bytes(size))

    async with minimal_relay(Odd()) as relay:
        with pytest.raises(duologue.RelayRefused):
            async with duologue.listen(relay.url, identity=BEN, allow=ANYONE, known_relays=pins):
                pass
        assert relay.proved == 0


# -- who may ------------------------------------------------------------------------------------


async def test_an_allow_list_is_read_again_when_it_changes(pins: Path, tmp_path: Path) -> None:
    allowed = tmp_path / "allow"
    allowed.write_text(f"{BEN} register  # the provider\n{ANN} request\n")
    async with (
        running(access=AccessFiles(allowed, None)) as relay,
        duologue.listen(
            relay.url, identity=BEN, allow=ANYONE, on_peer=offering, known_relays=pins, spares=1
        ),
    ):
        async with duologue.dial(relay.url, to=BEN.public_key, identity=ANN) as peer:
            assert await peer.send(3, 2) == 4
        with pytest.raises(duologue.RelayRefused, match="may not ask"):
            async with duologue.dial(relay.url, to=BEN.public_key, identity=EVE):
                pass
        await relay.until(spares=1)
        allowed.write_text(f"{EVE} request\n")
        await relay.until(spares=0)
        with pytest.raises(duologue.RelayRefused):
            async with duologue.dial(relay.url, to=BEN.public_key, identity=ANN):
                pass
        allowed.unlink()
        await until(lambda: bool(relay.server.access and relay.server.access.fault))
        with pytest.raises(duologue.RelayRefused):
            async with duologue.dial(relay.url, to=BEN.public_key, identity=EVE):
                pass


async def test_tokens_come_in_a_header_or_in_the_first_message(pins: Path, tmp_path: Path) -> None:
    provider, provider_line = new_token()
    guest, guest_line = new_token()
    tokens = tmp_path / "tokens"
    tokens.write_text(f"{provider_line} register\n{guest_line} request\n")
    async with (
        running(access=AccessFiles(None, tokens)) as relay,
        duologue.listen(
            relay.url,
            identity=BEN,
            allow=ANYONE,
            on_peer=offering,
            known_relays=pins,
            token=provider,
        ),
    ):
        async with duologue.dial(relay.url, to=BEN.public_key, identity=ANN, token=guest) as peer:
            assert await peer.send(3, 2) == 4
        for wrong in (None, provider, "nonsense"):
            with pytest.raises(duologue.RelayRefused):
                async with duologue.dial(relay.url, to=BEN.public_key, identity=ANN, token=wrong):
                    pass
        async with plain_connect(relay.url, compression=None) as socket:
            request = json.loads(request_for(ANN_SECRET, BEN.public_key))
            await socket.send(json.dumps({**request, "token": guest}))
            assert json.loads(await socket.recv()) == {"command": "communication_ready"}


def test_an_open_relay_that_others_can_reach_does_not_start() -> None:
    async def make() -> None:
        RelayServer(host="0.0.0.0")

    with pytest.raises(ValueError, match="allow-list or tokens"):
        asyncio.run(make())
