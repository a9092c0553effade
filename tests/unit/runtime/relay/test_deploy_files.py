"""The files in `deploy` are taken by the programs that they are for."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.nats_server import NEEDS_NATS, find_nats_server

DEPLOY = Path(__file__).parents[4] / "runtime" / "deploy"
UNITS = ("duologue-relay.service", "nats-server.service")
MOST_EXPOSED = 40
"""Of 100, as systemd counts; what is told nothing has 96."""


def needs(program: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"no {program} here")


def run(*command: str, **environment: str) -> None:
    """The command succeeds; else its words are shown."""
    done = subprocess.run(
        command,
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@NEEDS_NATS
def test_nats_takes_its_configuration() -> None:
    program = find_nats_server()
    assert program is not None
    run(program, "-t", "-c", str(DEPLOY / "nats.conf"), RELAY_PASSWORD="secret")


@needs("haproxy")
def test_haproxy_takes_its_configuration() -> None:
    run("haproxy", "-c", "-f", str(DEPLOY / "haproxy.cfg"))


@needs("systemd-analyze")
@pytest.mark.parametrize("name", UNITS)
def test_systemd_takes_the_units_and_finds_them_closed(name: str, tmp_path: Path) -> None:
    # What they start is not here.
    text = re.sub(r"^(Exec\w+=)\S+", r"\1/bin/true", (DEPLOY / name).read_text(), flags=re.M)
    unit = tmp_path / name
    unit.write_text(text)
    run("systemd-analyze", "verify", "--man=no", str(unit))
    threshold = f"--threshold={MOST_EXPOSED}"
    run("systemd-analyze", "security", "--offline=true", threshold, str(unit))


def composed() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    return found


def test_the_composed_services_are_those_of_the_other_files() -> None:
    services = composed()["services"]
    assert set(services) == {
        "nats-a", "nats-b", "relay-a", "relay-b", "relay-c", "balancer",
    }  # fmt: skip
    behind = re.findall(r"^ *server (\S+) (\S+):(\d+)", (DEPLOY / "haproxy.cfg").read_text(), re.M)
    assert behind == [(name, name, "8443") for name in ("relay-a", "relay-b", "relay-c")]
    for name in ("nats-a", "nats-b"):
        assert f"nats://{name}:4222" in (DEPLOY / "cluster.toml").read_text()


def test_what_composed_services_mount_is_there_or_made_by_what_stands_above() -> None:
    text = (DEPLOY / "compose.yaml").read_text()
    made = text[: text.index("services:")]
    for service in composed()["services"].values():
        for volume in service["volumes"]:
            source = volume.partition(":")[0]
            name = source.removeprefix("./").removeprefix("secrets/")
            assert (DEPLOY / source).exists() or ("secrets/" in source and name in made), volume


def test_every_node_of_the_composed_cluster_has_a_name_and_an_address_of_its_own() -> None:
    nodes = {
        name: service["environment"]
        for name, service in composed()["services"].items()
        if name.startswith("relay-")
    }
    for name, environment in nodes.items():
        assert environment == {
            "DUOLOGUE_RELAY_CLUSTER__NODE": name,
            "DUOLOGUE_RELAY_CLUSTER__ADVERTISE": f"{name}:8788",
        }
