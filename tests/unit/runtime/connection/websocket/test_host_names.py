"""What can be the name of a host, what an address, and what is said of the rest."""

import pytest

from duologue.connection.websocket.host_names import check_address, check_host_name


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "example.org",
        "example.org.",
        "a_b.example",
        "bücher.example",
        "::1",
        "10.0.0.1",
    ],
)
def test_names_and_addresses_are_names_of_hosts(host: str) -> None:
    check_host_name(host)


@pytest.mark.parametrize("host", ["exa..mple", ".example", "a" * 64, "é..x", "\udc80"])
def test_what_cannot_be_looked_up_is_a_value_error_not_one_of_encodings(host: str) -> None:
    with pytest.raises(ValueError, match="is no name of a host: ") as caught:
        check_host_name(host)
    assert not isinstance(caught.value, UnicodeError)


@pytest.mark.parametrize(
    ("url", "remedy"),
    [
        ("127.0.0.1:8000", "write ws://127.0.0.1:8000, or wss://127.0.0.1:8000 for TLS"),
        ("localhost:8000/x", "write ws://localhost:8000/x, or wss://localhost:8000/x for TLS"),
        ("ann:secret@host:1?token=secret", "write ws://host:1, or wss://host:1 for TLS"),
        ("//host", "write ws://host, or wss://host for TLS"),
        ("http://host", "write ws: instead"),
        ("https://host", "write wss: instead"),
        ("ftp://host", "write ws: instead"),
        ("ws://[::1", "Invalid IPv6 URL"),
    ],
)
def test_what_is_no_address_is_told_what_to_write(url: str, remedy: str) -> None:
    with pytest.raises(ValueError, match=r"^not a ws: or wss: address: ") as caught:
        check_address(url)
    assert str(caught.value).endswith(remedy)


@pytest.mark.parametrize("url", ["ws://host", "wss://host:1/x?y", "WSS://host"])
def test_addresses_are_addresses(url: str) -> None:
    check_address(url)
