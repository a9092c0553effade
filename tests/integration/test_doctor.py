"""`duologue doctor`: what it finds at good relays, bad ones, and none."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE
from pathlib import Path
from typing import Any

import pytest

from duologue import Identity
from duologue.commands.relay_examination import GRACE, LONG_S, Examination, Verdict
from duologue.relay.access import new_token
from duologue.relay.limits import RelayLimits
from duologue.relay.server.server import RelayServer
from duologue.relay.server.watched_files import AccessFiles, TlsFiles
from tests.relay_process import COMMAND, SHORT_GRACE_S

RELAY = Identity.generate()
QUICK = RelayLimits(startup_grace_s=SHORT_GRACE_S)
CERTIFICATE = Path(__file__).parent / "localhost.pem"


async def examine(url: str, folder: Path, *arguments: str) -> tuple[int, dict[str, str]]:
    """The exit code and the verdicts."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", COMMAND, "doctor", url, "--format", "json", "--timeout", "5"),
        *("--known-relays", str(folder / "known"), *arguments),
        stdout=PIPE,
    )
    output, _ = await process.communicate()
    report: dict[str, Any] = json.loads(output)
    assert process.returncode is not None
    assert report["good"] is (process.returncode == 0)
    return process.returncode, {each["what"]: each["verdict"] for each in report["findings"]}


async def test_a_good_relay_is_good_in_every_respect(tmp_path: Path) -> None:
    server = RelayServer(
        host="localhost",
        identity=Identity.generate(),
        tls=TlsFiles(CERTIFICATE, CERTIFICATE),
        limits=QUICK,
    )
    await server.start()
    code, verdicts = await examine(server.url, tmp_path, "--ca-file", str(CERTIFICATE))
    await server.close()
    assert code == 0
    assert verdicts.pop("clock") in ("good", "skipped")
    assert verdicts == dict.fromkeys(
        (
            *("connection", "TLS", "requests", "registering", "relay key"),
            *("handover", "round trip", "large message"),
        ),
        "good",
    )


async def test_a_relay_that_was_just_started_is_slow_and_the_doctor_says_why(
    tmp_path: Path,
) -> None:
    said: list[str] = []
    server = RelayServer(limits=RelayLimits(startup_grace_s=LONG_S + 1))
    await server.start()
    examination = Examination(
        server.url,
        pins_file=tmp_path / "known",
        context=None,
        token=None,
        identity=Identity.generate(),
        timeout_s=20,
        on_waiting=said.append,
    )
    await examination.run()
    await server.close()
    assert said == [f"Waiting: {GRACE}."]
    (refused,) = [each for each in examination.findings if each.what == "requests"]
    assert refused.text.endswith(GRACE)
    assert refused.verdict is Verdict.good


@pytest.mark.parametrize("command", ["doctor", "call"])
async def test_a_file_of_authorities_that_is_none_is_named(tmp_path: Path, command: str) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("")
    for file, words in ((tmp_path / "gone.pem", "No such file"), (empty, "no certificates in it")):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", COMMAND, command, "wss://127.0.0.1:9"),
            *(["--list"] if command == "call" else []),
            *("--ca-file", str(file)),
            stderr=PIPE,
        )
        _, complaint = await process.communicate()
        assert process.returncode == 2
        assert f"--ca-file {file}: " in complaint.decode()
        assert words in complaint.decode()


