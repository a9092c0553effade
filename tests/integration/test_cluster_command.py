"""A cluster as its operator has it: processes, `doctor --cluster`, metrics, errors at the start."""

import asyncio
import json
import subprocess
import sys
from asyncio.subprocess import PIPE
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect as plain_connect

import duologue
from tests.cluster_process import write_cluster, write_node
from tests.cluster_support import nats_servers
from tests.foreign_peer import request_for
from tests.foreign_relay import register, wait_for_caller
from tests.integration.loopback import nothing_is_left as nothing_is_left
from tests.integration.relay_loopback import ANN, ANN_SECRET, BEN, BEN_SECRET, offering
from tests.nats_server import NEEDS_NATS, free_port
from tests.relay_process import COMMAND, relay_process

pytestmark = NEEDS_NATS


async def doctor(config: Path) -> tuple[int, dict[str, Any]]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", COMMAND, "doctor", "--cluster", "--format", "json"),
        *("--config", str(config)),
        stdout=PIPE,
        stderr=PIPE,
    )
    out, err = await process.communicate()
    assert out, err.decode()
    return process.returncode or 0, json.loads(out)


async def test_three_nodes_are_set_up_looked_at_and_used(tmp_path: Path) -> None:
    write_cluster(tmp_path)
    async with nats_servers(2) as buses, AsyncExitStack() as stack:
        urls = [each.url for each in buses]
        configs = [write_node(tmp_path, name, urls) for name in ("a", "b", "c")]
        a, b, c = [
            await stack.enter_async_context(relay_process("--config", str(each)))
            for each in configs
        ]
        assert (await b.admin("/readyz"))[1] == "ready\n"
        exit_code, told = await doctor(configs[0])
        verdicts = {each["what"]: each["verdict"] for each in told["findings"]}
        # The doctor reads no environment of the nodes, which have other limits for these tests.
        assert set(verdicts) == {
            *("bus 1", "bus 2", "node a", "node b", "node c"),
            *("way to a", "way to b", "way to c"),
        }
        assert exit_code == 0, told
        assert {verdicts[each] for each in verdicts if not each.startswith("node")} == {"good"}
        async with (
            duologue.listen(
                a.url,
                identity=BEN,
                allow={ANN.public_key},
                on_peer=offering,
                known_relays=tmp_path / "pins",
            ),
            duologue.dial(b.url, to=BEN.public_key, identity=ANN) as peer,
        ):
            assert await peer.send(3, 12) == 144
            _, shown = await b.admin("/metrics")
            for line in (
                'duologue_relay_bus_up{server="1"} 1.0',
                'duologue_relay_lookups_total{result="found"} 1.0',
                'duologue_relay_requests_total{result="routed"} 1.0',
                'duologue_relay_visits{side="arrival"} 1.0',
                'duologue_relay_visits_total{result="joined",side="arrival"} 1.0',
                "duologue_relay_bus_in_doubt 0.0",
            ):
                assert line in shown
            assert "duologue_relay_tunnel_bytes_total" in shown
            assert 'duologue_relay_visits{side="holder"} 1.0' in (await a.admin("/metrics"))[1]
        buses[0].kill()
        c.process.kill()
        await c.process.wait()
        exit_code, told = await doctor(configs[0])
        assert exit_code == 1
        bad = {each["what"] for each in told["findings"] if each["verdict"] == "bad"}
        assert "bus 1" in bad


async def test_a_node_that_is_killed_takes_nothing_of_the_others_along(tmp_path: Path) -> None:
    write_cluster(tmp_path)
    async with nats_servers(1) as buses, AsyncExitStack() as stack:
        urls = [each.url for each in buses]
        nodes = [
            await stack.enter_async_context(
                relay_process("--config", str(write_node(tmp_path, name, urls)))
            )
            for name in ("a", "b", "c")
        ]
        first = await register(nodes[0].url, BEN_SECRET)
        nodes[0].process.kill()
        await nodes[0].process.wait()
        moved = await register(nodes[1].url, BEN_SECRET)
        async with plain_connect(nodes[2].url, compression=None) as caller:
            await caller.send(request_for(ANN_SECRET, BEN.public_key))
            await wait_for_caller(moved)
        await first.close()
        await moved.close()
        for node in nodes[1:]:
            assert await node.metric("unhandled_exceptions_total") == 0


def relay(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", COMMAND, "relay", "--port", "0", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_secret_that_others_may_read_or_that_is_missing_is_named_at_the_start(
    tmp_path: Path,
) -> None:
    write_cluster(tmp_path)
    config = write_node(tmp_path, "a", [f"nats://127.0.0.1:{free_port()}"])
    checked = ("--config", str(config), "--check-config")
    assert relay(*checked).returncode == 0
    secret = tmp_path / "cluster.secret"
    secret.chmod(0o644)
    told = relay(*checked)
    assert (told.returncode, told.stderr) == (
        2,
        "cluster.secret: others may read it (mode 0644); chmod 600 cluster.secret\n",
    )
    secret.unlink()
    told = relay(*checked)
    assert told.returncode == 2
    assert told.stderr == f"{secret}: No such file or directory\n"


def test_a_new_secret_is_good_for_a_file() -> None:
    made = relay("--make-cluster-secret")
    assert len(bytes.fromhex(made.stdout)) == 32


@pytest.mark.slow
def test_the_demonstration_loses_no_call_that_did_not_hang_on_the_killed_node() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.demo.cluster_demo"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
