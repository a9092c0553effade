"""Who may register, and who may ask for others. Fails closed: what is not known is not allowed."""

import hashlib
import hmac
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Flag, auto
from pathlib import Path
from typing import Final

from duologue.errors import UnsafeKey
from duologue.protocol.keys import public_key_from_hex
from duologue.protocol.wording import words_of

TOKEN_BYTES: Final = 32
HASH_PREFIX: Final = "sha256:"
EVERYBODY: Final = "*"


class Right(Flag):
    """What somebody may do at the relay."""

    NONE = 0
    REGISTER = auto()
    """Be found under one's key."""
    REQUEST = auto()
    """Ask for others. The caller's key is a claim: only a token proves anything here."""
    BOTH = REGISTER | REQUEST


_RIGHTS: Final[Mapping[str, Right]] = {
    "register": Right.REGISTER,
    "request": Right.REQUEST,
    "both": Right.BOTH,
}


class BadAccessFile(ValueError):
    """A line of an access file that cannot be read. Names file and line, never the content."""


@dataclass(frozen=True, slots=True)
class Access:
    """The rights of keys and of tokens; a right is had if either gives it."""

    everybody: Right = Right.NONE
    keys: Mapping[bytes, Right] = field(default_factory=dict[bytes, Right])
    tokens: Mapping[bytes, Right] = field(default_factory=dict[bytes, Right], repr=False)
    """By the SHA-256 of the token, which has 32 random bytes and so needs no slow hash."""

    def allows(self, right: Right, key: bytes, token: str | None) -> bool:
        """Whether `key`, or whoever has `token`, may do this."""
        granted = self.everybody | self.keys.get(key, Right.NONE)
        if token is not None:
            granted |= self._of_token(token)
        return right in granted

    def _of_token(self, token: str) -> Right:
        digest = hashlib.sha256(token.encode(errors="replace")).digest()
        granted = Right.NONE
        for known, right in self.tokens.items():
            # All of them, always, so that the time tells nothing.
            if hmac.compare_digest(known, digest):
                granted |= right
        return granted


OPEN: Final = Access(everybody=Right.BOTH)
CLOSED: Final = Access()


def new_token() -> tuple[str, str]:
    """A bearer token for its bearer, and what stands for it in the token file."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    return token, HASH_PREFIX + hashlib.sha256(token.encode()).hexdigest()


def read_access(allow_file: Path | None, token_file: Path | None) -> Access:
    """The rights that the two files give.

    Each line is a public key in hex, or `sha256:` and the hash of a token, then `register`,
    `request` or `both` (which is meant if nothing stands there); `#` starts a comment. In the
    allow-list `*` is everybody.

    Raises:
        BadAccessFile: a line cannot be read.
        OSError: a file cannot be read.
    """
    everybody = Right.NONE
    keys: dict[bytes, Right] = {}
    tokens: dict[bytes, Right] = {}
    if allow_file is not None:
        for where, name, right in _lines(allow_file):
            if name == EVERYBODY:
                everybody |= right
            else:
                key = _key(where, name)
                keys[key] = keys.get(key, Right.NONE) | right
    if token_file is not None:
        for where, name, right in _lines(token_file):
            digest = _digest(where, name)
            tokens[digest] = tokens.get(digest, Right.NONE) | right
    return Access(everybody, keys, tokens)


def _lines(path: Path) -> Iterable[tuple[str, str, Right]]:
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        where = f"{path.name}:{number}"
        if len(words) > 2:
            raise BadAccessFile(f"{where}: a key or hash and one right, but {len(words)} words")
        right = _RIGHTS.get(words[1].lower()) if len(words) == 2 else Right.BOTH
        if right is None:
            raise BadAccessFile(f"{where}: the right must be one of {', '.join(_RIGHTS)}")
        yield where, words[0], right


def _key(where: str, text: str) -> bytes:
    try:
        return public_key_from_hex(text)
    except UnsafeKey as error:
        raise BadAccessFile(f"{where}: {words_of(error)}") from error


def _digest(where: str, text: str) -> bytes:
    digits = text.removeprefix(HASH_PREFIX)
    try:
        digest = bytes.fromhex(digits)
    except ValueError:
        digest = b""
    if digits == text or len(digest) != hashlib.sha256().digest_size:
        raise BadAccessFile(f"{where}: expected {HASH_PREFIX} and 64 hex digits, never the token")
    return digest
