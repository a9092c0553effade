"""Five minutes of cuts, black holes, proxies and restarts, over sockets and in real time."""

import asyncio
import logging
import os
import random
from pathlib import Path

import pytest

from tests.soak.ledger import Books
from tests.soak.soak import Complaints, Plan, living, soak
from tests.soak.socket_network import socket_network
from tests.support import turns

FIVE_MINUTES = Plan(
    peers=18, rounds=3, round_s=60, pause_s=1, fault_pause_s=1.5, settle_s=35, hung_s=90
)


def open_descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="descriptors are counted in /proc")
async def test_nothing_hangs_nothing_runs_twice_and_nothing_is_left(tmp_path: Path) -> None:
    await check(FIVE_MINUTES, tmp_path)


async def check(plan: Plan, folder: Path) -> None:
    books, chance = Books(), random.Random(10)
    complaints = Complaints(books)
    logging.getLogger().addHandler(complaints)
    try:
        before, tasks_before, open_before = living(), asyncio.all_tasks(), open_descriptors()
        async with socket_network(books, chance, folder) as network:
            await soak(plan, network, books, chance)
        # Sockets are closed by the loop, some turns after their connections.
        await asyncio.sleep(1)
        await turns(50)
        assert asyncio.all_tasks() - tasks_before == set()
        assert open_descriptors() == open_before
        del network
        assert living() - before == {}
    finally:
        logging.getLogger().removeHandler(complaints)
    print(f"{len(books.fates)} calls; {dict(books.actions)}")
    assert books.complaints == []
