"""What an acceptor remembers, at each of its limits."""

from contextlib import ExitStack

import pytest

from duologue.errors import HandshakeFailed
from duologue.limits import FLIGHT_MEMORY_S, MAX_REMEMBERED_FLIGHTS, Limits
from duologue.protocol.acceptance import AcceptanceBook


def key(number: int) -> bytes:
    return number.to_bytes(32, "big")


def refused(book: AcceptanceBook, claimed_key: bytes, now_s: float = 0.0) -> str | None:
    try:
        with book.unconfirmed(claimed_key, now_s):
            return None
    except HandshakeFailed as error:
        return error.fault


def test_a_first_flight_is_taken_once() -> None:
    book = AcceptanceBook(Limits())
    book.check_new(b"nonce", 0.0)
    with pytest.raises(HandshakeFailed) as refusal:
        book.check_new(b"nonce", FLIGHT_MEMORY_S - 0.1)
    assert refusal.value.fault == "replay"


def test_a_first_flight_is_forgotten_after_its_time() -> None:
    book = AcceptanceBook(Limits())
    book.check_new(b"nonce", 0.0)
    book.check_new(b"nonce", FLIGHT_MEMORY_S)


def test_as_many_flights_as_the_limit_says_are_remembered() -> None:
    book = AcceptanceBook(Limits())
    for number in range(MAX_REMEMBERED_FLIGHTS):
        book.check_new(key(number), 0.0)
    with pytest.raises(HandshakeFailed):
        book.check_new(key(0), 0.0)
    book.check_new(key(MAX_REMEMBERED_FLIGHTS), 0.0)
    book.check_new(key(0), 0.0)


def test_unconfirmed_connections_at_the_limit_are_taken_and_one_above_is_not() -> None:
    book = AcceptanceBook(Limits(max_unconfirmed=3))
    with ExitStack() as stack:
        for number in range(3):
            stack.enter_context(book.unconfirmed(key(number), 0.0))
        assert refused(book, key(9)) == "too-many"
        assert book.number_unconfirmed == 3
    assert refused(book, key(9)) is None
    assert book.number_unconfirmed == 0


def test_unconfirmed_connections_of_one_key_have_a_limit_of_their_own() -> None:
    book = AcceptanceBook(Limits(max_unconfirmed_per_key=2))
    with ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(book.unconfirmed(key(1), 0.0))
        assert refused(book, key(1)) == "too-many"
        assert refused(book, key(2)) is None
    assert refused(book, key(1)) is None


def test_who_has_been_unconfirmed_longest_gives_way_after_its_grace() -> None:
    book = AcceptanceBook(Limits(max_unconfirmed=2, unconfirmed_grace_s=1.0))
    with ExitStack() as stack:
        first = stack.enter_context(book.unconfirmed(key(1), 0.0))
        second = stack.enter_context(book.unconfirmed(key(2), 0.5))
        told: list[str] = []
        first.on_lost = lambda: told.append("first")
        assert refused(book, key(3), 0.99) == "too-many"
        assert (first.is_lost, told) == (False, [])
        third = stack.enter_context(book.unconfirmed(key(3), 1.0))
        assert (first.is_lost, second.is_lost, told) == (True, False, ["first"])
        assert refused(book, key(4), 1.49) == "too-many"
        stack.enter_context(book.unconfirmed(key(4), 1.5))
        assert (second.is_lost, third.is_lost) == (True, False)
        assert book.number_unconfirmed == 2
    assert book.number_unconfirmed == 0


def test_of_one_key_the_longest_of_this_key_gives_way() -> None:
    book = AcceptanceBook(Limits(max_unconfirmed_per_key=1))
    with ExitStack() as stack:
        other = stack.enter_context(book.unconfirmed(key(1), 0.0))
        same = stack.enter_context(book.unconfirmed(key(2), 1.0))
        stack.enter_context(book.unconfirmed(key(2), 2.0))
        assert (other.is_lost, same.is_lost) == (False, True)
        assert book.number_unconfirmed == 2


def test_an_address_that_has_many_places_gives_one_up_whenever_it_came() -> None:
    book = AcceptanceBook(Limits(max_unconfirmed=3))
    with ExitStack() as stack:
        honest = stack.enter_context(book.unconfirmed(key(1), 0.0, "a"))
        first = stack.enter_context(book.unconfirmed(key(2), 0.0, "b"))
        second = stack.enter_context(book.unconfirmed(key(3), 0.0, "b"))
        stack.enter_context(book.unconfirmed(key(4), 0.0, "c"))
        assert (honest.is_lost, first.is_lost, second.is_lost) == (False, True, False)
        # Now each has one: nobody is to blame, and those who have just come stay.
        with pytest.raises(HandshakeFailed), book.unconfirmed(key(5), 0.9, "d"):
            pass
        with book.unconfirmed(key(5), 1.0, "d"):
            assert honest.is_lost


def test_an_address_cannot_keep_others_from_proving_a_key_that_it_claims() -> None:
    book = AcceptanceBook(Limits(max_unconfirmed_per_key=2))
    with ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(book.unconfirmed(key(1), 0.0, "b"))
        stack.enter_context(book.unconfirmed(key(1), 0.0, "a"))
        assert book.number_unconfirmed == 2
        assert refused(book, key(1)) == "too-many"


def test_a_place_is_free_again_if_the_handshake_fails() -> None:
    book = AcceptanceBook(Limits(max_unconfirmed=1))
    with pytest.raises(RuntimeError), book.unconfirmed(key(1), 0.0):
        raise RuntimeError
    assert book.number_unconfirmed == 0


def test_refusals_are_counted_by_fault() -> None:
    book = AcceptanceBook(Limits())
    rejected = book.rejected
    book.count_rejected("box")
    book.count_rejected("box")
    book.count_rejected("replay")
    assert dict(rejected) == {"box": 2, "replay": 1}
