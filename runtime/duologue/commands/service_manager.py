"""Telling systemd how the relay is (sd_notify), where it is run by systemd."""

import contextlib
import os
import socket


def notify(*states: str) -> None:
    """Send states such as `READY=1`; does nothing elsewhere."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address or not hasattr(socket, "AF_UNIX"):
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    # If it cannot be told, the relay goes on: systemd will say what it thinks of that.
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.sendto("\n".join(states).encode(), address)


def watchdog_interval_s() -> float | None:
    """How often `WATCHDOG=1` is wanted; None if it is not. Half of what systemd allows."""
    if os.environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    text = os.environ.get("WATCHDOG_USEC", "")
    return int(text) / 2_000_000 if text.isdecimal() and int(text) > 0 else None
