"""What must never show in anything that a relay, or a program beside it, writes."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import duologue
from duologue import ANYONE, Identity, WebsocketPromisifier
from tests.integration.test_relay_command import run
from tests.relay_process import COMMAND, relay_process
from tests.support import echo

ANN, BEN = Identity.generate(), Identity.generate()
ARGUMENT, RESULT, FAILURE, TOKEN = (f"CANARY-{each}" for each in ("ARG", "RES", "ERR", "TOKEN"))
SECRET = bytes(range(1, 33))
"""The relay's own, so that one can look for it."""


def shown_forms(secret: bytes) -> tuple[str, ...]:
    """How a secret could show: as hex, as Python writes bytes, as a list of numbers."""
    return secret.hex(), secret.hex().upper(), repr(secret), repr(list(secret))


# -- payload, keys, addresses (row 56) ----------------------------------------------------------


@pytest.mark.parametrize("level", ["info", "debug"])
async def test_neither_log_nor_metrics_nor_errors_hold_payload_keys_or_addresses(
    tmp_path: Path, level: str
) -> None:
    """Catalogue row 56."""
    errors: list[str] = []

    def fail() -> None:
        raise ValueError(FAILURE)

    def on_peer(peer: WebsocketPromisifier) -> None:
        peer.add_service(4, echo)
        peer.add_service(6, lambda: RESULT)
        peer.add_service(7, fail)

    config = tmp_path / "relay.toml"
    config.write_text(f"[log]\nlevel = '{level}'\n")
    async with relay_process("--config", str(config)) as relay:
        async with duologue.listen(
            relay.url,
            identity=BEN,
            allow=ANYONE,
            on_peer=on_peer,
            known_relays=tmp_path / "known",
            token=TOKEN,
        ):
            async with duologue.dial(
                relay.url, to=BEN.public_key, identity=ANN, token=TOKEN
            ) as peer:
                await peer.send(4, ARGUMENT)
                await peer.send(6)
                with pytest.raises(duologue.RemoteError) as caught:
                    await peer.send(7)
                errors.append(f"{caught.value!r} {caught.value}")
            for _ in range(30):
                with pytest.raises(duologue.RelayError) as refused:
                    async with duologue.dial(relay.url, to=ANN.public_key, identity=BEN):
                        pass
                errors.append(f"{refused.value!r} {refused.value}".replace(relay.url, ""))
        await _say(relay.port, f"GET /{ARGUMENT} HTTP/1.1\r\nHost: {RESULT}\r\n\r\n")
        metrics = (await relay.admin("/metrics"))[1]
        relay.process.send_signal(signal.SIGTERM)
        await relay.process.wait()
    seen = relay.raw_log.decode() + metrics
    assert len(relay.log) >= 10
    for secret in (ARGUMENT, RESULT, FAILURE, TOKEN, str(ANN), str(BEN), "127.0.0.1"):
        assert secret not in seen.replace(relay.url, "")
        assert secret not in "".join(errors)
    assert {"registered", "joined", "parted", "refused"} <= {line["event"] for line in relay.log}
    assert len([line for line in metrics.splitlines() if not line.startswith("#")]) <= 200


async def _say(port: int, text: str) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(text.encode())
    await reader.read()
    writer.close()
    await writer.wait_closed()


# -- the relay's key (row 55) -------------------------------------------------------------------


async def test_the_relays_secret_is_in_nothing_that_it_writes(tmp_path: Path) -> None:
    """Catalogue row 55: standard output, log at its loudest, every admin page."""
    key_file = tmp_path / "relay.key"
    Identity.from_secret(SECRET).save(key_file)
    config = tmp_path / "relay.toml"
    config.write_text(f"key_file = '{key_file}'\n[log]\nlevel = 'debug'\nkeys = 'full'\n")
    async with relay_process("--config", str(config)) as relay:
        async with duologue.listen(
            relay.url, identity=BEN, allow=ANYONE, known_relays=tmp_path / "known"
        ):
            pass
        pages = [(await relay.admin(f"/{each}"))[1] for each in ("metrics", "version", "readyz")]
        relay.process.send_signal(signal.SIGTERM)
        await relay.process.wait()
        assert relay.process.stdout is not None
        printed = (await relay.process.stdout.read()).decode()
    seen = "".join((relay.raw_log.decode(), printed, *pages, json.dumps(relay.listening)))
    assert str(Identity.from_secret(SECRET)) in seen
    seen += run("--config", str(config), "--print-config").stdout
    seen += run("--config", str(config), "--check-config").stdout
    for form in shown_forms(SECRET):
        assert form not in seen


