"""Who gives his place up for whom."""

import random

import pytest

from duologue.protocol.newcomers import Newcomers


def test_up_to_the_limit_nobody_gives_way_and_one_above_somebody_does() -> None:
    places: Newcomers[int] = Newcomers(3, 3)
    assert [places.enter(number, str(number)) for number in range(3)] == [None] * 3
    assert places.is_full
    assert places.enter(3, "3") == 0
    assert len(places) == 3
    assert 0 not in places


def test_the_address_that_has_most_loses_the_one_that_has_been_silent_longest() -> None:
    places: Newcomers[str] = Newcomers(6, 6)
    for who in ("ann", "bad1", "bad2", "bad3", "ben1", "ben2"):
        places.enter(who, who[:3])
    assert places.enter("eve1", "eve") == "bad1"
    # Now there are two with two each; who has had so many longest is first.
    assert places.enter("eve2", "eve") == "ben1"
    assert "ann" in places


def test_a_sign_of_life_makes_another_the_one_that_is_silent_longest() -> None:
    places: Newcomers[int] = Newcomers(2, 2)
    places.enter(1, "a")
    places.enter(2, "a")
    places.note_sign(1)
    assert places.enter(3, "b") == 2
    places.note_sign(99)
    assert len(places) == 2


def test_of_one_address_so_many_and_no_more() -> None:
    places: Newcomers[int] = Newcomers(100, 2)
    assert [places.enter(number, "a") for number in range(3)] == [None, None, 0]
    assert places.number_of("a") == 2
    assert not places.is_full


def test_a_group_that_nobody_knows_yet_is_bounded_by_the_number_of_all() -> None:
    places: Newcomers[int] = Newcomers(3, 1)
    for number in range(3):
        assert places.enter(number, "proxy", is_group_bounded=False) is None
    assert places.enter(3, "proxy", is_group_bounded=False) == 0


def test_who_leaves_frees_a_place_once() -> None:
    places: Newcomers[int] = Newcomers(1, 1)
    places.enter(1, "a")
    assert places.leave(1)
    assert not places.leave(1)
    assert places.enter(2, "b") is None


@pytest.mark.parametrize("seed", range(5))
def test_it_is_always_the_largest_group_that_loses(seed: int) -> None:
    chance = random.Random(seed)
    places: Newcomers[int] = Newcomers(20, 8)
    group_of: dict[int, str] = {}
    for number in range(2000):
        if group_of and chance.random() < 0.4:
            gone = chance.choice(list(group_of))
            assert places.leave(gone)
            del group_of[gone]
            continue
        group = str(min(chance.randrange(12), chance.randrange(12)))
        sizes = {each: list(group_of.values()).count(each) for each in group_of.values()}
        loser = places.enter(number, group)
        if loser is None:
            assert len(group_of) < 20
            assert sizes.get(group, 0) < 8
        elif sizes.get(group, 0) == 8:
            assert group_of[loser] == group
        else:
            assert sizes[group_of[loser]] == max(sizes.values())
        if loser is not None:
            del group_of[loser]
        group_of[number] = group
        assert len(places) == len(group_of)
