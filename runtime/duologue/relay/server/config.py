"""How a relay is to be run: a TOML file, then the environment, then flags. The later one wins.

Unknown names are errors everywhere: a misspelt limit must not be a limit that does not hold.
"""

import os
import re
import socket
import tomllib
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from duologue.errors import UnsafeKey
from duologue.protocol.keys import public_key_from_hex
from duologue.protocol.wording import words_of
from duologue.relay.addresses import is_loopback, parse_host_port
from duologue.relay.cluster_limits import ClusterLimits
from duologue.relay.limits import RelayLimits
from duologue.relay.server.setting_places import place_of, unknown_setting

ENVIRONMENT_PREFIX: Final = "DUOLOGUE_RELAY_"
LEVEL: Final = "__"
"""Between the names of a table and of its key in the environment: DUOLOGUE_RELAY_TLS__KEY_FILE."""

_LIMIT: Final = re.compile(r"\w+Limits\.(\w+)")
"""How limits begin what they say against a value."""

Port = Annotated[int, Field(ge=0, le=65_535)]


class BadConfiguration(ValueError):
    """What is configured makes no sense. The text names each place, and never a value."""


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class AccessTable(_Table):
    """Who may use the relay."""

    mode: Literal["open", "restricted"] | None = None
    """`open` lets everybody do everything, which is for this machine only. `restricted` needs at
    least one of the files. Default: open on loopback without files, else restricted."""
    allow_file: Path | None = None
    """Public keys and their rights."""
    token_file: Path | None = None
    """Hashes of bearer tokens and their rights."""


class TlsTable(_Table):
    """The certificate of the relay. Both files are read again when they change."""

    certificate_file: Path
    """The certificate and those that lead to a known authority, PEM."""
    key_file: Path
    """Its secret key, PEM."""


class AdminTable(_Table):
    """Health, metrics and version, on a port of their own."""

    host: str = "127.0.0.1"
    port: Port


class ClusterTlsTable(_Table):
    """Certificates for the connections between nodes, on both sides; TLS 1.3."""

    certificate_file: Path
    """Of this node, PEM; for the host that the others dial."""
    key_file: Path
    """Its secret key, PEM."""
    ca_file: Path
    """Who must have signed the certificates of the others, PEM."""


def _default_node() -> str:
    """The host name, as far as it can be a node's name."""
    host = socket.gethostname().partition(".")[0].lower()
    return re.sub("[^a-z0-9-]", "-", host)[:32]


Name = Annotated[str, Field(pattern="^[a-z0-9-]{1,32}$")]


class ClusterTable(_Table):
    """The relay is one of several that are one, found through NATS. See RELAY.md."""

    name: Name
    """Of the cluster: the same on all nodes."""
    node: Name = Field(default_factory=_default_node)
    """Of this node: each name once. Default: the host name."""
    secret_file: Path
    """The cluster's secret, 64 hex digits, which others may not read; the same on all nodes."""
    bus: Annotated[tuple[str, ...], Field(min_length=1, max_length=8)]
    """NATS servers, as in `nats://10.0.0.11:4222` or `tls://...`, each of which stands alone."""
    bus_user: str | None = None
    bus_password_file: Path | None = None
    """Holds the password in one line."""
    bus_ca_file: Path | None = None
    """Who must have signed the certificates of `tls://` servers; default: the system's list."""
    listen: str
    """Where the other nodes come in, as host:port; not for clients."""
    advertise: str | None = None
    """What the other nodes dial, if that is not `listen`."""
    tls: ClusterTlsTable | None = None
    limits: ClusterLimits = ClusterLimits()

    @model_validator(mode="after")
    def _check(self) -> "ClusterTable":
        for number, url in enumerate(self.bus, start=1):
            _check_bus(number, url)
        if len(set(self.bus)) < len(self.bus):
            raise ValueError("bus: the same server twice")
        if self.bus_ca_file is not None and not any(each.startswith("tls:") for each in self.bus):
            raise ValueError("bus_ca_file: is for tls:// servers, and bus has none")
        try:
            host, _ = parse_host_port(self.listen)
            _, port = parse_host_port(self.advertise or self.listen)
        except ValueError as error:
            raise ValueError(f"listen, advertise: {error}") from None
        if self.advertise is None and host in ("0.0.0.0", "::"):
            raise ValueError("advertise: is needed where listen is for all addresses")
        if self.advertise is not None and port == 0:
            raise ValueError("advertise: needs a port")
        if (self.bus_user is None) != (self.bus_password_file is None):
            raise ValueError("bus_user, bus_password_file: give both, or neither")
        return self


