"""Chapter 5: messages in fragments, and what may and may not stand between them (RFC 6455 5.4)."""

from collections.abc import Iterator

from tests.conformance.rfc6455.case import (
    BINARY,
    CONT,
    FIN,
    PING,
    PONG,
    TEXT,
    Case,
    Sent,
    in_fragments,
)

FIRST = Sent(TEXT, b"fragment1")
LAST = Sent(FIN | CONT, b"fragment2")
WHOLE = "fragment1fragment2"
PINGED = Sent(PING, b"ping payload")
ORPHAN_END = Sent(FIN | CONT, b"non-continuation payload")
ORPHAN = Sent(CONT, b"non-continuation payload")
HELLO = Sent(FIN | TEXT, b"Hello, world!")

CHOPS = ((None, "in one piece"), (20, "20 bytes at a time"), (1, "byte by byte"))


def control_frames_in_fragments() -> Iterator[Case]:
    """They must not be cut (5.5)."""
    for number, what, first in (("5.1", "ping", PING), ("5.2", "pong", PONG)):
        yield Case(
            number,
            f"a {what} in fragments fails",
            (Sent(first & 0x0F, b"fragment1"), LAST),
            fault=1002,
        )


def good_ones() -> Iterator[Case]:
    """Joined, however they arrive; pings between them are answered at once."""
    for index, (chop, how) in enumerate(CHOPS, 3):
        yield Case(
            f"5.{index}",
            f"a text in two fragments arrives {how}",
            (FIRST, LAST),
            messages=(WHOLE,),
            chop=chop,
        )
    for index, (chop, how) in enumerate(CHOPS, 6):
        yield Case(
            f"5.{index}",
            f"so it does around a ping, {how}",
            (FIRST, PINGED, LAST),
            messages=(WHOLE,),
            pongs=(b"ping payload",),
            chop=chop,
        )
    parts = tuple(Sent(CONT, f"fragment{number}".encode()) for number in (2, 3, 4))
    pings = (Sent(PING, b"pongme 1!"), Sent(PING, b"pongme 2!"))
    for number, (chop, how) in (("5.19", CHOPS[0]), ("5.20", CHOPS[2])):
        yield Case(
            number,
            f"five fragments with two pings between them arrive {how}",
            (FIRST, parts[0], pings[0], *parts[1:], pings[1], Sent(FIN | CONT, b"fragment5")),
            messages=("fragment1fragment2fragment3fragment4fragment5",),
            pongs=(b"pongme 1!", b"pongme 2!"),
            chop=chop,
        )


def out_of_place() -> Iterator[Case]:
    """Ends without a start, and starts within a message."""
    for start, what, orphan in ((9, "with FIN", ORPHAN_END), (12, "without FIN", ORPHAN)):
        for index, (chop, how) in enumerate(CHOPS, start):
            yield Case(
                f"5.{index}",
                f"a continuation {what} of nothing fails, {how}",
                (orphan, HELLO),
                fault=1002,
                chop=chop,
            )
    yield Case(
        "5.15",
        "a continuation of nothing behind a message in fragments fails after it",
        (FIRST, LAST, Sent(CONT, b"fragment3"), Sent(FIN | TEXT, b"fragment4")),
        messages=(WHOLE,),
        fault=1002,
    )
    for number, orphan in (("5.16", Sent(CONT, b"fragment1")), ("5.17", ORPHAN_END)):
        yield Case(
            number,
            "a continuation of nothing before a message in fragments fails, twice over",
            (orphan, FIRST, LAST) * 2,
            fault=1002,
        )
    yield Case(
        "5.18",
        "two fragments that are both called text fail",
        (FIRST, Sent(FIN | TEXT, b"fragment2")),
        fault=1002,
    )
    yield Case(
        "5.18",
        "bytes within a text fail (ours)",
        (FIRST, Sent(FIN | BINARY, b"fragment2")),
        fault=1002,
    )


def sizes() -> Iterator[Case]:
    """9.* and 10.*: many fragments, large ones, and many arrivals for one frame."""
    for index, (size, part) in enumerate(
        (
            *((2**22, 64), (2**22, 256), (2**22, 1024), (2**22, 4096), (2**22, 2**14)),
            *((2**22, 2**16), (2**22, 2**18), (2**22, 2**20), (2**22, 2**22)),
        ),
        1,
    ):
        yield Case(
            f"9.3.{index}",
            f"a text of {size} bytes in fragments of {part} arrives",
            in_fragments(TEXT, b"*" * size, part),
            messages=("*" * size,),
        )
        yield Case(
            f"9.4.{index}",
            f"{size} bytes in fragments of {part} arrive",
            in_fragments(BINARY, b"\xfe" * size, part),
            messages=(b"\xfe" * size,),
        )
    for number, size in enumerate((2**16, 2**18, 2**20, 2**22), 1):
        yield Case(
            f"9.1.{number}",
            f"a text of {size} bytes arrives",
            (Sent(FIN | TEXT, b"*" * size),),
            messages=("*" * size,),
        )
        yield Case(
            f"9.2.{number}",
            f"{size} bytes arrive",
            (Sent(FIN | BINARY, b"\xfe" * size),),
            messages=(b"\xfe" * size,),
        )
    for number, chop in enumerate((64, 128, 256, 512, 1024, 2048), 1):
        yield Case(
            f"9.5.{number}",
            f"a text of 1 MiB that comes {chop} bytes at a time arrives",
            (Sent(FIN | TEXT, b"*" * 2**20),),
            messages=("*" * 2**20,),
            chop=chop,
        )
    for number, size in enumerate((0, 16, 64, 256, 1024, 4096), 1):
        yield Case(
            f"9.7.{number}",
            f"a thousand texts of {size} bytes arrive",
            (Sent(FIN | TEXT, b"*" * size),) * 1000,
            messages=("*" * size,) * 1000,
        )
    yield Case(
        "10.1.1",
        "a text of 64 KiB in fragments of 1300 bytes arrives",
        in_fragments(TEXT, b"*" * 65_536, 1300),
        messages=("*" * 65_536,),
    )


CASES = (*control_frames_in_fragments(), *good_ones(), *out_of_place())
SIZES = tuple(sizes())
