"""Reading what py-spy writes."""

import pytest

from tests.bench.profiling import OTHER, kind_of, shares, table_of


@pytest.mark.parametrize(
    ("stack", "kind"),
    [
        ("run (asyncio/base_events.py:1);epoll_wait (libc.so.6)", "waiting for the other side"),
        ("write (asyncio/x.py:1);sock_send (socketmodule.c:1);send (libc.so.6)", "kernel send"),
        ("take (duologue/connection/frames.py:9);memcpy (libc.so.6)", "WebSocket frames"),
        ("decode (duologue/typed/params.py:6);0x1 (pydantic_core/_p.so)", "pydantic, msgspec"),
        ("decode (duologue/typed/params.py:6);0x1 (libc.so.6)", "typed layer"),
        ("echo (duologue/bench/duologue_echo.py:3)", "handler, caller's own code"),
        ("main (somewhere.py:1)", OTHER),
    ],
)
def test_a_sample_counts_for_the_nearest_known_frame(stack: str, kind: str) -> None:
    assert kind_of(stack) == kind


def test_shares_leave_out_threads_that_only_wait() -> None:
    lines = [
        "a (duologue/typed/x.py:1) 3",
        "b (duologue/relay/x.py:1) 1",
        "run (threading.py:1);read (libc.so.6) 96",
        "",
    ]
    assert shares(lines) == {"typed layer": 0.75, "relay": 0.25}


def test_the_table_leaves_out_what_nobody_does() -> None:
    text = table_of({"server": {"typed layer": 0.6, "relay": 0.001}, "client": {OTHER: 0.4}})
    assert text.splitlines()[2:] == ["| typed layer | 60 % | 0 % |", f"| {OTHER} | 0 % | 40 % |"]
