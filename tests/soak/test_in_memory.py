"""An hour of cuts, black holes, proxies and restarts, in memory: the clock is pretended."""

import pytest

from tests.soak.memory_network import memory_network
from tests.soak.soak import Plan, check
from tests.virtual_time import at_once

HOUR = Plan(peers=50, rounds=6, round_s=600, pause_s=6, fault_pause_s=3, settle_s=90, hung_s=90)
MINUTES = Plan(peers=6, rounds=3, round_s=100, pause_s=3, fault_pause_s=4, settle_s=90, hung_s=90)


@pytest.mark.parametrize(
    "plan",
    [MINUTES, pytest.param(HOUR, marks=[pytest.mark.slow, pytest.mark.timeout(1800)])],
    ids=["minutes", "an hour"],
)
@at_once
async def test_nothing_hangs_nothing_runs_twice_and_nothing_is_left(plan: Plan) -> None:
    await check(plan, memory_network)
