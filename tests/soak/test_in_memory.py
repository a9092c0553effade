"""An hour of cuts, black holes, proxies and restarts, in memory: the clock is pretended."""

import asyncio
import logging
import random

import pytest

from tests.soak.ledger import Books
from tests.soak.memory_network import memory_network
from tests.soak.soak import Complaints, Plan, living, soak
from tests.support import turns
from tests.virtual_time import at_once

HOUR = Plan(peers=50, rounds=6, round_s=600, pause_s=6, fault_pause_s=3, settle_s=90, hung_s=90)
MINUTES = Plan(peers=6, rounds=3, round_s=100, pause_s=3, fault_pause_s=4, settle_s=90, hung_s=90)


@pytest.mark.parametrize(
    "plan", [MINUTES, pytest.param(HOUR, marks=[pytest.mark.slow, pytest.mark.timeout(1800)])],
    ids=["minutes", "an hour"],
)  # fmt: skip
@at_once
async def test_nothing_hangs_nothing_runs_twice_and_nothing_is_left(plan: Plan) -> None:
    books, chance = Books(), random.Random(11)
    complaints = Complaints(books)
    logging.getLogger().addHandler(complaints)
    try:
        before, tasks_before = living(), asyncio.all_tasks()
        async with memory_network(books, chance) as network:
            await soak(plan, network, books, chance)
        await turns(50)
        left = asyncio.all_tasks() - tasks_before
        timers: list[asyncio.TimerHandle] = vars(asyncio.get_running_loop())["_scheduled"]
        assert not left
        assert [each for each in timers if not each.cancelled()] == []
        del network
        assert living() - before == {}
    finally:
        logging.getLogger().removeHandler(complaints)
    print(f"{len(books.fates)} calls; {dict(books.actions)}")
    assert books.complaints == []
