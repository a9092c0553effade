"""Five minutes of cuts, black holes, proxies and restarts, over sockets and in real time."""

import os
from functools import partial
from pathlib import Path

import pytest

from tests.soak.soak import Plan, check
from tests.soak.socket_network import socket_network

FIVE_MINUTES = Plan(
    peers=18, rounds=3, round_s=60, pause_s=1, fault_pause_s=1.5, settle_s=35, hung_s=90
)


def open_descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="descriptors are counted in /proc")
async def test_nothing_hangs_nothing_runs_twice_and_nothing_is_left(tmp_path: Path) -> None:
    before = open_descriptors()
    await check(FIVE_MINUTES, partial(socket_network, folder=tmp_path))
    assert open_descriptors() == before
