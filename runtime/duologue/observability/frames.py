"""A file of all messages of conversations, one line of JSON each."""

import json
import os
import sys
import time
import weakref
from collections.abc import Callable
from typing import Any, Final, Literal, TextIO, TypeAlias

import msgspec

from duologue.observer import ConnectionSeen, Direction, Observer
from duologue.protocol.values import is_list, is_object

Show: TypeAlias = Literal["sizes", "shape", "full"]
"""What is written of a message: its kind and size; its keys too, and the types and lengths of what
they hold; or all of it."""

VARIABLE: Final = "DUOLOGUE_FRAMES"
"""The environment variable that has all endpoints of a program write to this file."""

_PLAIN: Final = frozenset(
    ("type", "requestId", "responseId", "serviceId", "timeoutMs", "parts", "subscription", "seq")
)
"""Fields of the protocol itself; `shape` shows them as they are, where they stand at the top."""

_decode: Final = msgspec.json.Decoder().decode
_encode: Final = msgspec.json.Encoder().encode

_MAX_KEYS: Final = 50
"""Of an object, or entries of a list, that `shape` shows: more of them say no more."""


class FrameLog(Observer):
    """Writes each message that comes or leaves, after decryption, as a line of JSON.

    `time` is seconds since 1970, `connection` and `peer` tell whose it is, `direction` is `in` or
    `out`, `kind` the message's type or `bytes`, `size` bytes; `message` what `show` lets through.
    Who may read the file learns with `full` everything that is said, with `shape` the names of
    fields: a file that is made here is its owner's alone (0600).
    """

    wants_frames = True

    def __init__(
        self,
        target: str | os.PathLike[str] | TextIO,
        show: Show = "shape",
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`target` is a file to append to, or a stream of text.

        Raises:
            ValueError: `show` is none of the three.
            OSError: the file cannot be written.
        """
        if show not in ("sizes", "shape", "full"):
            raise ValueError(f"show is 'sizes', 'shape' or 'full' but is {show!r}")
        self._show = show
        self._clock = clock
        if isinstance(target, str | os.PathLike):
            self._write, name = self._writer_of(target), os.fspath(target)
        else:
            self._write, name = target.write, getattr(target, "name", "a stream")
        if show == "full":
            print(f"duologue: {name} gets all that is said", file=sys.stderr)

    def _writer_of(self, path: str | os.PathLike[str]) -> Callable[[str], object]:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
        descriptor = os.open(path, flags, 0o600)
        weakref.finalize(self, os.close, descriptor)

        def write(line: str) -> None:
            # At once: what is in it must be there when the program is killed.
            os.write(descriptor, line.encode())

        return write

    def frame(self, connection: ConnectionSeen, direction: Direction, message: str | bytes) -> None:
        """See `Observer`."""
        size = len(message)
        if isinstance(message, str) and not message.isascii():
            size = len(message.encode(errors="surrogatepass"))
        line: dict[str, Any] = {
            "time": self._clock(),
            "connection": connection.id,
            "peer": connection.remote_address,
            "direction": direction,
            "kind": "bytes",
            "size": size,
        }
        if isinstance(message, str):
            value = _read(message)
            line["kind"] = value.get("type", "?") if is_object(value) else "?"
            if self._show == "shape":
                line["message"] = _top(value)
            elif self._show == "full":
                line["message"] = value
        elif self._show == "full":
            line["message"] = message.hex()
        self._write(_line_of(line))


def _read(text: str) -> Any:
    try:
        return _decode(text)
    except (ValueError, UnicodeError, RecursionError):
        pass
    try:
        # What has lone surrogates; slower.
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _line_of(line: dict[str, Any]) -> str:
    try:
        text = _encode(line).decode()
        if text.isascii() and "\x7f" not in text:
            return text + "\n"
    except (UnicodeError, ValueError):
        pass
    # Escaped: what others say cannot end a line, or colour a terminal.
    return json.dumps(line) + "\n"


def _top(value: Any) -> Any:
    if not is_object(value):
        return shape_of(value)
    return {
        key: each if key in _PLAIN else shape_of(each)
        for key, each in (value if len(value) <= _MAX_KEYS else _first_of(value)).items()
    }


def shape_of(value: Any) -> Any:
    """A JSON value without what it says: keys, types, lengths."""
    # Exact types, as the decoder makes them: this is asked for every value of every message.
    if type(value) is str:
        return f"text of {len(value)}"
    if is_object(value):
        few = value if len(value) <= _MAX_KEYS else _first_of(value)
        return {key: shape_of(each) for key, each in few.items()}
    if is_list(value):
        if len(value) <= _MAX_KEYS:
            return [shape_of(each) for each in value]
        return [*map(shape_of, value[:_MAX_KEYS]), f"list of {len(value)}"]
    return value if value is None or type(value) is bool else "number"


def _first_of(value: dict[str, Any]) -> dict[str, Any]:
    return dict(list(value.items())[:_MAX_KEYS])
