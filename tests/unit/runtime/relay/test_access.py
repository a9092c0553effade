"""Who may use the relay, from its two files; and when they change."""

import hashlib
from pathlib import Path

import pytest

from duologue.relay.access import OPEN, Access, BadAccessFile, Right, new_token, read_access
from duologue.relay.server.watched_files import AccessFiles
from tests.relay_support import CALLER, PROVIDER

KEY, OTHER = PROVIDER.public_key, CALLER.public_key


def allow_list(folder: Path, text: str) -> Access:
    file = folder / "allow"
    file.write_text(text, encoding="utf-8")
    return read_access(file, None)


def test_open_lets_everybody_do_both() -> None:
    assert OPEN.allows(Right.BOTH, KEY, None)


def test_nothing_said_lets_nobody_do_anything() -> None:
    assert not Access().allows(Right.REGISTER, KEY, "token")
    assert not Access().allows(Right.REQUEST, KEY, None)


def test_rights_in_an_allow_list(tmp_path: Path) -> None:
    access = allow_list(tmp_path, f"# providers\n\n{PROVIDER} register # one\n{CALLER}\n")
    assert access.allows(Right.REGISTER, KEY, None)
    assert not access.allows(Right.REQUEST, KEY, None)
    assert access.allows(Right.BOTH, OTHER, None)


def test_two_lines_for_a_key_add_up(tmp_path: Path) -> None:
    access = allow_list(tmp_path, f"{PROVIDER} register\n{PROVIDER} REQUEST\n")
    assert access.allows(Right.BOTH, KEY, None)


def test_a_star_is_everybody_for_that_right_only(tmp_path: Path) -> None:
    access = allow_list(tmp_path, "* request\n")
    assert access.allows(Right.REQUEST, KEY, None)
    assert not access.allows(Right.REGISTER, KEY, None)


def test_a_token_gives_its_right_to_whoever_has_it(tmp_path: Path) -> None:
    token, line = new_token()
    file = tmp_path / "tokens"
    file.write_text(f"{line} request\n")
    access = read_access(None, file)
    assert access.allows(Right.REQUEST, KEY, token)
    assert not access.allows(Right.REGISTER, KEY, token)
    assert not access.allows(Right.REQUEST, KEY, token + "x")
    assert not access.allows(Right.REQUEST, KEY, None)


def test_a_token_file_holds_hashes_and_an_access_shows_none(tmp_path: Path) -> None:
    token, line = new_token()
    assert line == "sha256:" + hashlib.sha256(token.encode()).hexdigest()
    file = tmp_path / "tokens"
    file.write_text(line)
    assert line.removeprefix("sha256:") not in repr(read_access(None, file))


@pytest.mark.parametrize(
    "line",
    [
        "00" * 32,
        f"{PROVIDER} admin",
        f"{PROVIDER} register request",
        str(PROVIDER)[:-1],
        "sha256:" + "00" * 32,
    ],
)
def test_a_line_that_cannot_be_read_is_named_but_not_shown(tmp_path: Path, line: str) -> None:
    with pytest.raises(BadAccessFile, match="allow:2") as caught:
        allow_list(tmp_path, f"# first\n{line}\n")
    assert line not in str(caught.value)


@pytest.mark.parametrize("line", ["the-token-itself", "sha256:00", "sha256:" + "zz" * 32])
def test_a_token_file_with_anything_but_hashes_is_refused(tmp_path: Path, line: str) -> None:
    file = tmp_path / "tokens"
    file.write_text(line)
    with pytest.raises(BadAccessFile):
        read_access(None, file)


def test_changed_files_are_read_again(tmp_path: Path) -> None:
    file = tmp_path / "allow"
    file.write_text(f"{PROVIDER}\n")
    files = AccessFiles(file, None)
    assert not files.reload()
    file.write_text(f"{PROVIDER} request\n")
    assert files.reload()
    assert not files.access.allows(Right.REGISTER, KEY, None)
    assert not files.reload()


@pytest.mark.parametrize("damage", ["missing", "unreadable"])
def test_files_that_cannot_be_read_let_nobody_in_until_they_can(
    tmp_path: Path, damage: str
) -> None:
    file = tmp_path / "allow"
    file.write_text(f"{PROVIDER}\n")
    files = AccessFiles(file, None)
    if damage == "missing":
        file.unlink()
    else:
        file.write_text("nonsense\n")
    assert files.reload()
    assert files.fault
    assert not files.access.allows(Right.REGISTER, KEY, None)
    file.write_text(f"{PROVIDER} # again\n")
    assert files.reload()
    assert not files.fault
    assert files.access.allows(Right.REGISTER, KEY, None)


def test_a_relay_does_not_start_with_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="missing"):
        AccessFiles(tmp_path / "missing", None)
