"""What a server says of whom it has turned away."""

import pytest

from duologue.connection.websocket.refusals import (
    MAX_NAME_CHARACTERS,
    MAX_NAMES_TOLD,
    Refusals,
)


def test_a_host_is_told_once_whatever_its_port_and_counted_each_time(
    caplog: pytest.LogCaptureFixture,
) -> None:
    refusals = Refusals()
    for port in (8765, 8765, 9000):
        refusals.host_refused(f"raspberrypi.local:{port}")
    assert [(each.levelname, each.getMessage()) for each in caplog.records] == [
        (
            "WARNING",
            "refused: this server does not go by the name in the Host header "
            '"raspberrypi.local:8765"; serve(hosts=["raspberrypi.local"]) lets it in',
        )
    ]
    assert refusals.counts["host"] == 3


def test_an_origin_is_told_once_and_counted_each_time(caplog: pytest.LogCaptureFixture) -> None:
    refusals = Refusals()
    answers = {refusals.origin_refused("http://localhost:3000") for _ in range(3)}
    told = (
        'ages of the Origin "http://localhost:3000" may not connect here; '
        'serve(origins=["http://localhost:3000"]) lets them in'
    )
    assert answers == {f"P{told}.\n"}
    assert caplog.messages == [f"refused: p{told}"]
    assert refusals.counts["origin"] == 3


@pytest.mark.parametrize("origin", ["null", "", 'https://a"b', "https://\udcff", "https://a b"])
def test_nothing_lets_in_an_origin_that_is_of_no_page(origin: str) -> None:
    assert Refusals().origin_refused(origin).endswith("may not connect here.\n")


def test_the_settings_are_those_of_the_server() -> None:
    refusals = Refusals('names = ["NAME"]', 'pages = ["NAME"]')
    answer = refusals.host_refused("relay.example")
    assert answer.endswith('; names = ["relay.example"] lets it in.\n')
    answer = refusals.origin_refused("https://good.example")
    assert answer.endswith('; pages = ["https://good.example"] lets them in.\n')


def test_a_log_that_holds_nothing_of_strangers_stays_empty(
    caplog: pytest.LogCaptureFixture,
) -> None:
    refusals = Refusals(is_logged=False)
    assert "relay.example" in refusals.host_refused("relay.example")
    assert "https://good.example" in refusals.origin_refused("https://good.example")
    assert caplog.messages == []
    assert refusals.counts == {"host": 1, "origin": 1, "no_room": 0, "gave_way": 0}


def test_so_many_names_are_told_and_one_more_ends_it(caplog: pytest.LogCaptureFixture) -> None:
    refusals = Refusals()
    for number in range(MAX_NAMES_TOLD - 1):
        refusals.host_refused(f"h{number}.example")
    refusals.origin_refused("https://o.example")
    assert len(caplog.messages) == MAX_NAMES_TOLD
    assert "o.example" in caplog.messages[-1]
    refusals.host_refused("one.more.example")
    assert caplog.messages[-1] == "refused: more than 32 names; further ones are only counted"
    for number in range(100):
        refusals.host_refused(f"even{number}.more.example")
    assert len(caplog.messages) == MAX_NAMES_TOLD + 1
    assert refusals.counts["host"] == MAX_NAMES_TOLD + 100


@pytest.mark.parametrize(("length", "is_cut"), [(0, False), (1, True)])
def test_of_a_name_so_many_characters_are_told(length: int, is_cut: bool) -> None:
    name = "x" * (MAX_NAME_CHARACTERS + length)
    answer = Refusals().host_refused(name)
    assert f'"{"x" * MAX_NAME_CHARACTERS}{"..." if is_cut else ""}"' in answer


def test_what_commands_a_terminal_is_escaped(caplog: pytest.LogCaptureFixture) -> None:
    refusals = Refusals()
    answer = refusals.host_refused("\x1b[31m\n\udcff")
    assert answer == r'The Host header "\x1b[31m\n\udcff" is no name of a host.' + "\n"
    refusals.origin_refused("\u202e\n\udcff")
    assert all(each.isascii() and each.isprintable() for each in caplog.messages)


def test_the_counts_can_only_be_looked_at() -> None:
    counts = Refusals().counts
    with pytest.raises(TypeError):
        counts["host"] = 1  # type: ignore[index]
