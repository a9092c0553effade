"""What can be the name of a host, and what an address."""

from urllib.parse import urlsplit

from duologue.connection.addresses import ip_literal


def check_host_name(host: str) -> None:
    """Raises ValueError unless `host` is an IP address or can be looked up as a name."""
    if ip_literal(host) is not None:
        return
    try:
        host.encode("idna")
    except UnicodeError as error:
        # A UnicodeError tells of encodings; what is wrong is the name.
        raise ValueError(f"{host!a} is no name of a host: {error.__cause__ or error}") from None


def check_address(url: str) -> None:
    """Raises ValueError unless `url` looks like a ws: or wss: address; the text says what to write.

    Nothing that may be secret is repeated: no user, no password, no query.
    """
    if "://" not in url:
        place = url.rpartition("@")[2].partition("?")[0].removeprefix("//")
        raise ValueError(
            f"not a ws: or wss: address: it has no scheme; write ws://{place}, or wss://{place} "
            "for TLS"
        )
    try:
        parts = urlsplit(url)
        scheme, host, _port = parts.scheme, parts.hostname, parts.port
    except ValueError as error:
        raise ValueError(f"not a ws: or wss: address: {error}") from None
    if scheme not in ("ws", "wss"):
        instead = "wss" if scheme == "https" else "ws"
        raise ValueError(
            f"not a ws: or wss: address: it begins with {scheme}:, write {instead}: instead"
        )
    if not host:
        raise ValueError("not a ws: or wss: address: it names no host")
    if parts.fragment:
        raise ValueError(
            "not a ws: or wss: address: leave out the # and what stands behind it; to whom one "
            "speaks is an argument of its own, to="
        )
