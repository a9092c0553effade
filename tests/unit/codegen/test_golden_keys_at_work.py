"""The golden package of keyed events at work: keys of every kind, there and back."""

from typing import Any

import pytest

from duologue import InvalidParams
from duologue.testing import linked_peers
from duologue.typed import Subscription
from tests.golden.packages.keyed_events.expected.golden.house.v1 import (
    Floor,
    HouseClient,
    HouseService,
)


class House(HouseService):
    """Has events only."""


async def test_each_key_is_heard_by_who_wants_it_and_by_who_wants_all() -> None:
    house = House()
    async with linked_peers([house]) as (_, peer):
        client = HouseClient(peer)
        async with (
            client.on_rang(key=2**60) as rang,
            client.on_moved(key=Floor.GROUND) as on_ground,
            client.on_moved(key=3) as on_third,
            client.on_locked(key=False) as not_all,
            client.on_locked() as locked,
            client.on_measured(key="hall") as in_hall,
        ):
            house.emit_rang(key=2**60 + 1, replay=True)
            house.emit_rang(key=2**60, replay=False)
            house.emit_moved(on=3)
            house.emit_moved(on=Floor.GROUND)
            house.emit_locked(is_all=True)
            house.emit_locked(is_all=False)
            house.emit_measured(room="attic", celsius=30)
            house.emit_measured(room="hall", celsius=20)
            assert (await anext(rang)).replay is False
            assert (await anext(on_ground)).on is Floor.GROUND
            assert (await anext(on_third)).on == 3
            assert [(await anext(locked)).is_all for _ in range(2)] == [True, False]
            assert (await anext(not_all)).is_all is False
            assert (await anext(in_hall)).celsius == 20
            for each in (rang, on_ground, on_third, locked, not_all, in_hall):
                assert nothing_waits(each)


def nothing_waits(subscription: "Subscription[Any]") -> bool:
    return not subscription._waiting  # pyright: ignore[reportPrivateUsage]


async def test_what_was_kept_comes_first_to_who_asks_for_it() -> None:
    house = House()
    async with linked_peers([house]) as (_, peer):
        for celsius in range(7):
            house.emit_measured(room="hall", celsius=celsius)
            house.emit_measured(room="attic", celsius=celsius)
        client = HouseClient(peer)
        async with client.on_measured(key="hall", replay=2) as two:
            assert [(await anext(two)).celsius for _ in range(2)] == [5, 6]
        async with client.on_measured(replay=9) as everything:
            house.emit_measured(room="cellar", celsius=9)
            heard = [await anext(everything) for _ in range(11)]
            assert [each.celsius for each in heard if each.room == "hall"] == [2, 3, 4, 5, 6]
            assert heard[-1].room == "cellar"


async def test_a_key_that_no_event_can_have_is_refused_where_it_is_written() -> None:
    async with linked_peers([House()]) as (_, peer):
        with pytest.raises(InvalidParams, match=r"golden\.house\.v1\.House/measured"):
            HouseClient(peer).on_measured(key="Hall 2")
