"""What is promised of events that have keys and are kept."""

from typing import Final

from duologue.testing.conversation.losses import Comeback, Lasting
from duologue.testing.conversation.news_service import KEPT_EVENTS, numbers_of
from duologue.testing.conversation.promise import End, Promise, same


async def _check_keys(caller: End, callee: End) -> None:
    """Who wants to hear of one key hears of it alone, and who wants all of them hears of all."""
    async with caller.news.on_happened(key="a") as of_a, caller.news.on_happened() as of_all:
        callee.news_service.tell("b", 1)
        callee.news_service.tell("a", 2, 3)
        same(await numbers_of(of_a, 2), [2, 3], "the list of events of one key")
        same(await numbers_of(of_all, 3), [1, 2, 3], "the list of events of all keys")


async def _check_latecomers(caller: End, callee: End) -> None:
    """Who comes late, once or again and again, gets what is kept first, and then what happens."""
    callee.news_service.tell("a", *range(KEPT_EVENTS + 5))
    callee.news_service.tell("b", 99)
    for number in range(3):
        async with caller.news.on_happened(key="a", replay=2) as told:
            callee.news_service.tell("a", 100 + number)
            *_, before, last = range(5, KEPT_EVENTS + 5)
            expected = [before, last, 100, 101, 102][number : number + 3]
            same(await numbers_of(told, 3), expected, "the list of events")
            same((told.missed, told.gaps), (0, 0), "what was missed")


async def _check_one_alone(caller: End, callee: End) -> None:
    """An event for one peer is heard by its subscriptions, and kept for nobody."""
    async with caller.news.on_happened(key="a") as told:
        callee.news_service.tell("a", 1, to=callee.peer)
        callee.news_service.tell("a", 2)
        same(await numbers_of(told, 2), [1, 2], "the list of events")
    async with caller.news.on_happened(key="a", replay=5) as later:
        callee.news_service.tell("a", 3)
        same(await numbers_of(later, 2), [2, 3], "the list of what is kept")


NEWS: Final[tuple[Promise, ...]] = (_check_keys, _check_latecomers, _check_one_alone)


async def _check_nothing_is_missed(lasting: Lasting) -> None:
    """What happens while there is no connection, and is kept, comes once and in order."""
    async with lasting.news.on_happened(key="a") as told, lasting.news.on_happened() as of_all:
        for begin in (0, 10, 20):
            lasting.news_service.tell("a", begin)
            await lasting.lose()
            lasting.news_service.tell("a", *range(begin + 1, begin + 5))
            numbers = list(range(begin, begin + 5))
            same(await numbers_of(told, 5), numbers, "the list of events of one key")
            same(await numbers_of(of_all, 5), numbers, "the list of events of all keys")
        same((told.missed, told.gaps), (0, 0), "what was missed")


async def _check_gaps_are_told(lasting: Lasting) -> None:
    """What is not kept any more is a gap, told once; what is kept of it comes all the same."""
    async with lasting.news.on_happened(key="a") as told:
        lasting.news_service.tell("a", 0)
        same(await numbers_of(told, 1), [0], "the first event")
        await lasting.lose()
        lasting.news_service.tell("a", *range(1, KEPT_EVENTS + 3))
        numbers = list(range(3, KEPT_EVENTS + 3))
        same(await numbers_of(told, KEPT_EVENTS), numbers, "the list of what is kept")
        same(told.gaps, 1, "the number of gaps that were told")


NEWS_COMEBACKS: Final[tuple[Comeback, ...]] = (_check_nothing_is_missed, _check_gaps_are_told)
