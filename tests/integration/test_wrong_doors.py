"""`duologue call` and `doctor` at an address where something else is than was meant."""

import asyncio
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest

import duologue
from duologue import ANYONE, Identity
from duologue.commands.wrong_door import Door, look
from duologue.relay.limits import RelayLimits
from duologue.relay.server.server import RelayServer
from tests.clock_service import Clock
from tests.relay_process import SHORT_GRACE_S
from tests.stream_server import stream_server

ROOT = Path(__file__).parents[2]
BEN, OTHER = Identity.generate(), Identity.generate()
KEY = BEN.public_key.hex()
TIMEOUT_S = "20"


async def run(*arguments: str) -> tuple[int, str]:
    """The exit code, and all that is said, on one line."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "duologue", *arguments, "--timeout", TIMEOUT_S),
        cwd=ROOT,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, " ".join(output.decode().split())


async def call(target: str, *more: str) -> str:
    """What a call that fails says."""
    code, said = await run("call", target, "join", "room=lobby", "name=Ann", *more)
    assert code == 1
    return said


def at(server: duologue.Server) -> str:
    return f"ws://127.0.0.1:{server.port}"


async def test_at_a_relay_the_key_is_missing() -> None:
    relay = RelayServer(limits=RelayLimits(startup_grace_s=SHORT_GRACE_S))
    await relay.start()
    said = [await call(relay.url), (await run("call", relay.url, "--list"))[1]]
    direct = await call(f"{relay.url}#{KEY}", "--direct")
    unknown = await call(f"{relay.url}#{KEY}")
    await relay.close()
    assert (
        said
        == [
            f"{relay.url} is a relay: write {relay.url}#KEY, with the key of the service behind it "
            "(duologue keygen --show FILE prints it)"
        ]
        * 2
    )
    assert direct == (
        f"{relay.url} is a relay: leave out --direct, which is for a service at HOST itself"
    )
    # Nothing is wrong with that address.
    assert unknown == f"PeerNotFound: nobody listens at {relay.url} under this key"


async def test_at_a_service_without_encryption_the_key_is_too_much() -> None:
    async with duologue.serve(Clock()) as server:
        url = at(server)
        through, direct = await call(f"{url}#{KEY}"), await call(f"{url}#{KEY}", "--direct")
    told = f"{url} is a service without encryption, and no relay: write {url}, without #KEY"
    assert (through, direct) == (told, f"{told} and --direct")


async def test_at_a_service_that_encrypts_its_key_is_needed() -> None:
    async with duologue.serve(Clock(), identity=BEN, allow=ANYONE) as server:
        url = at(server)
        without = await call(url)
        others = await call(f"{url}#{OTHER.public_key.hex()}")
        direct = await call(f"{url}#{OTHER.public_key.hex()}", "--direct")
    assert without == (
        f"{url} is a service that encrypts: write {url}#KEY --direct, with its key "
        "(duologue keygen --show FILE prints it)"
    )
    assert (
        others
        == direct
        == (
            f"{url} is a service, and no relay, and has another key than this one: write "
            f"{url}#KEY --direct, with its key"
        )
    )


async def test_who_is_not_allowed_is_told_that_and_not_to_look_elsewhere() -> None:
    async with duologue.serve(Clock(), identity=BEN, allow={OTHER.public_key}) as server:
        said = await call(f"{at(server)}#{KEY}", "--direct")
    assert said.startswith("KeyNotAllowed: ")


async def test_doctor_wants_the_relay_alone() -> None:
    code, said = await run("doctor", f"wss://relay.example#{KEY}")
    assert code == 2
    assert said == (
        "doctor looks at the relay, whoever is behind it: write wss://relay.example, without "
        "#KEY; duologue call reaches the service with that key."
    )


@pytest.mark.parametrize("is_encrypted", [False, True])
async def test_doctor_knows_a_service_for_none_of_its_patients(
    tmp_path: Path, *, is_encrypted: bool
) -> None:
    identity, allow = (BEN, ANYONE) if is_encrypted else (None, None)
    async with duologue.serve(Clock(), identity=identity, allow=allow) as server:
        known = str(tmp_path / "known")
        code, said = await run("doctor", at(server), "--known-relays", known)
    assert code == 1
    way = "#KEY --direct" if is_encrypted else ""
    assert "a service is there, and no relay" in said
    assert f"duologue call {at(server)}{way} --list" in said
    assert said.endswith("is not all right: requests.")


async def test_a_look_takes_nobody_for_somebody() -> None:
    async def page(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
        writer.close()

    async with stream_server(page) as port:
        assert await look(f"ws://127.0.0.1:{port}", context=None, timeout_s=20) is None
    assert await look(f"ws://127.0.0.1:{port}", context=None, timeout_s=20) is None
    async with duologue.serve(Clock()) as ours:
        assert await look(at(ours), context=None, timeout_s=20) is Door.SERVICE
    async with duologue.serve(Clock(), profile="base") as ours:
        assert await look(at(ours), context=None, timeout_s=0.2) is None
