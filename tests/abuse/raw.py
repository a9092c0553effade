"""WebSockets by hand, for those who behave badly: sockets and bytes, nothing of the project."""

import contextlib
import socket
import struct

STRANGE = "127.0.2.1"
"""Where attackers come from, unless they come from many addresses. (Linux has all of 127/8.)"""


def opening(port: int) -> bytes:
    """A request for a WebSocket."""
    return (
        f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    ).encode()


def frame(opcode: int, payload: bytes = b"", *, fin: bool = True) -> bytes:
    """A masked frame; its key is zero, so that the payload stays as it is."""
    length = len(payload)
    first = fin << 7 | opcode
    if length < 126:
        head = bytes((first, 0x80 | length))
    elif length < 65_536:
        head = struct.pack(">BBH", first, 0xFE, length)
    else:
        head = struct.pack(">BBQ", first, 0xFF, length)
    return head + bytes(4) + payload


def text(payload: str) -> bytes:
    """A text message in one frame."""
    return frame(1, payload.encode())


def in_pieces(payload: bytes, size: int) -> bytes:
    """A text message in frames of `size` bytes each."""
    parts = [payload[start : start + size] for start in range(0, len(payload), size)]
    last = len(parts) - 1
    return b"".join(
        frame(0 if number else 1, part, fin=number == last) for number, part in enumerate(parts)
    )


def connected(port: int, said: bytes = b"", address: str = STRANGE) -> socket.socket:
    """A socket that does not block, over which `said` is on its way. Raises `OSError`."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.settimeout(5)
    sock.bind((address, 0))
    sock.connect(("127.0.0.1", port))
    if said:
        sock.sendall(said)
    sock.setblocking(False)
    return sock


def upgraded(port: int, address: str = STRANGE) -> socket.socket:
    """A WebSocket, after its opening handshake. Raises `OSError`."""
    sock = connected(port, opening(port), address)
    sock.settimeout(5)
    answer = b""
    while b"\r\n\r\n" not in answer:
        piece = sock.recv(4096)
        if not piece:
            raise ConnectionResetError
        answer += piece
    if not answer.startswith(b"HTTP/1.1 101"):
        raise ConnectionRefusedError
    sock.setblocking(False)
    return sock


def is_open(sock: socket.socket) -> bool:
    """Whether the other side has not ended it; reads and forgets what has come."""
    try:
        while piece := sock.recv(65_536):
            if piece.startswith(b"\x88"):
                return False
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def close(sock: socket.socket) -> None:
    """End it at once."""
    with contextlib.suppress(OSError):
        sock.close()
