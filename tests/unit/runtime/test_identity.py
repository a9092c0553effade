"""Identities, and the files they are kept in (catalogue row 55)."""

import copy
import os
import pickle
import stat
import subprocess
import sys
import traceback
from pathlib import Path

import pytest

from duologue.errors import UnsafeKey, UnsafeKeyFile
from duologue.identity import MAX_FILE_BYTES, Identity

SECRET = bytes(range(32))


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "me.key"
    Identity.from_secret(SECRET).save(path)
    return path


def trouble_of(path: Path) -> UnsafeKeyFile:
    with pytest.raises(UnsafeKeyFile) as refusal:
        Identity.load(path)
    assert str(path) in str(refusal.value)
    assert refusal.value.remedy in str(refusal.value)
    assert SECRET.hex() not in "".join(traceback.format_exception(refusal.value))
    return refusal.value


def test_a_kept_shared_key_is_the_shared_key() -> None:
    mine, theirs = Identity.from_secret(SECRET), Identity.from_secret(SECRET[::-1])
    for _ in range(2):
        assert mine.kept_shared_key(theirs.public_key) == theirs.shared_key(mine.public_key)
    with pytest.raises(UnsafeKey):
        mine.kept_shared_key(bytes(32))


def test_each_generated_identity_is_another() -> None:
    assert Identity.generate() != Identity.generate()


def test_the_same_secret_is_the_same_identity() -> None:
    one, other = Identity.from_secret(SECRET), Identity.from_secret(SECRET)
    assert one == other
    assert hash(one) == hash(other)
    assert one != "something else"


def test_a_secret_of_another_length_is_refused() -> None:
    with pytest.raises(UnsafeKey):
        Identity.from_secret(SECRET[:31])


def test_only_the_public_key_is_shown() -> None:
    identity = Identity.from_secret(SECRET)
    assert str(identity) == identity.public_key.hex()
    assert repr(identity) == f"Identity(public_key={identity})"
    assert SECRET.hex() not in f"{identity} {identity!r} {identity:}"
    assert repr(SECRET) not in repr(identity)


def test_an_identity_is_neither_pickled_nor_copied() -> None:
    identity = Identity.from_secret(SECRET)
    for attempt in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="its secret would go with it"):
            attempt(identity)


def test_two_identities_agree_on_a_key() -> None:
    ann, ben = Identity.generate(), Identity.generate()
    assert ann.shared_key(ben.public_key) == ben.shared_key(ann.public_key)


def test_what_is_saved_is_loaded(key_file: Path) -> None:
    assert Identity.load(key_file) == Identity.from_secret(SECRET)
    assert Identity.load(str(key_file)) == Identity.from_secret(SECRET)


def test_a_key_file_is_for_its_owner_only_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        Identity.generate().save(tmp_path / "me.key")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "me.key").stat().st_mode) == 0o600


def test_nothing_else_is_left_in_the_folder(key_file: Path) -> None:
    assert list(key_file.parent.iterdir()) == [key_file]


def test_a_file_that_exists_is_left_as_it_is(key_file: Path) -> None:
    before = key_file.read_bytes()
    with pytest.raises(FileExistsError):
        Identity.generate().save(key_file)
    assert key_file.read_bytes() == before
    assert list(key_file.parent.iterdir()) == [key_file]


def test_a_file_is_replaced_when_asked(key_file: Path) -> None:
    newer = Identity.generate()
    newer.save(key_file, replace=True)
    assert Identity.load(key_file) == newer
    assert list(key_file.parent.iterdir()) == [key_file]


def test_a_link_at_the_place_is_not_followed_when_saving(tmp_path: Path) -> None:
    (tmp_path / "me.key").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FileExistsError):
        Identity.generate().save(tmp_path / "me.key")
    assert not (tmp_path / "elsewhere").exists()


