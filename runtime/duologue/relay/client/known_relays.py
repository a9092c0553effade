"""The keys of relays that announce a lasting one, as first seen; like SSH's known_hosts."""

import contextlib
import os
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from duologue.errors import RelayKeyChanged, UnsafeKey
from duologue.protocol.keys import public_key_from_hex

HEADER = "# Keys of duologue relays, as first seen: one relay and its key in each line.\n"

SETTLED_S: Final = 2.0
"""How old a file is that is not read again before it shows another state. In a younger one a second
change could leave no trace: clocks of file systems tick slowly."""


def default_file() -> Path:
    """Where pins are kept unless something else is said; `DUOLOGUE_KNOWN_RELAYS` says so."""
    named = os.environ.get("DUOLOGUE_KNOWN_RELAYS")
    if named:
        return Path(named)
    base = os.environ.get("XDG_CONFIG_HOME") or os.environ.get("APPDATA")
    return (Path(base) if base else Path.home() / ".config") / "duologue" / "known_relays"


def relay_name(url: str) -> str:
    """What a relay is known by: its URL in one form, without what may be secret."""
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    port = parts.port or (443 if parts.scheme.lower() == "wss" else 80)
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme.lower()}://{shown}:{port}{parts.path.rstrip('/')}"


def _next_name(url: str) -> str:
    """A line of its own, which readers that know nothing of it leave alone."""
    return f"next:{relay_name(url)}"


class KnownRelays:
    """Pinned keys, in a file or, without one, in memory.

    The file is looked at for each question: several programs may share it.
    """

    def __init__(self, file: Path | None, *, clock: Callable[[], float] = time.time) -> None:
        """`clock` gives seconds since 1970, as the file system has them."""
        # Also what is annotated otherwise: a text would be found out at the first registration.
        self._file = None if file is None else Path(file)
        self._clock = clock
        self._in_memory: dict[str, bytes] = {}
        """The pins; of a file, what it had when its state was `_state`."""
        self._state: tuple[int, ...] | None = None

    def check(self, url: str, key: bytes) -> None:
        """Compare with the pin, if there is one, and with the next key that its holder announced.

        Raises:
            RelayKeyChanged: it is another key.
        """
        keys = self._read()
        pinned = keys.get(relay_name(url))
        if pinned is not None and key not in (pinned, keys.get(_next_name(url))):
            raise RelayKeyChanged(url, pinned, key, f"duologue doctor {url} --forget-key")

    def pinned(self, url: str) -> bytes | None:
        """The key that this relay must have, or None."""
        return self._read().get(relay_name(url))

    def announced(self, url: str) -> bytes | None:
        """The key that this relay may have instead one day, or None."""
        return self._read().get(_next_name(url))

    def pin(self, url: str, key: bytes, next_key: bytes | None = None) -> None:
        """Remember the key, and the one that its holder announces; unless they are remembered.

        What was announced before and is no more is forgotten: an operator may change their mind.

        Raises:
            OSError: the file cannot be written.
        """
        keys = self._read()
        wanted = {**keys, relay_name(url): key}
        wanted.pop(_next_name(url), None)
        if next_key is not None and next_key != key:
            wanted[_next_name(url)] = next_key
        if wanted != keys:
            self._write(wanted)

    def forget(self, url: str) -> bool:
        """Forget the pin; False if there is none.

        Raises:
            OSError: the file cannot be written.
        """
        keys = self._read()
        keys.pop(_next_name(url), None)
        if keys.pop(relay_name(url), None) is None:
            return False
        self._write(keys)
        return True

    def _read(self) -> dict[str, bytes]:
        if self._file is None:
            return dict(self._in_memory)
        try:
            found = self._file.stat()
            state = (found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
            if state == self._state:
                return dict(self._in_memory)
            text = self._file.read_text(encoding="utf-8")
        except (FileNotFoundError, NotADirectoryError):
            return {}
        keys: dict[str, bytes] = {}
        for line in text.splitlines():
            words = line.partition("#")[0].split()
            if len(words) == 2:
                # A damaged line must not open the door to any key: it stays a key nobody has.
                keys[words[0]] = _key(words[1])
        is_settled = self._clock() - max(found.st_mtime, found.st_ctime) >= SETTLED_S
        self._state = state if is_settled else None
        self._in_memory = dict(keys)
        return keys

    def _write(self, keys: dict[str, bytes]) -> None:
        if self._file is None:
            self._in_memory = keys
            return
        self._file.parent.mkdir(parents=True, exist_ok=True)
        lines = [f"{name} {key.hex()}\n" for name, key in sorted(keys.items())]
        new = self._file.with_name(f"{self._file.name}.{secrets.token_hex(4)}.new")
        try:
            new.write_text(HEADER + "".join(lines), encoding="utf-8")
            new.replace(self._file)
        finally:
            with contextlib.suppress(FileNotFoundError):
                new.unlink()


def _key(text: str) -> bytes:
    try:
        return public_key_from_hex(text)
    except UnsafeKey:
        return bytes(32)
