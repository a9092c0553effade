"""Long messages in pieces, and back (PROTOCOL 6)."""

from collections.abc import Iterator, Sequence
from typing import Final

from duologue.errors import BadFrame, LimitExceeded
from duologue.limits import MAX_FRAGMENTS
from duologue.protocol.escaping import END, FRAGMENT_WORDS, START_BYTES, START_TEXT, unescape

FRAGMENT_BYTES: Final = 65_536
"""A fragment as we send it; all but the last have exactly this length."""

UNITS_PER_FRAGMENT_BYTE: Final = 4
"""A text is fragmented from a quarter of `FRAGMENT_BYTES` in UTF-16 units: 16,384."""


class Splitter:
    """Decides which messages go in pieces, and cuts them."""

    def __init__(self, fragment_bytes: int = FRAGMENT_BYTES) -> None:
        self._fragment_bytes = fragment_bytes
        self.text_threshold = fragment_bytes // UNITS_PER_FRAGMENT_BYTE
        """UTF-16 units of the shortest text that is fragmented."""

    def is_long_text(self, text: str) -> bool:
        """Whether a text must be fragmented."""
        if len(text) >= self.text_threshold:
            return True
        if text.isascii() or 2 * len(text) < self.text_threshold:
            return False
        return len(text.encode("utf-16-le", "surrogatepass")) // 2 >= self.text_threshold

    def is_long(self, data: bytes) -> bool:
        """Whether bytes must be fragmented."""
        return len(data) > self._fragment_bytes

    def split_utf8(self, text: bytes) -> Iterator[str | bytes]:
        """The messages for a long text, given as UTF-8. Cuts may fall inside a character."""
        return self._split(text, START_TEXT)

    def split_bytes(self, data: bytes) -> Iterator[str | bytes]:
        """The messages for long bytes."""
        return self._split(data, START_BYTES)

    def _split(self, data: bytes, start: str) -> Iterator[str | bytes]:
        yield start
        for at in range(0, len(data), self._fragment_bytes):
            yield data[at : at + self._fragment_bytes]
        yield END


class Joiner:
    """Puts fragmented messages together, in bounded memory.

    Raises from `receive` mean that the connection must be closed.
    """

    def __init__(self, max_message_bytes: int) -> None:
        self._max_message_bytes = max_message_bytes
        self._max_fragments = max(MAX_FRAGMENTS, 2 * max_message_bytes // FRAGMENT_BYTES)
        self._kind = ""
        self._joined = bytearray()
        self._fragments = 0

    @property
    def joined_bytes(self) -> int:
        """What has come of that message."""
        return len(self._joined)

    def receive(self, message: str | bytes) -> str | bytes | None:
        """The whole message that this one is or completes; None if more must come.

        Raises:
            BadFrame: it may not come here, or the joined text is not UTF-8.
            LimitExceeded: the message, or the number of its fragments, is too large.
        """
        if isinstance(message, str):
            return self._receive_text(message)
        if not self._kind:
            self._check_size(len(message))
            return message
        self._fragments += 1
        if self._fragments > self._max_fragments:
            raise LimitExceeded("max_fragments", self._max_fragments, self._fragments)
        self._check_size(len(self._joined) + len(message))
        self._joined += message
        return None

    def are_whole(self, messages: Sequence[str | bytes]) -> bool:
        """Whether all of these are texts that `receive` would give back as they are."""
        # No character has more than 4 bytes.
        longest = self._max_message_bytes // 4
        return not self._kind and all(
            isinstance(each, str) and len(each) <= longest and not each.startswith(FRAGMENT_WORDS)
            for each in messages
        )

    def _receive_text(self, text: str) -> str | bytes | None:
        if not text.startswith(FRAGMENT_WORDS):
            return self._whole_text(text)
        if text == END:
            return self._finish()
        if text in (START_TEXT, START_BYTES):
            self._start(text)
            return None
        return self._whole_text(unescape(text, FRAGMENT_WORDS))

    def _whole_text(self, text: str) -> str:
        if self._kind:
            raise BadFrame(
                f"Currently processing {self._kind} chunks. No string messages allowed except the "
                "fragmentation_end message."
            )
        self._check_size(len(text) if text.isascii() else len(text.encode()))
        return text

    def _start(self, word: str) -> None:
        if self._kind:
            raise BadFrame(f"Already processing {self._kind} chunks. {word} message not allowed.")
        self._kind = "string" if word == START_TEXT else "binary"
        self._fragments = 0

    def _finish(self) -> str | bytes:
        if not self._kind:
            raise BadFrame(
                "No chunks processing in progress. fragmentation_end message not allowed."
            )
        kind, self._kind = self._kind, ""
        joined, self._joined = self._joined, bytearray()
        if kind == "binary":
            return bytes(joined)
        try:
            return joined.decode()
        except UnicodeDecodeError:
            raise BadFrame("a fragmented text that is not UTF-8") from None

    def _check_size(self, size: int) -> None:
        if size > self._max_message_bytes:
            raise LimitExceeded("max_message_bytes", self._max_message_bytes, size)
