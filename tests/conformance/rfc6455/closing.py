"""Chapter 7: close frames, their codes and reasons, and what comes behind them (5.5.1, 7.4)."""

from collections.abc import Iterator

from tests.conformance.rfc6455.case import CLOSE, CONT, FIN, PING, TEXT, Case, Sent

HELLO = Sent(FIN | TEXT, b"Hello World!")
NORMAL = Sent(CLOSE, b"\x03\xe8")

VALID_CODES = (
    *(1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999),
    *(1012, 1013, 1014),  # registered since the suite was made
)
INVALID_CODES = (
    *(0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999),
    *(1015, 1017, 2001, 5001),  # ours
)
UNDEFINED_CODES = (5000, 65_535)


def what_follows() -> Iterator[Case]:
    """7.1: a close frame is the last thing that is read."""
    yield Case(
        "7.1.1", "a message before the close frame arrives", (HELLO, NORMAL), ("Hello World!",)
    )
    yield Case("7.1.2", "of two close frames the first is answered", (NORMAL, NORMAL))
    yield Case("7.1.3", "a ping behind the close frame is ignored", (NORMAL, Sent(PING)))
    yield Case("7.1.4", "a message behind the close frame is ignored", (NORMAL, HELLO))
    yield Case(
        "7.1.5",
        "a close frame between fragments is answered, and their message never arrives",
        (Sent(TEXT, b"fragment1"), NORMAL, Sent(FIN | CONT, b"fragment2")),
    )
    large = "BAsd7&jh23" * 26_215
    yield Case(
        "7.1.6",
        "256 KiB before the close frame arrive, the ping behind it is ignored",
        (Sent(FIN | TEXT, large.encode()), HELLO, NORMAL, Sent(PING)),
        (large, "Hello World!"),
    )


def payloads() -> Iterator[Case]:
    """7.3 and 7.5: how long a reason may be, and that it is UTF-8."""
    for number, sentence, payload in (
        ("7.3.1", "a close frame without code is answered in kind", b""),
        ("7.3.3", "a code is echoed", b"\x03\xe8"),
        ("7.3.4", "code and reason are echoed", b"\x03\xe8Hello World!"),
        ("7.3.5", "a reason of 123 bytes is echoed", b"\x03\xe8" + b"*" * 123),
    ):
        yield Case(number, sentence, (Sent(CLOSE, payload),), close=payload)
    for number, sentence, payload, code in (
        ("7.3.2", "half a code fails", b"\x03", 1002),
        ("7.3.6", "a reason of 124 bytes fails", b"\x03\xe8" + b"*" * 124, 1002),
        ("7.5.1", "a reason that is not UTF-8 fails", b"\x03\xe8\xce\xba\xed\xa0\x80", 1007),
    ):
        yield Case(number, sentence, (Sent(CLOSE, payload),), fault=code)


def codes() -> Iterator[Case]:
    """7.7 and 7.9: which codes may be sent."""
    for number, code in enumerate(VALID_CODES, 1):
        payload = code.to_bytes(2, "big")
        yield Case(f"7.7.{number}", f"{code} is echoed", (Sent(CLOSE, payload),), close=payload)
    for chapter, invalid in (("7.9", INVALID_CODES), ("7.13", UNDEFINED_CODES)):
        for number, code in enumerate(invalid, 1):
            yield Case(
                f"{chapter}.{number}",
                f"{code} fails",
                (Sent(CLOSE, code.to_bytes(2, "big")), HELLO),
                fault=1002,
            )


CASES = (*what_follows(), *payloads(), *codes())
