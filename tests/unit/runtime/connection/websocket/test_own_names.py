"""Which `Host` headers mean a server, and what lets others in."""

import pytest

from duologue.connection.websocket.own_names import (
    AcceptanceRules,
    host_is_ours,
    name_to_let_in,
)


@pytest.mark.parametrize(
    ("header", "ours"),
    [
        ("127.0.0.1:8765", True),
        ("LOCALHOST:8765", True),
        ("localhost.:8765", True),
        ("[::1]:8765", True),
        ("[0:0:0:0:0:0:0:1]:8765", True),
        ("127.9.9.9:8765", True),
        ("192.168.7.7:8765", True),
        ("[fd00::7]:8765", True),
        ("workshop.local:8765", True),
        ("chat.example", True),
        ("chat.example:443", True),
        ("api.example:9000", True),
        ("api.example", False),
        ("api.example:9001", False),
        ("localhost", True),
        ("localhost:80", True),
        ("127.0.0.1:8766", True),
        ("[::1]", True),
        ("workshop.local:9000", False),
        ("workshop.local", False),
        ("192.168.7.8:8765", False),
        ("evil.example:8765", False),
        ("localhost.evil.example:8765", False),
        ("127.0.0.1.evil.example:8765", False),
        ("localhost:8765:8765", False),
        ("localhost:", False),
        ("localhost:x", False),
        ("", False),
        (":8765", False),
        ("user@localhost:8765", False),
    ],
)
def test_hosts(header: str, ours: bool) -> None:
    rules = AcceptanceRules(hosts=("Chat.example", "api.example:9000"))
    own = ("192.168.7.7", "fd00::7", "workshop.local")
    assert host_is_ours(header, rules=rules, own_hosts=own, port=8765, secure=False) is ours


@pytest.mark.parametrize(("port", "secure"), [(80, False), (443, True)])
def test_the_default_port_may_be_left_out(port: int, secure: bool) -> None:
    rules = AcceptanceRules()
    own = ("workshop.local",)
    for header in ("workshop.local", f"workshop.local:{port}"):
        assert host_is_ours(header, rules=rules, own_hosts=own, port=port, secure=secure)
    assert not host_is_ours(
        "workshop.local", rules=rules, own_hosts=own, port=port, secure=not secure
    )


@pytest.mark.parametrize(
    "header",
    ["RaspberryPi.local:8765", "192.168.7.7:9", "[fd00::7]:8765", "[fd00::7]", "my_box.", "a.b-c"],
)
def test_the_name_to_let_in_does_let_it_in(header: str) -> None:
    rules = AcceptanceRules()
    assert not host_is_ours(header, rules=rules, own_hosts=(), port=8765, secure=False)
    rules = AcceptanceRules(hosts=(name_to_let_in(header),))
    assert host_is_ours(header, rules=rules, own_hosts=(), port=8765, secure=False)


@pytest.mark.parametrize(
    "header", ["", ":8765", "evil.example:x", "user@evil.example", 'a"b', "a b", "é", "a" * 254]
)
def test_what_is_no_name_of_a_host_cannot_be_let_in(header: str) -> None:
    assert name_to_let_in(header) == ""
