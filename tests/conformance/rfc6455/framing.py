"""Chapters 1 to 4: lengths, pings, reserved bits, reserved opcodes."""

from collections.abc import Iterator

from tests.conformance.rfc6455.case import BINARY, FIN, PING, PONG, TEXT, Case, Sent

HELLO = Sent(FIN | TEXT, b"Hello, world!")


def lengths() -> Iterator[Case]:
    """1.*: each form of a length, at its ends."""
    sizes = (0, 125, 126, 127, 128, 65_535, 65_536, 65_536)
    for number, size in enumerate(sizes, 1):
        chop = 997 if number == len(sizes) else None
        how = f", {chop} bytes at a time" if chop else ""
        yield Case(
            f"1.1.{number}",
            f"a text of {size} bytes arrives{how}",
            (Sent(FIN | TEXT, b"*" * size),),
            messages=("*" * size,),
            chop=chop,
        )
        yield Case(
            f"1.2.{number}",
            f"{size} bytes arrive{how}",
            (Sent(FIN | BINARY, b"\xfe" * size),),
            messages=(b"\xfe" * size,),
            chop=chop,
        )


def pings() -> Iterator[Case]:
    """2.*: each ping is answered with its payload, a pong with nothing."""
    binary = b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff"
    for number, sentence, payload, chop in (
        ("2.1", "a ping without payload is answered", b"", None),
        ("2.2", "a ping with text is answered with it", b"Hello, world!", None),
        ("2.3", "a ping with bytes is answered with them", binary, None),
        ("2.4", "a ping of 125 bytes is answered", b"\xfe" * 125, None),
        ("2.6", "a ping of 125 bytes that come one by one is answered", b"\xfe" * 125, 1),
    ):
        yield Case(number, sentence, (Sent(PING, payload),), pongs=(payload,), chop=chop)
    too_long = Sent(PING, b"\xfe" * 126)
    yield Case("2.5", "a ping of 126 bytes fails", (too_long, HELLO), fault=1002)
    yield Case("2.7", "a pong nobody asked for is ignored", (Sent(PONG),))
    yield Case("2.8", "so is one with a payload", (Sent(PONG, b"unsolicited"),))
    yield Case(
        "2.9",
        "a ping behind a pong is answered",
        (Sent(PONG, b"unsolicited"), Sent(PING, b"ping payload")),
        pongs=(b"ping payload",),
    )
    ten = tuple(f"payload-{number}".encode() for number in range(10))
    for number, how, chop in (("2.10", "", None), ("2.11", " that come byte by byte", 1)):
        yield Case(
            number,
            f"ten pings{how} are answered in their order",
            tuple(Sent(PING, payload) for payload in ten),
            pongs=ten,
            chop=chop,
        )


def reserved_bits() -> Iterator[Case]:
    """3.*: they mean nothing without an extension, so they must be 0 (5.2)."""
    ping = Sent(PING)
    yield Case(
        "3.1", "RSV 1 in a text fails", (Sent(FIN | 0x10 | TEXT, b"Hello, world!"),), fault=1002
    )
    for number, bits, how, chop in (
        ("3.2", 2, "", None),
        ("3.3", 3, ", 20 bytes at a time", 20),
        ("3.4", 4, ", byte by byte", 1),
    ):
        yield Case(
            number,
            f"RSV {bits} behind a good message fails after it{how}",
            (HELLO, Sent(FIN | bits << 4 | TEXT, b"Hello, world!"), ping),
            messages=("Hello, world!",),
            fault=1002,
            chop=chop,
        )
    for number, bits, what, first in (
        ("3.5", 5, "bytes", FIN | BINARY),
        ("3.6", 6, "a ping", PING),
        ("3.7", 7, "a close frame", 0x88),
    ):
        sent = Sent(first | bits << 4, b"\x03\xe8" if first == 0x88 else b"\x00\xff")
        yield Case(number, f"RSV {bits} in {what} fails", (sent, ping), fault=1002)


def reserved_opcodes() -> Iterator[Case]:
    """4.*: frames whose meaning is not defined yet (5.2)."""
    for chapter, what, opcodes in (
        ("4.1", "data", (3, 4, 5, 6, 7)),
        ("4.2", "control", (11, 12, 13, 14, 15)),
    ):
        for number, opcode in enumerate(opcodes, 1):
            payload = b"" if number in (1, 3) else b"reserved opcode payload"
            sent = Sent(FIN | opcode, payload)
            before = (HELLO,) if number > 2 else ()
            yield Case(
                f"{chapter}.{number}",
                f"{what} opcode {opcode} fails" + (" after a good message" if before else ""),
                (*before, sent, Sent(PING)),
                messages=("Hello, world!",) if before else (),
                fault=1002,
                chop=1 if number == 5 else None,
            )


CASES = (*lengths(), *pings(), *reserved_bits(), *reserved_opcodes())
