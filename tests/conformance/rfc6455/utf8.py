"""Chapter 6: texts that are UTF-8 and texts that are not (RFC 3629).

The sequences are those of Markus Kuhn's stress test, as the suite has them. That a bad text is
refused only when its message is whole is allowed: 8.1 says when to look at nothing.
"""

from collections.abc import Iterator
from typing import Final

from tests.conformance.rfc6455.case import CONT, FIN, TEXT, Case, Sent, in_fragments

KOSME: Final = bytes.fromhex("ceba e1bdb9 cf83 cebc ceb5")
"""κόσμε, with a character of three bytes."""

INCOMPLETE: Final = (
    *("c0", "e080", "f08080", "f8808080", "fc80808080"),
    *("df", "efbf", "f7bfbf", "fbbfbfbf", "fdbfbfbfbf"),
)

LONELY: Final = tuple(
    " 20 ".join(f"{byte:02x}" for byte in range(start, stop)) + " 20"
    for start, stop in ((0xC0, 0xDF), (0xE0, 0xEF), (0xF0, 0xF7), (0xF8, 0xFB), (0xFC, 0xFD))
)

NON_CHARACTERS: Final = tuple(
    f"{first:02x}{second}bf{last}"
    for first in range(0xF0, 0xF5)
    for second in ("8f", "9f", "af", "bf")
    for last in ("be", "bf")
    if (first, second) != (0xF0, "8f") and (first != 0xF4 or second == "8f")
)


def bad(*sequences: str) -> tuple[str, ...]:
    """Marked as no UTF-8."""
    return tuple(f"!{sequence}" for sequence in sequences)


GROUPS: Final = {
    "6.5": (
        *("68656c6c6f24776f726c64", "68656c6c6fc2a2776f726c64", "68656c6c6fe282ac776f726c64"),
        *("68656c6c6ff0a4ada2776f726c64", KOSME.hex()),
    ),
    # All beginnings of one text: good where a character ends.
    "6.6": tuple(
        KOSME[:length].hex() if length in (2, 5, 7, 9, 11) else f"!{KOSME[:length].hex()}"
        for length in range(1, 12)
    ),
    # The first and the last sequence of each length; those of 5 and 6 bytes are none.
    "6.7": ("00", "c280", "e0a080", "f0908080"),
    "6.8": bad("f888808080", "fc8480808080"),
    "6.9": ("7f", "dfbf", "efbfbf", "f48fbfbf"),
    "6.10": bad("f7bfbfbf", "fbbfbfbfbf", "fdbfbfbfbfbf"),
    # Round the surrogates, and at the last code point.
    "6.11": ("ed9fbf", "ee8080", "efbfbd", "f48fbfbf", *bad("f4908080")),
    # Continuations of nothing, starts without one, and starts with too few.
    "6.12": bad(
        *("80", "bf", "80bf", "80bf80", "80bf80bf", "80bf80bf80", "80bf80bf80bf"),
        bytes(range(0x80, 0xBF)).hex(),
    ),
    "6.13": bad(*LONELY),
    "6.14": bad(*INCOMPLETE),
    "6.15": bad("".join(INCOMPLETE)),
    "6.16": bad("fe", "ff", "fefeffff"),
    # Overlong forms: of ASCII, the longest ones, and of NUL.
    "6.17": bad("c0af", "e080af", "f08080af", "f8808080af", "fc80808080af"),
    "6.18": bad("c1bf", "e09fbf", "f08fbfbf", "f887bfbfbf", "fc83bfbfbfbf"),
    "6.19": bad("c080", "e08080", "f0808080", "f880808080", "fc8080808080"),
    # Surrogates, alone and in pairs.
    "6.20": bad("eda080", "edadbf", "edae80", "edafbf", "edb080", "edbe80", "edbfbf"),
    "6.21": bad(
        *("eda080edb080", "eda080edbfbf", "edadbfedb080", "edadbfedbfbf"),
        *("edae80edb080", "edae80edbfbf", "edafbfedb080", "edafbfedbfbf"),
    ),
    # Code points that are no characters, and special ones, are good.
    "6.22": ("efbfbe", "efbfbf", *NON_CHARACTERS),
    "6.23": ("efbfb9", "efbfba", "efbfbb", "efbfbc", "efbfbd", "efbfbe", "efbfbf"),
}
"""What is no UTF-8 has a `!` before it."""

