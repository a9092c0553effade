"""The relay's configuration: file, environment, flags; what is not allowed."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from duologue.relay.limits import RelayLimits
from duologue.relay.server.config import BadConfiguration, RelayConfiguration, read_configuration
from duologue.relay.server.setting_places import as_toml


def read(
    text: str = "", environment: dict[str, str] | None = None, **flags: object
) -> RelayConfiguration:
    if not text:
        return read_configuration(None, environment or {}, flags)
    file = Path("relay.toml")
    file.write_text(text, encoding="utf-8")
    return read_configuration(file, environment or {}, flags)


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_without_a_word_it_is_open_on_loopback() -> None:
    configuration = read()
    assert configuration.is_open
    assert configuration.limits == RelayLimits()


def test_a_flag_beats_the_environment_and_that_the_file() -> None:
    text = "port = 1\n[limits]\nmax_pairs = 1\nmax_connections = 1\nping_interval_s = 1.5\n"
    environment = {
        "DUOLOGUE_RELAY_LIMITS__MAX_PAIRS": "2",
        "DUOLOGUE_RELAY_LIMITS__MAX_CONNECTIONS": "2",
        "DUOLOGUE_RELAY_NAMES": "a.example, b.example",
        "ANOTHER": "x",
    }
    configuration = read(text, environment, limits={"max_pairs": 3})
    limits = configuration.limits
    assert (limits.max_pairs, limits.max_connections, limits.ping_interval_s) == (3, 2, 1.5)
    assert configuration.names == ("a.example", "b.example")
    assert configuration.port == 1


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("prot = 1", "prot"),
        ("port = 70000", "port"),
        ("[limits]\nmax_pears = 1", "limits.max_pears"),
        ("[limits]\nmax_pairs = 0", "max_pairs"),
        ("[limits]\nmax_pairs = 1.5", "max_pairs"),
        ("[tls]\ncertificate_file = 'a'", "tls.key_file"),
        ("[log]\nkeys = 'all'", "log.keys"),
        ("[access]\nmode = 'half'", "access.mode"),
        ("[access]\nmode = 'restricted'", "allow_file or token_file"),
        ("[access]\nmode = 'open'\nallow_file = 'a'", "mode open"),
        ("[admin]\nhost = '0.0.0.0'\nport = 1", "admin.host"),
        ("port = 5\n[admin]\nport = 5", "admin: its port is the one that clients come to"),
        ("host = '0.0.0.0'", "allow_file or token_file"),
        ("host = '0.0.0.0'\n[access]\nmode = 'open'", "loopback"),
        ("host = '0.0.0.0'\n[access]\nallow_file = 'a'", "insecure_plaintext"),
        ("port = ", "relay.toml"),
        (f"next_key = '{'5b' * 32}'", "key_file"),
        ("key_file = 'k'\nnext_key = '5b'", "next_key"),
        (f"key_file = 'k'\nnext_key = '{'00' * 32}'", "next_key"),
        ("trusted_proxies = ['10.0.0.0/33']", "trusted_proxies"),
        ("trusted_proxies = ['10.0.0.1/8']", "trusted_proxies"),
        ("trusted_proxies = ['proxy.example']", "trusted_proxies"),
        ("trusted_proxies = ['0.0.0.0/0']\n[access]\nallow_file = 'a'", "any address"),
        ("trusted_proxies = ['::/0']\n[access]\nallow_file = 'a'", "any address"),
        ("trusted_proxies = ['127.0.0.1/32']", "allow_file or token_file"),
        ("trusted_proxies = ['127.0.0.1/32']\n[access]\nmode = 'open'", "without a proxy"),
    ],
)
def test_what_is_wrong_is_named(text: str, place: str) -> None:
    with pytest.raises(BadConfiguration, match=place):
        read(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("# a relay\nprot = 1", "relay.toml:2: prot: there is no such setting; did you mean port?"),
        (
            "[limits]\n\nmax_pears = 1",
            "relay.toml:3: limits.max_pears: there is no such setting; did you mean max_pairs?",
        ),
        ("limits.max_pairs = 0", "relay.toml:1: limits.max_pairs: max_pairs must be above 0"),
        ("[tls]\ncertificate_file = 'a'", "relay.toml:1: tls.key_file: Field required"),
        ("names = [\n  1,\n]", "relay.toml:1: names.0: Input should be a valid string"),
        ("'port' = 70000", "relay.toml:1: port: Input should be less than or equal to 65535"),
        ("port = 1\nport = ", "relay.toml: Invalid value (at"),
    ],
)
def test_the_line_is_told_on_which_it_stands(text: str, said: str) -> None:
    with pytest.raises(BadConfiguration) as caught:
        read(text)
    assert str(caught.value).startswith(said)


def test_the_variable_or_flag_is_told_that_was_the_last_to_say_so() -> None:
    environment = {"DUOLOGUE_RELAY_PORT": "x"}
    with pytest.raises(BadConfiguration, match=r"^DUOLOGUE_RELAY_PORT: Input "):
        read("port = 1", environment)
    with pytest.raises(BadConfiguration, match=r"^--port: Input "):
        read("port = 1", environment, port="y")


@pytest.mark.parametrize(
    ("flags", "place"),
    [
        ({"admin": {"port": "x"}}, "--admin-port: "),
        ({"access": {"allow_file": 5}}, "--allow-file: "),
        ({"tls": {"certificate_file": 5}}, "--tls-certificate: "),
        ({"names": 5}, "--name: "),
        ({"log": {"keys": "some"}}, "--log-keys: "),
        ({"cluster": {"node": "a.b"}}, "--cluster-node: "),
    ],
)
def test_a_flag_is_told_by_the_name_that_was_typed(flags: dict[str, Any], place: str) -> None:
    with pytest.raises(BadConfiguration) as caught:
        read("", **flags)
    assert place in [line[: len(place)] for line in str(caught.value).splitlines()]


def test_settings_are_written_as_they_are_read() -> None:
    settings = {
        "name": 'a "b" é',
        "on": True,
        "none": None,
        "inner": {"n": [1.5], "deep": {"k": 1}},
    }
    text = as_toml(settings)
    assert tomllib.loads(text) == {
        "name": 'a "b" é',
        "on": True,
        "inner": {"n": [1.5], "deep": {"k": 1}},
    }


def test_a_misspelt_name_in_the_environment_is_an_error() -> None:
    with pytest.raises(BadConfiguration, match=r"^DUOLOGUE_RELAY_PROT: there is no"):
        read(environment={"DUOLOGUE_RELAY_PROT": "1"})


def test_values_are_not_repeated_in_errors() -> None:
    with pytest.raises(BadConfiguration) as caught:
        read(environment={"DUOLOGUE_RELAY_PORT": "hunter2"})
    assert "hunter2" not in str(caught.value)


def test_beyond_loopback_with_everything_said() -> None:
    text = (
        "host = '0.0.0.0'\n[access]\ntoken_file = 't'\n"
        "[tls]\ncertificate_file = 'c'\nkey_file = 'k'\n"
    )
    assert not read(text).is_open
    assert not read("host = '::'\ninsecure_plaintext = true\n[access]\nallow_file = 'a'").is_open


def test_a_proxy_on_this_machine_is_trusted_when_it_is_listed() -> None:
    environment = {
        "DUOLOGUE_RELAY_TRUSTED_PROXIES": "127.0.0.1, 2001:db8::/32",
        "DUOLOGUE_RELAY_ACCESS__TOKEN_FILE": "t",
    }
    configuration = read(environment=environment)
    assert list(map(str, configuration.trusted_proxies)) == ["127.0.0.1/32", "2001:db8::/32"]
    assert not configuration.is_open


@pytest.mark.parametrize("name", RelayLimits.__slots__)
def test_every_limit_must_be_above_zero(name: str) -> None:
    with pytest.raises(BadConfiguration, match=name):
        read(limits={name: 0})
    assert getattr(read(limits={name: 1}).limits, name) == 1
