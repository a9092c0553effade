"""`duologue relay` as a process: first line, pages, signals, what it leaves in its log."""

import asyncio
import json
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from nacl.public import PrivateKey
from websockets.asyncio.client import connect

import duologue
from duologue import ANYONE, Identity, WebsocketPromisifier
from tests.foreign_peer import request_for
from tests.foreign_relay import register, wait_for_caller
from tests.relay_process import COMMAND, relay_process
from tests.stopwatch import PATIENCE_S, Stopwatch

ANN, BEN = Identity.generate(), Identity.generate()


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", COMMAND, "relay", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


async def test_it_says_where_it_listens_and_answers_on_its_admin_port(tmp_path: Path) -> None:
    async with relay_process("--key-file", str(tmp_path / "relay.key")) as relay:
        assert relay.url.startswith("ws://127.0.0.1:")
        spare = await register(relay.url, PrivateKey.generate())
        assert await relay.admin("/livez") == (200, "live\n")
        assert await relay.admin("/readyz") == (200, "ready\n")
        assert (await relay.admin("/version"))[1].startswith("duologue ")
        assert (await relay.admin("/"))[0] == 404
        status, metrics = await relay.admin("/metrics")
        assert status == 200
        assert 'duologue_relay_spares{bucket="1"} 1.0' in metrics
        assert 'duologue_relay_connections{state="spare"} 1.0' in metrics
        await spare.close()


async def test_its_key_lasts(tmp_path: Path) -> None:
    key_file = tmp_path / "relay.key"
    for _ in range(2):
        async with relay_process("--key-file", str(key_file)):
            pass
    assert key_file.stat().st_mode & 0o077 == 0


class Sleeping:
    """Offers a service that takes as long as one says; knows how many calls have begun."""

    def __init__(self) -> None:
        self.begun = asyncio.Semaphore(0)

    def __call__(self, peer: WebsocketPromisifier) -> None:
        async def wait(seconds: float) -> float:
            self.begun.release()
            await asyncio.sleep(seconds)
            return seconds

        peer.add_service(5, wait)

    async def all_run(self, number: int) -> None:
        for _ in range(number):
            await self.begun.acquire()


@pytest.mark.parametrize(
    ("longest_s", "drain_s"), [(2, 4), pytest.param(8, 30, marks=pytest.mark.slow)]
)
async def test_a_signal_drains_it_and_calls_that_run_are_not_lost(
    tmp_path: Path, longest_s: float, drain_s: float
) -> None:
    """Catalogue row 11."""
    sleeping = Sleeping()
    async with (
        relay_process(limits={"drain_timeout_s": drain_s}) as relay,
        duologue.listen(
            relay.url,
            identity=BEN,
            allow=ANYONE,
            on_peer=sleeping,
            known_relays=tmp_path / "known",
        ),
        duologue.dial(relay.url, to=BEN.public_key, identity=ANN) as peer,
    ):
        lengths_s = [longest_s * number / 100 for number in range(100)]
        calls = [peer.send(5, each) for each in lengths_s]
        await sleeping.all_run(len(calls))
        relay.process.send_signal(signal.SIGTERM)
        watch = Stopwatch(relay.pid)
        assert await asyncio.gather(*calls) == lengths_s
        assert (await relay.admin("/readyz"))[0] == 503
        with pytest.raises(duologue.RelayUnreachable):
            async with duologue.dial(relay.url, to=BEN.public_key, identity=ANN):
                pass
        assert await asyncio.wait_for(relay.process.wait(), PATIENCE_S) == 0
        assert watch.seconds <= drain_s + 0.5


async def test_a_call_that_outlasts_the_drain_fails_and_does_not_hold_it_up(tmp_path: Path) -> None:
    """Catalogue row 11."""
    sleeping = Sleeping()
    async with (
        relay_process(limits={"drain_timeout_s": 1}) as relay,
        duologue.listen(
            relay.url, identity=BEN, allow=ANYONE, on_peer=sleeping, known_relays=tmp_path / "known"
        ),
        duologue.dial(relay.url, to=BEN.public_key, identity=ANN) as peer,
    ):
        call = peer.send(5, 600)
        await sleeping.all_run(1)
        relay.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(PATIENCE_S):
            with pytest.raises(duologue.ConnectionClosed) as caught:
                await call
            assert await relay.process.wait() == 0
        assert "being stopped" in str(caught.value)


async def test_a_second_signal_ends_it_at_once() -> None:
    """Catalogue row 11."""
    async with relay_process() as relay:
        own = PrivateKey.generate()
        spare = await register(relay.url, own)
        caller = await connect(relay.url, compression=None)
        await caller.send(request_for(PrivateKey.generate(), bytes(own.public_key)))
        await wait_for_caller(spare)
        relay.process.send_signal(signal.SIGTERM)
        await asyncio.sleep(0.2)
        relay.process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(relay.process.wait(), PATIENCE_S) == 1
        for each in (spare, caller):
            await each.close()


async def test_nobody_there_to_drain_it_ends_at_once_and_well() -> None:
    async with relay_process() as relay:
        relay.process.send_signal(signal.SIGINT)
        assert await asyncio.wait_for(relay.process.wait(), PATIENCE_S) == 0


def test_an_open_relay_for_everybody_is_refused() -> None:
    result = run("--host", "0.0.0.0", "--port", "0")
    assert result.returncode == 2
    assert "allow_file or token_file" in result.stderr


def test_plain_text_for_everybody_must_be_asked_for(tmp_path: Path) -> None:
    allowed = tmp_path / "allow"
    allowed.write_text(str(ANN))
    arguments = ["--host", "0.0.0.0", "--allow-file", str(allowed), "--check-config"]
    assert "insecure_plaintext" in run(*arguments).stderr
    assert run(*arguments, "--insecure-plaintext").returncode == 0


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("prot = 1", "prot"),
        ("[access]\nallow_file = 'missing'", "missing"),
        ("key_file = 'loose.key'", "loose.key"),
    ],
)
def test_a_bad_configuration_is_named_and_ends_with_2(
    tmp_path: Path, text: str, complaint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Identity.generate().save("loose.key")
    Path("loose.key").chmod(0o644)
    Path("relay.toml").write_text(text)
    result = run("--config", "relay.toml", "--check-config")
    assert result.returncode == 2
    assert complaint in result.stderr
    assert "Traceback" not in result.stderr


def test_the_configuration_can_be_printed() -> None:
    printed = run("--port", "1234", "--print-config").stdout
    in_json = json.loads(run("--port", "1234", "--print-config", "--format", "json").stdout)
    assert tomllib.loads(printed)["port"] == 1234
    assert tomllib.loads(printed)["limits"] == in_json["limits"]


def test_a_token_is_made() -> None:
    made = json.loads(run("--make-token", "--format", "json").stdout)
    assert made["line"].startswith("sha256:")
    assert len(made["token"]) >= 40