def _check_bus(number: int, url: str) -> None:
    parts, is_good = None, False
    try:
        parts = urlsplit(url)
        # `port` is an error where it is no number.
        is_good = bool(parts.hostname) and parts.port != 0
    except ValueError:
        pass
    if parts is not None and (parts.username is not None or parts.password is not None):
        raise ValueError("bus: no user or password in a URL; use bus_user and bus_password_file")
    # What urlsplit lets pass: blanks, several servers in one, and what stands behind the port.
    is_good = is_good and url.startswith(("nats://", "tls://")) and url.count("/") == 2
    if not is_good or set(url) & set(" ,?#"):
        raise ValueError(f"bus: expected nats://HOST:PORT or tls://HOST:PORT as server {number}")


class LogTable(_Table):
    """What is logged, to standard error."""

    format: Literal["text", "json"] = "text"
    level: Literal["debug", "info", "warning", "error"] = "info"
    keys: Literal["hashed", "full"] = "hashed"
    """`full` shows public keys as they are; for finding faults."""


class RelayConfiguration(_Table):
    """Everything that can be said about a relay."""

    host: str = "127.0.0.1"
    """The address to listen at; `0.0.0.0` or `::` for all."""
    port: Port = 8787
    names: tuple[str, ...] = ()
    """Names by which clients reach the relay, as in `wss://NAME`; others are refused, so that web
    pages cannot point a name of their own here."""
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    """Networks of proxies in front of the relay, as in `127.0.0.1/32`. The limits per address then
    hold for the address that such a proxy names last in `X-Forwarded-For`."""
    origins: tuple[str, ...] = ()
    """Origins of web pages that may connect. Programs that are no browsers send none."""
    key_file: Path | None = None
    """The relay's own key; made if there is none. Without it the key changes at each start, and
    clients cannot know the relay again."""
    next_key: str | None = None
    """The public key, 64 hex digits, that will stand in `key_file` one day. Listeners that know
    the present key learn it, and accept either from then on."""
    insecure_plaintext: bool = False
    """Allows plain ws: for others than this machine, for instance behind a proxy that ends TLS."""
    meeting_points: bool = False
    """Serves meeting points too: without keys, readable by the relay; for development."""
    access: AccessTable = AccessTable()
    tls: TlsTable | None = None
    admin: AdminTable | None = None
    cluster: ClusterTable | None = None
    log: LogTable = LogTable()
    limits: RelayLimits = RelayLimits()

    @property
    def is_open(self) -> bool:
        """Whether everybody may do everything."""
        has_files = self.access.allow_file is not None or self.access.token_file is not None
        if self.access.mode is None:
            return not self._is_reachable and not has_files
        return self.access.mode == "open"

    @property
    def _is_reachable(self) -> bool:
        # Through a proxy on this machine the whole world comes from 127.0.0.1.
        return not is_loopback(self.host) or bool(self.trusted_proxies)

    @model_validator(mode="after")
    def _check(self) -> "RelayConfiguration":
        reachable = self._is_reachable
        files = (self.access.allow_file, self.access.token_file)
        if self.is_open and reachable:
            raise ValueError(
                "access.mode: open is for loopback addresses without a proxy in front; use an "
                "allow_file or token_file"
            )
        if not self.is_open and files == (None, None):
            raise ValueError(
                "access: others can reach this address; say who may, in an allow_file or token_file"
            )
        if self.is_open and files != (None, None):
            raise ValueError(
                "access: mode open lets everybody in; leave out the files, or the mode"
            )
        if self.next_key is not None:
            if self.key_file is None:
                raise ValueError("next_key: only a relay with a key_file has a key to be followed")
            try:
                public_key_from_hex(self.next_key)
            except UnsafeKey as error:
                raise ValueError(f"next_key: {error}") from None
        admin = self.admin
        if (
            admin is not None
            and admin.port == self.port != 0
            and self.host in (admin.host, "0.0.0.0", "::")
        ):
            raise ValueError("admin: its port is the one that clients come to; it needs its own")
        if self.cluster is not None and self.key_file is None:
            raise ValueError(
                "cluster: needs a key_file, the same on all nodes: listeners pin one key per URL"
            )
        if self.cluster is not None and self.meeting_points:
            raise ValueError("cluster: meeting_points are for a relay that is alone")
        for network in self.trusted_proxies:
            if network.prefixlen == 0:
                raise ValueError(
                    "trusted_proxies: a network of all addresses would let anybody name any address"
                )
        if not is_loopback(self.host) and self.tls is None and not self.insecure_plaintext:
            raise ValueError(
                "tls: others can reach this address; give a certificate, or allow plain text with "
                "insecure_plaintext"
            )
        if self.admin is not None and not is_loopback(self.admin.host):
            raise ValueError("admin.host: health and metrics are for loopback addresses only")
        return self