EVERY_WAY: Final = (
    ("", 2**20, None),
    (" in fragments of one byte", 1, None),
    (" in fragments of one byte, byte by byte", 1, 1),
    (" byte by byte", 2**20, 1),
)
"""How it is told, the size of fragments, and how many bytes arrive at a time."""


def empty_ones() -> Iterator[Case]:
    """6.1: no payload at all, here or there."""
    yield Case("6.1.1", "an empty text arrives", (Sent(FIN | TEXT),), messages=("",))
    empty = (Sent(TEXT), Sent(CONT), Sent(FIN | CONT))
    yield Case("6.1.2", "an empty text in three fragments arrives", empty, messages=("",))
    middle = (Sent(TEXT), Sent(CONT, b"middle frame payload"), Sent(FIN | CONT))
    yield Case(
        "6.1.3",
        "a text whose first and last fragments are empty arrives",
        middle,
        messages=("middle frame payload",),
    )


def in_pieces() -> Iterator[Case]:
    """6.2 to 6.4: cuts at characters and inside them."""
    text = "Hello-µ@ßöäüàá-UTF-8!!"
    data = text.encode()
    yield Case("6.2.1", "a text arrives", (Sent(FIN | TEXT, data),), messages=(text,))
    at = data.index("ü".encode())
    halves = (Sent(TEXT, data[:at]), Sent(FIN | CONT, data[at:]))
    yield Case("6.2.2", "so it does cut at a character", halves, messages=(text,))
    for number, whole in (("6.2.3", data), ("6.2.4", KOSME)):
        yield Case(
            number,
            f"{whole.decode()} in fragments of one byte arrives",
            in_fragments(TEXT, whole, 1),
            messages=(whole.decode(),),
        )
    bad = KOSME + b"\xed\xa0\x80edited"
    yield Case("6.3.1", "a surrogate among text fails", (Sent(FIN | TEXT, bad),), fault=1007)
    yield Case(
        "6.3.2", "so it does in fragments of one byte", in_fragments(TEXT, bad, 1), fault=1007
    )
    parts = (KOSME, b"\xf4\x90\x80\x80", b"edited")
    cut = (KOSME + b"\xf4", b"\x90", b"\x80\x80edited")
    for number, (first, middle, last) in (("6.4.1", parts), ("6.4.2", cut)):
        yield Case(
            number,
            "what lies behind the last code point fails at the end of the message",
            (Sent(TEXT, first), Sent(CONT, middle), Sent(FIN | CONT, last)),
            fault=1007,
        )
    whole = b"".join(parts)
    for number, chop in (("6.4.3", 11), ("6.4.4", 12)):
        yield Case(
            number, "so it does within a frame", (Sent(FIN | TEXT, whole),), fault=1007, chop=chop
        )


def sequences(way: tuple[str, int, int | None]) -> Iterator[Case]:
    """6.5 to 6.23: the stress test."""
    how, size, chop = way
    for group, marked in GROUPS.items():
        for number, sequence in enumerate(marked, 1):
            is_valid = not sequence.startswith("!")
            data = bytes.fromhex(sequence.removeprefix("!"))
            yield Case(
                f"{group}.{number}",
                f"{data[:12].hex()} {'arrives' if is_valid else 'fails'}{how}",
                in_fragments(TEXT, data, size),
                messages=(data.decode(),) if is_valid else (),
                fault=None if is_valid else 1007,
                chop=chop,
            )


CASES = (*empty_ones(), *in_pieces(), *sequences(EVERY_WAY[0]))
SEQUENCES_IN_PIECES = tuple(case for way in EVERY_WAY[1:] for case in sequences(way))