@pytest.mark.parametrize("fault", ["loose", "link", "damaged", "short", "folder"])
@pytest.mark.parametrize("command", ["relay", "doctor", "call", "keygen"])
def test_every_command_refuses_a_bad_key_file_and_does_not_show_it(
    tmp_path: Path, command: str, fault: str
) -> None:
    """Catalogue row 55: exit code 2, and one line that says what mends it."""
    key_file = tmp_path / "me.key"
    Identity.from_secret(SECRET).save(key_file)
    content = key_file.read_bytes()
    remedy = {
        "loose": f"chmod 600 {key_file}",
        "link": f"Name the file itself: {tmp_path / 'real.key'}",
        "damaged": "Put back a copy",
        "short": "Put back a copy",
        "folder": str(key_file),
    }[fault]
    match fault:
        case "loose":
            key_file.chmod(0o644)
        case "link":
            key_file.rename(tmp_path / "real.key")
            key_file.symlink_to(tmp_path / "real.key")
        case "damaged":
            key_file.write_bytes(content.replace(b"public", b"publik"))
        case "short":
            key_file.write_bytes(content[:70])
        case _:
            key_file.unlink()
            key_file.mkdir()
    arguments = {
        "relay": ["relay", "--port", "0", "--key-file", str(key_file)],
        "doctor": ["doctor", "ws://127.0.0.1:1", "--key-file", str(key_file)],
        "call": [
            "call",
            f"ws://127.0.0.1:1#{BEN}",
            "chat.rooms.v1.Rooms/members",
            "room=x",
            "--key-file",
            str(key_file),
        ],
        "keygen": ["keygen", str(key_file)],
    }[command]
    done = subprocess.run(
        [sys.executable, "-c", COMMAND, *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    output = done.stdout + done.stderr
    assert "Traceback" not in output
    for form in shown_forms(SECRET):
        assert form not in output
    assert done.returncode in (1, 2)
    if command != "keygen":
        assert remedy in output.replace("\n", " ")
        assert done.returncode == 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="ends a process in the middle")
@pytest.mark.parametrize("replace", [False, True])
def test_a_process_that_dies_while_it_writes_leaves_the_old_key_whole(
    tmp_path: Path, replace: bool
) -> None:
    """Catalogue row 55: at each of its steps, of which writing has about ten."""
    key_file = tmp_path / "me.key"
    program = """
import os, sys
from duologue.identity import Identity
path, replace, deadly = sys.argv[1], sys.argv[2] == "True", int(sys.argv[3])
steps = 0
def dying(real):
    def step(*arguments, **names):
        global steps
        if steps == deadly:
            os._exit(9)
        steps += 1
        return real(*arguments, **names)
    return step
new = Identity.generate()
for name in ("open", "fsync", "link", "replace", "unlink"):
    setattr(os, name, dying(getattr(os, name)))
new.save(path, replace=replace)
"""
    for deadly in range(12):
        key_file.unlink(missing_ok=True)
        if replace:
            Identity.from_secret(SECRET).save(key_file)
        done = subprocess.run(
            [sys.executable, "-c", program, str(key_file), str(replace), str(deadly)],
            capture_output=True,
            timeout=120,
            check=False,
        )
        if replace:
            Identity.load(key_file)
        elif key_file.exists():
            # Whole or not at all.
            Identity.load(key_file)
        for left in tmp_path.iterdir():
            assert left.stat().st_mode & 0o077 == 0
        if done.returncode == 0:
            return
        assert done.returncode == 9, done.stderr
    raise AssertionError("it never came to its end")