def test_without_hard_links_a_file_is_still_made_and_never_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(source: str, target: str) -> None:
        raise OSError(1, "not permitted", target)

    monkeypatch.setattr(os, "link", no_links)
    first = Identity.generate()
    first.save(tmp_path / "me.key")
    with pytest.raises(FileExistsError):
        Identity.generate().save(tmp_path / "me.key")
    assert Identity.load(tmp_path / "me.key") == first
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("replace", [False, True])
def test_a_crash_while_writing_leaves_the_old_file_whole(
    key_file: Path, monkeypatch: pytest.MonkeyPatch, replace: bool
) -> None:
    def crash(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", crash)
    with pytest.raises(OSError, match="No space left"):
        Identity.generate().save(key_file, replace=replace)
    assert Identity.load(key_file) == Identity.from_secret(SECRET)


def test_load_or_create_makes_an_identity_once(tmp_path: Path) -> None:
    first = Identity.load_or_create(tmp_path / "me.key")
    assert Identity.load_or_create(tmp_path / "me.key") == first


def test_who_loses_the_race_to_create_gets_the_winners_identity(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "me.key"
    winner = Identity.generate()
    generate = Identity.generate

    def generate_late() -> Identity:
        winner.save(path)
        return generate()

    monkeypatch.setattr(Identity, "generate", generate_late)
    assert Identity.load_or_create(path) == winner


@pytest.mark.parametrize("make", [Identity.load, Identity.load_or_create])
def test_a_folder_that_is_missing_is_an_ordinary_error(make: object, tmp_path: Path) -> None:
    assert callable(make)
    with pytest.raises(FileNotFoundError):
        make(tmp_path / "nowhere" / "me.key")


# -- files that are refused ---------------------------------------------------------------------


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o610, 0o601, 0o620])
def test_a_file_that_others_may_use_is_refused_with_the_fix(key_file: Path, mode: int) -> None:
    key_file.chmod(mode)
    assert f"chmod 600 {key_file}" in trouble_of(key_file).remedy


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_a_file_of_its_owner_alone_is_taken(key_file: Path, mode: int) -> None:
    key_file.chmod(mode)
    Identity.load(key_file)


def test_a_symbolic_link_is_refused_and_the_file_itself_named(key_file: Path) -> None:
    link = key_file.parent / "link.key"
    link.symlink_to(key_file)
    assert str(key_file.resolve()) in trouble_of(link).remedy


def test_a_link_to_nowhere_is_refused_and_nothing_created(tmp_path: Path) -> None:
    link = tmp_path / "link.key"
    link.symlink_to(tmp_path / "missing")
    with pytest.raises(UnsafeKeyFile):
        Identity.load_or_create(link)
    assert not (tmp_path / "missing").exists()


def test_a_file_of_somebody_else_is_refused_with_the_fix(
    key_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = os.geteuid() + 1
    monkeypatch.setattr(os, "geteuid", lambda: user)
    assert f"chown {user} {key_file}" in trouble_of(key_file).remedy


def test_a_folder_is_refused(tmp_path: Path) -> None:
    # Windows does not even open one.
    with pytest.raises((UnsafeKeyFile, PermissionError), match=r"not a regular file|denied"):
        Identity.load(tmp_path)


def test_a_pipe_is_refused_without_waiting_for_its_writer(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    trouble_of(tmp_path / "pipe")


def test_a_short_file_is_refused_at_every_length(key_file: Path) -> None:
    content = key_file.read_bytes()
    for length in range(len(content) - 1):  # without its last line end it is whole
        key_file.write_bytes(content[:length])
        assert "damaged" in str(trouble_of(key_file))


def test_a_file_with_any_digit_changed_is_refused(key_file: Path) -> None:
    content = key_file.read_bytes()
    for place in range(len(content)):
        if content[place : place + 1] in b"0123456789abcdef" and place > 6:
            changed = bytearray(content)
            changed[place] ^= 1
            key_file.write_bytes(changed)
            # The lowest bits of the first byte and the highest of the last one do not count: such
            # a secret is the same key.
            if Identity.from_secret(SECRET) != _loaded(key_file):
                trouble_of(key_file)


def _loaded(path: Path) -> Identity | None:
    try:
        return Identity.load(path)
    except UnsafeKeyFile:
        return None


@pytest.mark.parametrize(
    "content", [b"", b"\x00" * 145, b"\xff" * 145, SECRET, b"secret x public y", b"a b c d" * 100]
)
def test_what_is_no_key_file_is_refused(key_file: Path, content: bytes) -> None:
    key_file.write_bytes(content)
    assert "duologue keygen" in trouble_of(key_file).remedy


def test_a_file_at_the_length_limit_is_read_and_one_above_is_not(key_file: Path) -> None:
    content = key_file.read_bytes()
    key_file.write_bytes(content + b"\n" * (MAX_FILE_BYTES - len(content)))
    Identity.load(key_file)
    key_file.write_bytes(content + b"\n" * (MAX_FILE_BYTES - len(content) + 1))
    trouble_of(key_file)


def test_a_folder_that_may_not_be_written_is_an_ordinary_error(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        code = (
            "import os, sys\nos.setuid(65534)\nfrom duologue.identity import Identity\n"
            "try:\n    Identity.load_or_create(sys.argv[1])\n"
            "except PermissionError:\n    sys.exit(7)\n"
        )
        tmp_path.chmod(0o555)
        # Everything must be imported as the other user could see it; only the exit code counts.
        program = "from duologue.identity import Identity\n" + code
        done = subprocess.run(
            [sys.executable, "-c", program, str(tmp_path / "me.key")], check=False
        )
        assert done.returncode == 7
    else:
        tmp_path.chmod(0o500)
        with pytest.raises(PermissionError):
            Identity.load_or_create(tmp_path / "me.key")