async def read_aloud(url: str, folder: Path, *arguments: str, token: str = "") -> str:
    """What a person gets to read."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", COMMAND, "doctor", url, "--timeout", "5"),
        *("--known-relays", str(folder / "known"), *arguments),
        stdout=PIPE,
        env={**os.environ, "DUOLOGUE_TOKEN": token} if token else None,
    )
    output, _ = await process.communicate()
    # Advice is wrapped to the width of a terminal.
    return " ".join(output.decode().split())


async def test_what_people_read_ends_with_the_sum(tmp_path: Path) -> None:
    server = RelayServer(identity=Identity.generate(), limits=QUICK)
    await server.start()
    said = await read_aloud(server.url, tmp_path)
    assert f"{server.url} is all right." in said
    await server.close()
    server = RelayServer(limits=QUICK)
    await server.start()
    said = await read_aloud(server.url, tmp_path)
    assert f"{server.url} works; look at: relay key." in said
    assert "key_file" in said
    await server.close()
    said = await read_aloud(server.url, tmp_path)
    assert "nobody listens there" in said
    assert f"{server.url} is not all right: connection." in said


async def test_what_a_token_does_not_allow_is_named_with_what_would(tmp_path: Path) -> None:
    token, line = new_token()
    tokens = tmp_path / "tokens"
    for right, missing in (("register", "request"), ("request", "register")):
        tokens.write_text(f"{line} {right}\n")
        server = RelayServer(access=AccessFiles(None, tokens), identity=RELAY, limits=QUICK)
        await server.start()
        said = await read_aloud(server.url, tmp_path, token=token)
        assert f"Give a token with the right `{missing}`" in said
        # What it does allow is looked at all the same.
        assert ("challenge answered" in said) is (right == "register")
        assert ("an unknown key is refused" in said) is (right == "request")
        await server.close()


async def test_who_speaks_tls_to_plain_text_or_the_reverse_is_told(tmp_path: Path) -> None:
    server = RelayServer(host="localhost", tls=TlsFiles(CERTIFICATE, CERTIFICATE), limits=QUICK)
    await server.start()
    said = await read_aloud(server.url.replace("wss:", "ws:"), tmp_path)
    assert "Perhaps it speaks TLS: wss://" in said
    assert "--ca-file" in await read_aloud(server.url, tmp_path)
    await server.close()
    server = RelayServer(limits=QUICK)
    await server.start()
    said = await read_aloud(server.url.replace("ws:", "wss:"), tmp_path)
    assert "Perhaps it speaks plain text: ws://" in said
    await server.close()


async def test_a_relay_with_another_key_is_bad_until_the_old_one_is_forgotten(
    tmp_path: Path,
) -> None:
    port = 0
    outcomes: list[int] = []
    for _ in range(2):
        server = RelayServer(identity=Identity.generate(), port=port, limits=QUICK)
        await server.start()
        port = server.port
        code, verdicts = await examine(server.url, tmp_path)
        outcomes.append(code)
        if code:
            assert verdicts["relay key"] == "bad"
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", COMMAND, "doctor", server.url, "--forget-key"),
                *("--known-relays", str(tmp_path / "known")),
            )
            assert await process.wait() == 0
            outcomes.append((await examine(server.url, tmp_path))[0])
        await server.close()
    assert outcomes == [0, 1, 0]


async def test_a_relay_that_lets_nobody_in_is_bad(tmp_path: Path) -> None:
    allowed = tmp_path / "allow"
    allowed.write_text("* request\n")
    server = RelayServer(access=AccessFiles(allowed, None), limits=QUICK)
    await server.start()
    code, verdicts = await examine(server.url, tmp_path)
    await server.close()
    assert (code, verdicts["requests"], verdicts["registering"]) == (1, "good", "bad")


async def test_a_certificate_that_nobody_vouches_for_is_bad(tmp_path: Path) -> None:
    server = RelayServer(host="localhost", tls=TlsFiles(CERTIFICATE, CERTIFICATE), limits=QUICK)
    await server.start()
    code, verdicts = await examine(server.url, tmp_path)
    await server.close()
    assert (code, verdicts) == (1, {"TLS": "bad"})


async def test_no_relay_is_bad(tmp_path: Path) -> None:
    assert await examine("ws://127.0.0.1:1", tmp_path) == (1, {"connection": "bad"})


@pytest.mark.parametrize("url", ["https://relay.example", "relay.example"])
async def test_what_is_no_address_is_wrong_use(url: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", COMMAND, "doctor", url), stderr=PIPE
    )
    _, complaint = await process.communicate()
    assert process.returncode == 2
    assert b"wss://" in complaint
