"""Pinned keys of relays, and how long to wait before the next try."""

from pathlib import Path

import pytest

from duologue.errors import RelayKeyChanged
from duologue.relay.client.known_relays import SETTLED_S, KnownRelays, default_file, relay_name
from tests.relay_support import CALLER, PROVIDER, RELAY

KEY, OTHER, NEXT = RELAY.public_key, CALLER.public_key, PROVIDER.public_key
URL = "wss://Relay.Example"


def test_a_pinned_key_is_accepted_and_another_is_not(tmp_path: Path) -> None:
    pins = KnownRelays(tmp_path / "deep" / "known")
    pins.check(URL, KEY)
    pins.pin(URL, KEY)
    pins.check(URL, KEY)
    with pytest.raises(RelayKeyChanged) as caught:
        pins.check(URL, OTHER)
    assert caught.value.remedy == f"duologue doctor {URL} --forget-key"
    assert (caught.value.pinned, caught.value.met) == (KEY, OTHER)


def test_a_forgotten_pin_is_gone(tmp_path: Path) -> None:
    pins = KnownRelays(tmp_path / "known")
    assert not pins.forget(URL)
    pins.pin(URL, KEY)
    assert pins.forget(URL)
    pins.check(URL, OTHER)


def test_an_announced_key_is_accepted_beside_the_present_one_and_then_takes_its_place(
    tmp_path: Path,
) -> None:
    pins = KnownRelays(tmp_path / "known")
    pins.pin(URL, KEY, NEXT)
    for key in (KEY, NEXT):
        pins.check(URL, key)
    assert (pins.pinned(URL), pins.announced(URL)) == (KEY, NEXT)
    with pytest.raises(RelayKeyChanged):
        pins.check(URL, OTHER)
    pins.pin(URL, NEXT)
    assert (pins.pinned(URL), pins.announced(URL)) == (NEXT, None)
    with pytest.raises(RelayKeyChanged):
        pins.check(URL, KEY)


def test_what_is_announced_no_more_is_accepted_no_more(tmp_path: Path) -> None:
    pins = KnownRelays(tmp_path / "known")
    pins.pin(URL, KEY, NEXT)
    pins.pin(URL, KEY, OTHER)
    pins.check(URL, OTHER)
    with pytest.raises(RelayKeyChanged):
        pins.check(URL, NEXT)
    pins.pin(URL, KEY)
    with pytest.raises(RelayKeyChanged):
        pins.check(URL, OTHER)


def test_an_announced_key_is_forgotten_with_the_pin(tmp_path: Path) -> None:
    pins = KnownRelays(tmp_path / "known")
    pins.pin(URL, KEY, NEXT)
    assert pins.forget(URL)
    assert pins.announced(URL) is None
    pins.check(URL, OTHER)


def test_an_announcement_does_not_pin_by_itself(tmp_path: Path) -> None:
    file = tmp_path / "known"
    file.write_text(f"next:{relay_name(URL)} {NEXT.hex()}\n")
    KnownRelays(file).check(URL, OTHER)


def test_two_programs_share_the_file(tmp_path: Path) -> None:
    first, second = (KnownRelays(tmp_path / "known") for _ in range(2))
    first.pin(URL, KEY)
    second.pin("wss://other.example", OTHER)
    with pytest.raises(RelayKeyChanged):
        second.check(URL, OTHER)
    assert first.pinned("wss://other.example") == OTHER


def test_a_damaged_pin_fits_no_key(tmp_path: Path) -> None:
    file = tmp_path / "known"
    file.write_text(f"{relay_name(URL)} not-a-key\n")
    with pytest.raises(RelayKeyChanged):
        KnownRelays(file).check(URL, KEY)


def test_without_a_file_pins_last_as_long_as_the_object() -> None:
    pins = KnownRelays(None)
    pins.pin(URL, KEY)
    with pytest.raises(RelayKeyChanged):
        pins.check(URL, OTHER)


@pytest.mark.parametrize(
    "url",
    ["wss://relay.example", "WSS://RELAY.example:443/", "wss://user:secret@relay.example?x=1"],
)
def test_a_relay_has_one_name_without_secrets(url: str) -> None:
    assert relay_name(url) == "wss://relay.example:443"


def test_other_ports_and_paths_are_other_relays() -> None:
    names = {relay_name(url) for url in (URL, f"{URL}:444", f"{URL}/b", "ws://relay.example")}
    assert len(names) == 4


def test_where_pins_are_kept_can_be_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUOLOGUE_KNOWN_RELAYS", "/some/where")
    assert default_file() == Path("/some/where")
    monkeypatch.delenv("DUOLOGUE_KNOWN_RELAYS")
    monkeypatch.setenv("XDG_CONFIG_HOME", "/config")
    assert default_file() == Path("/config/duologue/known_relays")


def test_a_file_that_nobody_changes_is_read_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "known"
    KnownRelays(file).pin(URL, KEY)
    readings: list[Path] = []
    read_text = Path.read_text

    def counted(path: Path, encoding: str) -> str:
        readings.append(path)
        return read_text(path, encoding)

    monkeypatch.setattr(Path, "read_text", counted)
    pins = KnownRelays(file, clock=lambda: file.stat().st_ctime + SETTLED_S)
    assert [pins.pinned(URL) for _ in range(3)] == [KEY] * 3
    assert readings == [file]
    young = KnownRelays(file, clock=lambda: file.stat().st_ctime + SETTLED_S - 0.1)
    assert [young.pinned(URL) for _ in range(3)] == [KEY] * 3
    assert readings == [file] * 4


def test_a_settled_file_that_changes_or_goes_is_looked_at_again(tmp_path: Path) -> None:
    file = tmp_path / "known"
    KnownRelays(file).pin(URL, KEY)
    pins = KnownRelays(file, clock=lambda: file.stat().st_ctime + SETTLED_S)
    assert pins.pinned(URL) == KEY
    KnownRelays(file).pin(URL, OTHER)
    assert pins.pinned(URL) == OTHER
    pins.forget(URL)
    assert pins.pinned(URL) is None
    file.unlink()
    assert pins.announced(URL) is None
