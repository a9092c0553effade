"""The hello between two nodes, and what breaks it."""

import pytest

from duologue.relay.cluster import control
from duologue.relay.cluster.channel import BEGINNING, BadNode, Channel, Introduction
from duologue.relay.cluster.cluster_keys import ClusterKeys
from duologue.relay.cluster.control import Hello, Ping, Pong

NEW, OLD, OTHER = (ClusterKeys.derive(bytes([each]) * 32, "eu") for each in (1, 2, 3))
K1, K2 = "11" * 32, "22" * 32


def hello(
    node: str, *, key: str = K1, next_key: str | None = None, v: tuple[int, int] = (1, 1)
) -> Hello:
    return Hello(
        v=v,
        node=node,
        run=node.encode().hex().ljust(16, "0"),
        relay_key=key,
        rules="ab" * 16,
        next_key=next_key,
    )


def dialling(own: Hello | None = None, *keys: ClusterKeys) -> Channel:
    return Channel(
        Introduction(keys or (NEW,), own or hello("a")), is_dialling=True, secret=b"d" * 32
    )


def accepting(own: Hello | None = None, *keys: ClusterKeys) -> Channel:
    return Channel(
        Introduction(keys or (NEW,), own or hello("b")), is_dialling=False, secret=b"c" * 32
    )


def pump(one: Channel, other: Channel, piece: int = 10_000) -> bytes:
    """Carry bytes both ways until nothing is left; returns what `one` has sent."""
    sent = b""
    while True:
        up = one.take_outgoing()
        sent += up
        for begin in range(0, len(up), piece):
            other.receive(up[begin : begin + piece])
            assert other.next_message() is None
        down = other.take_outgoing()
        for begin in range(0, len(down), piece):
            one.receive(down[begin : begin + piece])
            assert one.next_message() is None
        if not up and not down:
            return sent


@pytest.mark.parametrize("piece", [1, 7, 10_000])
def test_two_nodes_of_one_secret_know_each_other_however_the_bytes_come(piece: int) -> None:
    one, other = dialling(), accepting()
    pump(one, other, piece)
    assert one.other == hello("b")
    assert other.other == hello("a")
    other.receive(one.seal(Ping()) + one.seal(Pong()) + b"tunnel")
    assert other.next_message() == Ping()
    assert other.next_message() == Pong()
    assert other.take_rest() == b"tunnel"


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ((NEW, OLD), (OLD,)),
        ((OLD,), (NEW, OLD)[::-1]),
        ((OLD, NEW), (NEW, OLD)),
        ((NEW,), (NEW, OLD)),
    ],
)
def test_while_the_secret_changes_old_and_new_nodes_know_each_other(
    ours: tuple[ClusterKeys, ...], theirs: tuple[ClusterKeys, ...]
) -> None:
    one, other = dialling(None, *ours), accepting(None, *theirs)
    pump(one, other)
    assert one.is_open
    assert other.is_open


def test_another_secret_is_not_answered_with_a_word() -> None:
    one, other = dialling(), accepting(None, OTHER)
    other.receive(one.take_outgoing())
    assert other.next_message() is None
    one.receive(other.take_outgoing())
    with pytest.raises(BadNode, match="another secret") as caught:
        one.next_message()
    assert caught.value.why == "not_proved"
    assert one.take_outgoing() == b""


def test_the_dialling_side_must_prove_it_too() -> None:
    one, other = dialling(), accepting()
    other.receive(one.take_outgoing() + (64).to_bytes(4, "big") + bytes(64))
    with pytest.raises(BadNode, match="another secret"):
        other.next_message()
    assert not other.is_open


def test_what_one_side_says_cannot_be_sent_back_to_it() -> None:
    one, other = dialling(), accepting()
    other.receive(one.take_outgoing())
    other.next_message()
    answer = other.take_outgoing()
    # The accepting side gets its own hello in the place of ours.
    other.receive(answer[32:])
    with pytest.raises(BadNode, match="another secret"):
        other.next_message()


def test_a_recorded_connection_is_of_no_use() -> None:
    recorded = pump(dialling(), accepting())
    again = Channel(Introduction((NEW,), hello("b")), is_dialling=False, secret=b"e" * 32)
    again.receive(recorded)
    with pytest.raises(BadNode, match="another secret"):
        again.next_message()


def test_a_public_key_that_leads_nowhere_is_refused() -> None:
    other = accepting()
    other.receive(BEGINNING + bytes(32))
    with pytest.raises(BadNode) as caught:
        other.next_message()
    assert caught.value.why in ("bad_key", "not_proved")
    assert not other.is_open


@pytest.mark.parametrize("data", [b"GET / HTTP/1.1\r\n\r\n", b"DLND2\n", b"\x16\x03\x01"])
def test_somebody_else_is_told_apart_by_the_first_bytes(data: bytes) -> None:
    other = accepting()
    other.receive(data)
    with pytest.raises(BadNode, match="somebody else"):
        other.next_message()
    assert other.take_outgoing() == b""


def refused(one: Hello, other: Hello) -> str:
    with pytest.raises(BadNode) as caught:
        pump(dialling(one), accepting(other))
    return caught.value.why


def test_another_relay_key_is_refused_unless_it_is_the_next_one() -> None:
    assert refused(hello("a"), hello("b", key=K2)) == "relay_key"
    pump(dialling(hello("a", next_key=K2)), accepting(hello("b", key=K2)))
    pump(dialling(hello("a", key=K2)), accepting(hello("b", next_key=K2)))


def test_no_common_version_and_itself_are_refused() -> None:
    assert refused(hello("a", v=(2, 3)), hello("b")) == "version"
    assert refused(hello("a"), hello("a")) == "itself"
    pump(dialling(hello("a", v=(1, 2))), accepting(hello("b")))


def test_a_message_at_the_limit_is_waited_for_and_one_above_it_is_not() -> None:
    for size, is_refused in ((control.MAX_MESSAGE_BYTES, False), (1025, True)):
        one, other = dialling(), accepting()
        pump(one, other)
        other.receive(size.to_bytes(4, "big"))
        if is_refused:
            with pytest.raises(BadNode, match="1025 bytes"):
                other.next_message()
        else:
            assert other.next_message() is None


def test_a_message_that_was_changed_lost_or_doubled_ends_the_connection() -> None:
    for spoil in ("changed", "lost", "doubled"):
        one, other = dialling(), accepting()
        pump(one, other)
        first, second = one.seal(Ping()), one.seal(Pong())
        match spoil:
            case "changed":
                other.receive(first[:-1] + bytes([first[-1] ^ 1]))
            case "lost":
                other.receive(second)
            case _:
                other.receive(first + first)
                assert other.next_message() == Ping()
        with pytest.raises(BadNode):
            other.next_message()
