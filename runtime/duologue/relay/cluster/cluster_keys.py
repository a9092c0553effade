"""What a cluster makes of its secret: keys for each purpose, and names for public keys."""

import hashlib
import os
import re
import secrets
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

SECRET_BYTES: Final = 32
TOKEN_BYTES: Final = 16
MOST_SECRETS: Final = 3
"""One in use, and two more that are accepted while it is being changed."""
MAX_FILE_BYTES: Final = 1024

_HEX_LINE: Final = re.compile(r"[0-9a-fA-F]{64}")


class BadClusterSecret(ValueError):
    """A secret file that cannot be used. Names the file and what is wrong, never its content."""


@dataclass(frozen=True, slots=True)
class ClusterKeys:
    """The keys of one secret."""

    subject: bytes = field(repr=False)
    bus: bytes = field(repr=False)
    link: bytes = field(repr=False)

    @classmethod
    def derive(cls, secret: bytes, name: str) -> "ClusterKeys":
        """Those of the cluster called `name`."""

        def key(purpose: str) -> bytes:
            text = f"duologue cluster 1 {purpose} {name}".encode()
            return hashlib.blake2b(text, key=secret, digest_size=SECRET_BYTES).digest()

        return cls(key("subject"), key("bus"), key("link"))

    def token(self, public_key: bytes) -> str:
        """What stands for a public key in subjects; tells nothing of it without the secret."""
        return hashlib.blake2b(public_key, key=self.subject, digest_size=TOKEN_BYTES).hexdigest()


def new_secret_line() -> str:
    """A line for a secret file."""
    return secrets.token_hex(SECRET_BYTES)


def parse_secrets(text: str, name: str) -> list[bytes]:
    """The secrets in the text of a file called `name`: one in each line, the first is used.

    Raises:
        BadClusterSecret: it is no such text.
    """
    lines = [line.strip() for line in text.splitlines()]
    lines = [line for line in lines if line and not line.startswith("#")]
    if not 1 <= len(lines) <= MOST_SECRETS:
        raise BadClusterSecret(
            f"{name}: has {len(lines)} secrets; one line of 64 hex digits is needed, and two more "
            "may follow while it is being changed"
        )
    for number, line in enumerate(lines, 1):
        if not _HEX_LINE.fullmatch(line):
            raise BadClusterSecret(
                f"{name}: secret {number} is not 64 hex digits; make one with "
                "`duologue relay --make-cluster-secret`"
            )
    found = [bytes.fromhex(line) for line in lines]
    if len(set(found)) < len(found):
        raise BadClusterSecret(f"{name}: the same secret stands there twice")
    return found


def read_secrets(path: Path) -> list[bytes]:
    """The secrets in a file that only its owner can read.

    Raises:
        BadClusterSecret: others could read it, or it holds something else.
        OSError: it cannot be read.
    """
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise BadClusterSecret(f"{path.name}: is no file")
        is_open = status.st_mode & (stat.S_IRWXG | stat.S_IRWXO)
        if os.name == "posix" and is_open and not _is_credential(path):
            raise BadClusterSecret(
                f"{path.name}: others may read it (mode {stat.S_IMODE(status.st_mode):04o}); "
                f"chmod 600 {path.name}"
            )
        data = file.read(MAX_FILE_BYTES + 1)
    if len(data) > MAX_FILE_BYTES:
        raise BadClusterSecret(f"{path.name}: is longer than {MAX_FILE_BYTES} bytes")
    try:
        text = data.decode("ascii")
    except UnicodeDecodeError:
        raise BadClusterSecret(f"{path.name}: holds something else than hex digits") from None
    return parse_secrets(text, path.name)


def _is_credential(path: Path) -> bool:
    """Whether systemd has handed it to this unit: then it may look open, and is not."""
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    return folder is not None and path.resolve().is_relative_to(Path(folder).resolve())


def derive_all(secrets_of_file: Sequence[bytes], name: str) -> tuple[ClusterKeys, ...]:
    """The keys of all secrets, in their order; the first are used, all are accepted."""
    return tuple(ClusterKeys.derive(each, name) for each in secrets_of_file)