def read_configuration(
    file: Path | None, environment: Mapping[str, str], flags: Mapping[str, Any]
) -> RelayConfiguration:
    """The configuration that all three say together; tables are merged key by key.

    Raises:
        BadConfiguration: something is unknown, misshapen, or not allowed.
        OSError: the file cannot be read.
    """
    values: dict[str, Any] = {}
    source: tuple[str, str] | None = None
    if file is not None:
        try:
            source = file.name, file.read_text(encoding="utf-8")
            values = tomllib.loads(source[1])
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise BadConfiguration(f"{file.name}: {words_of(error)}") from error
    _merge(values, _from_environment(environment))
    _merge(values, flags)
    try:
        return RelayConfiguration.model_validate(values)
    except ValidationError as error:
        variables = {_path_of(name): name for name in environment if _is_ours(name)}
        lines: list[str] = []
        for each in error.errors(include_input=False, include_url=False, include_context=False):
            path = tuple(str(part) for part in each["loc"])
            said = each["msg"].removeprefix("Value error, ")
            limit = _LIMIT.match(said)
            if limit is not None:
                path, said = (*path, limit[1]), f"{limit[1]}{said[limit.end() :]}"
            if each["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
                said = unknown_setting(path, RelayConfiguration)
            where = place_of(path, flags=flags, variables=variables, file=source) if path else ""
            # A flag and a variable of the environment are named like their setting.
            is_named = where.startswith("--") or where in variables.values()
            name = "" if is_named else ".".join(path)
            lines.append(": ".join(part for part in (where, name, said) if part))
        raise BadConfiguration("\n".join(lines)) from None


def _is_ours(variable: str) -> bool:
    return variable.startswith(ENVIRONMENT_PREFIX)


def _path_of(variable: str) -> tuple[str, ...]:
    return tuple(variable.removeprefix(ENVIRONMENT_PREFIX).lower().split(LEVEL))


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, text in environment.items():
        if not _is_ours(name):
            continue
        path = [*_path_of(name)]
        table = values
        for each in path[:-1]:
            table = table.setdefault(each, {})
        value: Any = text
        if path in (["names"], ["origins"], ["trusted_proxies"], ["cluster", "bus"]):
            value = [each for each in text.replace(",", " ").split() if each]
        table[path[-1]] = value
    return values


def _merge(values: dict[str, Any], more: Mapping[str, Any]) -> None:
    for name, value in more.items():
        if isinstance(value, Mapping) and isinstance(values.get(name), dict):
            _merge(values[name], value)  # pyright: ignore[reportUnknownArgumentType]
        else:
            values[name] = value


def environment_of_process() -> Mapping[str, str]:
    """The environment, for `read_configuration`."""
    return os.environ
