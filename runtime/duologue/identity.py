"""Who one is in encrypted conversations: a key pair, and the file it is kept in."""

import errno
import os
import stat
from functools import lru_cache
from pathlib import Path
from typing import Final, NoReturn, Self

from duologue.errors import UnsafeKeyFile
from duologue.protocol.keys import KEY_BYTES, KeyPair, shared_key

MAX_FILE_BYTES: Final = 1024
"""A key file has 145 bytes; a longer one is something else."""

_OPEN_FLAGS: Final = (
    os.O_RDONLY
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NONBLOCK", 0)  # opening a pipe must not wait for its writer
    | getattr(os, "O_BINARY", 0)
)
_CREATE_FLAGS: Final = (
    os.O_WRONLY
    | os.O_CREAT
    | os.O_EXCL
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)

_NO_LINKS: Final = (errno.EPERM, errno.ENOSYS, errno.EOPNOTSUPP, errno.EMLINK)
"""What file systems without hard links answer."""


KEPT_SHARED_KEYS: Final = 64
"""Of those that an identity turns to by its own choice: the relays and peers of one program."""


class Identity:
    """An X25519 key pair. Whoever has the secret is this identity.

    The secret never shows: `repr` and `str` give the public key, and it cannot be pickled.
    """

    __slots__ = ("_kept_shared_key", "_pair")

    def __init__(self, pair: KeyPair) -> None:
        self._pair = pair
        self._kept_shared_key = lru_cache(maxsize=KEPT_SHARED_KEYS)(self.shared_key)

    @classmethod
    def generate(cls) -> Self:
        """A new identity, kept nowhere yet."""
        return cls.from_secret(os.urandom(KEY_BYTES))

    @classmethod
    def from_secret(cls, secret: bytes) -> Self:
        """The identity of a secret key, 32 bytes.

        Raises:
            UnsafeKey: it is not 32 bytes.
        """
        return cls(KeyPair.from_secret(secret))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read a key file that only its owner, who must be us, can read.

        On systems without owners and modes (Windows) only its kind and contents are checked.

        Raises:
            FileNotFoundError, PermissionError, OSError: it cannot be read at all.
            UnsafeKeyFile: others could read or swap it, or it is damaged; says what mends it.
        """
        return cls.from_secret(_read(os.fspath(path)))

    @classmethod
    def load_or_create(cls, path: str | os.PathLike[str]) -> Self:
        """Read a key file, or make a new identity and keep it there if there is no file.

        Of several processes that do this at once, one creates the file and all get its identity.

        Raises:
            OSError: it cannot be read or written.
            UnsafeKeyFile: as for `load`.
        """
        try:
            return cls.load(path)
        except FileNotFoundError:
            pass
        identity = cls.generate()
        try:
            identity.save(path)
        except FileExistsError:
            return cls.load(path)
        return identity

    def save(self, path: str | os.PathLike[str], *, replace: bool = False) -> None:
        """Keep it in a file that only its owner can read.

        The file appears whole, or not at all, whatever happens meanwhile.

        Raises:
            FileExistsError: there is something already, and `replace` was not asked for.
            OSError: it cannot be written.
        """
        _write(os.fspath(path), self._pair, replace)

    @property
    def public_key(self) -> bytes:
        """What others know this identity by: 32 bytes."""
        return self._pair.public

    def shared_key(self, public_key: bytes) -> bytes:
        """What this identity and the holder of `public_key` can work out, and nobody else.

        For the handshake and for relays' challenges.

        Raises:
            UnsafeKey: `public_key` is no key to build on.
        """
        return shared_key(public_key, self._pair.secret)

    def kept_shared_key(self, public_key: bytes) -> bytes:
        """As `shared_key`, worked out once for those to whom this identity turns again and again.

        Not for who comes to it: how long it takes would tell strangers whom it knows.
        """
        return self._kept_shared_key(public_key)

    def __str__(self) -> str:
        return self._pair.public.hex()

    def __repr__(self) -> str:
        return f"Identity(public_key={self})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Identity) and self.public_key == other.public_key

    def __hash__(self) -> int:
        return hash(self.public_key)

    def __reduce__(self) -> NoReturn:
        raise TypeError("an Identity is not pickled or copied: its secret would go with it")


# The public key is in the file for people, and to find a damaged secret.
def _file_text(pair: KeyPair) -> bytes:
    return f"secret {pair.secret.hex()}\npublic {pair.public.hex()}\n".encode()


def _parse(content: bytes) -> bytes | None:
    """The secret; None if this is not what `_file_text` writes."""
    words = content.split()
    if len(words) != 4 or words[0] != b"secret" or words[2] != b"public":
        return None
    if len(words[1]) != 2 * KEY_BYTES or len(words[3]) != 2 * KEY_BYTES:
        return None
    try:
        secret, public = bytes.fromhex(words[1].decode()), bytes.fromhex(words[3].decode())
    except ValueError:
        return None
    is_whole = len(secret) == KEY_BYTES and KeyPair.from_secret(secret).public == public
    return secret if is_whole else None


def _read(path: str) -> bytes:
    if os.path.islink(path):
        raise _is_link(path)
    try:
        descriptor = os.open(path, _OPEN_FLAGS)
    except OSError as error:
        if os.path.islink(path):  # it was put there just now
            raise _is_link(path) from error
        raise
    try:
        # First: opening a folder as a file fails with the descriptor's number for a name.
        _check_kind_and_owner(path, os.fstat(descriptor))
        with open(descriptor, "rb", closefd=False) as file:
            content = file.read(MAX_FILE_BYTES + 1)
    finally:
        os.close(descriptor)
    secret = _parse(content) if len(content) <= MAX_FILE_BYTES else None
    if secret is None:
        raise UnsafeKeyFile(
            path,
            "it is damaged, or no key file",
            "Put back a copy of it, or move it away and make a new identity: duologue keygen "
            f"{path}",
        )
    return secret


def _is_link(path: str) -> UnsafeKeyFile:
    return UnsafeKeyFile(
        path,
        "it is a symbolic link, which others may be able to point elsewhere",
        f"Name the file itself: {os.path.realpath(path)}",
    )


def _check_kind_and_owner(path: str, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise UnsafeKeyFile(path, "it is not a regular file", "Name a file made by keygen")
    user = _effective_user()
    if user is None:
        return
    if status.st_uid != user:
        raise UnsafeKeyFile(
            path,
            f"it belongs to user {status.st_uid}, not to us ({user})",
            f"If it is ours all the same: chown {user} {path}",
        )
    if status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise UnsafeKeyFile(
            path,
            f"others may use it (mode {stat.S_IMODE(status.st_mode):04o})",
            f"If nobody has read it: chmod 600 {path}",
        )


def _effective_user() -> int | None:
    """Who we are to the file system; None where it has no owners."""
    geteuid = getattr(os, "geteuid", None)
    return None if geteuid is None else geteuid()


def _write(path: str, pair: KeyPair, replace: bool) -> None:
    folder, name = os.path.split(path)
    folder = folder or "."
    temporary = os.path.join(folder, f".{name}.{os.urandom(8).hex()}.new")
    descriptor = os.open(temporary, _CREATE_FLAGS, 0o600)
    try:
        with open(descriptor, "wb") as file:
            file.write(_file_text(pair))
            file.flush()
            os.fsync(file.fileno())
        if replace:
            os.replace(temporary, path)
        else:
            _put_in_place(temporary, path)
    finally:
        Path(temporary).unlink(missing_ok=True)
    _sync_folder(folder)


def _put_in_place(temporary: str, path: str) -> None:
    """Give the file its name, unless the name is taken."""
    try:
        # Unlike a rename, a link does not replace what is there.
        os.link(temporary, path)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        # Such a file system cannot do both; not to overwrite a key is worth more.
        os.close(os.open(path, _CREATE_FLAGS, 0o600))
        os.replace(temporary, path)


def _sync_folder(folder: str) -> None:
    """Make the new name survive a crash of the machine, where folders can be synced."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
