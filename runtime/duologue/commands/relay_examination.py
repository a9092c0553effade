"""What `duologue doctor` looks at, and what it finds."""

import asyncio
import socket
import ssl as tls
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from duologue.commands.wrong_door import Door, look
from duologue.connection.encrypted.allow import ANYONE
from duologue.endpoints.through_relay import dial, listen
from duologue.errors import (
    DuologueError,
    HandshakeFailed,
    PeerNotFound,
    RelayKeyChanged,
    RelayRefused,
)
from duologue.foreign_text import shown
from duologue.identity import Identity
from duologue.limits import Limits
from duologue.promisifier.promisifier import WebsocketPromisifier
from duologue.protocol.wording import words_of
from duologue.relay.addresses import is_loopback
from duologue.relay.client.known_relays import KnownRelays
from duologue.relay.limits import RelayLimits
from duologue.relay.messages import NOT_ALLOWED_TO_REGISTER, NOT_ALLOWED_TO_REQUEST

ECHO: Final = 1
ROUND_TRIPS: Final = 10
SLOW_S: Final = 0.5
CERTIFICATE_DAYS: Final = 14
MAX_CLOCK_SKEW_S: Final = 30.0

NOT_REACHED: Final = (
    "Is the relay running, and not just being stopped? Are host and port those in its "
    "configuration, and let through by the firewalls in between?"
)
NO_RELAY: Final = "Something else answers there: look at host, port and path, or at the proxy."
NOT_A_RELAY: Final = "a service is there, and no relay"
NO_RIGHT: Final = (
    "Give a token with the right `{0}` (--token, or DUOLOGUE_TOKEN), or a key that stands in the "
    "relay's allow-list (--key-file)."
)


class Verdict(StrEnum):
    """How one thing is."""

    good = "good"
    doubtful = "doubtful"
    bad = "bad"
    skipped = "skipped"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    what: str
    verdict: Verdict
    text: str
    advice: str = ""
    """What may help, where all is not well."""


def _advice_on_certificate(complaint: str) -> str:
    if "issuer" in complaint or "self-signed" in complaint or "self signed" in complaint:
        return (
            "If the authority is your own: --ca-file. If not, the relay must send the whole chain: "
            "its certificate_file is the one that is often called fullchain.pem."
        )
    if "mismatch" in complaint:
        return "Use the name that the certificate is for."
    if "expired" in complaint:
        return "It has to be renewed; the relay reads it again by itself."
    return ""


def _plain_text_of(error: OSError) -> str:
    """What is wrong, without numbers and nested addresses where that is possible."""
    if isinstance(error, ConnectionRefusedError):
        return "nobody listens there"
    if isinstance(error, socket.gaierror):
        return "no such name"
    return error.strerror or words_of(error)


def _itself(value: object) -> object:
    return value


LONG_S: Final = 2.0
"""For the refusal of an unknown key; what takes longer is explained."""

GRACE: Final = (
    f"a relay that was started within the last {RelayLimits().startup_grace_s:g} s lets those who "
    "were registered come back before it says no"
)


class Examination:
    """Looks at one thing after the other; stops where the next cannot be looked at."""

    def __init__(
        self,
        url: str,
        *,
        pins_file: Path,
        context: tls.SSLContext | None,
        token: str | None,
        identity: Identity,
        timeout_s: float,
        on_waiting: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`on_waiting` is told why something takes long, while it does."""
        self._on_waiting = on_waiting
        self.findings: list[Finding] = []
        self._may_request = True
        self._url = url
        self._pins_file = pins_file
        self._context = context
        self._token = token
        self._identity = identity
        self._timeout_s = timeout_s
        self._limits = Limits(connect_timeout_s=timeout_s, handshake_timeout_s=timeout_s)

    async def run(self) -> None:
        """All of it."""
        steps: tuple[Callable[[], Awaitable[bool]], ...] = (
            self._look_at_transport,
            self._look_at_clock,
            self._look_who_is_there,
            self._look_for_nobody,
            self._look_at_conversation,
        )
        for step in steps:
            if not await step():
                return

    def _note(self, what: str, verdict: Verdict, text: str, advice: str = "") -> bool:
        self.findings.append(Finding(what, verdict, shown(text), advice))
        return verdict is not Verdict.bad

    async def _look_at_transport(self) -> bool:
        parts = urlsplit(self._url)
        port = parts.port or (443 if self._context else 80)
        begun = time.perf_counter()
        try:
            async with asyncio.timeout(self._timeout_s):
                _, writer = await asyncio.open_connection(parts.hostname, port, ssl=self._context)
        except tls.SSLCertVerificationError as error:
            text = f"certificate refused: {error.verify_message}"
            return self._note(
                "TLS", Verdict.bad, text, _advice_on_certificate(error.verify_message)
            )
        except tls.SSLError as error:
            text = f"no TLS there: {error.reason or words_of(error)}"
            return self._note("TLS", Verdict.bad, text, "Perhaps it speaks plain text: ws://")
        except TimeoutError:
            text = f"{parts.hostname} does not answer at port {port}"
            return self._note("connection", Verdict.bad, text, NOT_REACHED)
        except (ConnectionResetError, ConnectionAbortedError):
            text = f"{parts.hostname}, port {port}: hangs up before a word is said"
            advice = "Perhaps it speaks plain text: ws://" if self._context else NOT_REACHED
            return self._note("connection", Verdict.bad, text, advice)
        except OSError as error:
            text = f"{parts.hostname}, port {port}: {_plain_text_of(error)}"
            return self._note("connection", Verdict.bad, text, NOT_REACHED)
        seconds = time.perf_counter() - begun
        self._note("connection", Verdict.good, f"reached in {seconds * 1000:.0f} ms")
        ssl_object: tls.SSLObject | None = writer.get_extra_info("ssl_object")
        writer.transport.abort()
        if ssl_object is None:
            if is_loopback(parts.hostname or ""):
                return self._note("TLS", Verdict.skipped, "plain text, on this machine only")
            text = "plain text: everybody on the way sees who speaks with whom"
            return self._note("TLS", Verdict.doubtful, text, "Use wss://, with a certificate.")
        certificate: dict[str, Any] = dict(ssl_object.getpeercert() or {})
        days = (tls.cert_time_to_seconds(certificate["notAfter"]) - time.time()) / 86_400
        text = f"{ssl_object.version()}, certificate good for {days:.0f} days"
        if days > CERTIFICATE_DAYS:
            return self._note("TLS", Verdict.good, text)
        return self._note("TLS", Verdict.doubtful, text, "See whether it is renewed by itself.")

    async def _look_at_clock(self) -> bool:
        """A request that is no WebSocket: servers answer with their date, if they have one."""
        parts = urlsplit(self._url)
        port = parts.port or (443 if self._context else 80)
        try:
            async with asyncio.timeout(self._timeout_s):
                reader, writer = await asyncio.open_connection(
                    parts.hostname, port, ssl=self._context
                )
                writer.write(f"GET / HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode())
                head = (await reader.read(4096)).decode("latin-1")
        except (OSError, TimeoutError) as error:
            return self._note("clock", Verdict.doubtful, f"no answer over HTTP: {words_of(error)}")
        writer.transport.abort()
        dates = [line[5:].strip() for line in head.splitlines() if line.lower().startswith("date:")]
        if not dates:
            return self._note("clock", Verdict.skipped, "the relay does not say its time")
        try:
            skew_s = abs(parsedate_to_datetime(dates[0]).timestamp() - time.time())
        except (ValueError, OverflowError):
            return self._note("clock", Verdict.doubtful, f"this is no date: {dates[0][:40]}")
        verdict = Verdict.good if skew_s <= MAX_CLOCK_SKEW_S else Verdict.doubtful
        return self._note("clock", verdict, f"differs by {skew_s:.0f} s")

    async def _look_who_is_there(self) -> bool:
        """A service here would be taken for a broken relay by every step that follows."""
        door = await look(self._url, context=self._context, timeout_s=self._timeout_s)
        if door is Door.SERVICE:
            advice = f"Write duologue call {self._url} --list: it shows what the service offers."
            return self._note("requests", Verdict.bad, NOT_A_RELAY, advice)
        if door is Door.ENCRYPTED_SERVICE:
            advice = (
                f"Write duologue call {self._url}#KEY --direct --list, with the key of the "
                "service: it shows what the service offers."
            )
            return self._note("requests", Verdict.bad, NOT_A_RELAY, advice)
        # What could not be told is what the next steps say more of.
        return True

    async def _look_for_nobody(self) -> bool:
        """A key that nobody can have registered: the relay must say so."""
        begun = time.perf_counter()
        loop = asyncio.get_running_loop()
        waiting = loop.call_later(LONG_S, self._on_waiting, f"Waiting: {GRACE}.")
        try:
            async with dial(
                self._url,
                to=Identity.generate().public_key,
                identity=self._identity,
                # A relay that was just started waits for whoever may be on the way back to it.
                timeout=self._timeout_s + RelayLimits().startup_grace_s,
                token=self._token,
                ssl=self._context,
                insecure_plaintext=True,
                limits=self._limits,
            ):
                text = "somebody answers for a key that was made a moment ago"
                return self._note("requests", Verdict.bad, text)
        except PeerNotFound:
            seconds = time.perf_counter() - begun
            text = f"an unknown key is refused, in {seconds * 1000:.0f} ms"
            if seconds > LONG_S:
                text += f": {GRACE}"
            return self._note("requests", Verdict.good, text)
        except RelayRefused as error:
            # Perhaps we may be found here, if not ask for others.
            self._may_request = not str(error).endswith(NOT_ALLOWED_TO_REQUEST)
            advice = "" if self._may_request else NO_RIGHT.format("request")
            if "did not answer as a WebSocket" in str(error) or " answered HTTP " in str(error):
                advice = NO_RELAY
            self._note("requests", Verdict.bad, words_of(error), advice)
            return not self._may_request
        except (DuologueError, ValueError) as error:
            advice = "" if self._context else "Perhaps it speaks TLS: wss://"
            return self._note("requests", Verdict.bad, words_of(error), advice)
        finally:
            waiting.cancel()

    async def _look_at_conversation(self) -> bool:
        pins = KnownRelays(self._pins_file)
        pinned = pins.pinned(self._url)

        def on_peer(peer: WebsocketPromisifier) -> None:
            peer.add_service(ECHO, _itself)

        try:
            async with listen(
                self._url,
                identity=self._identity,
                allow=ANYONE,
                spares=1,
                token=self._token,
                ssl=self._context,
                known_relays=self._pins_file,
                insecure_plaintext=True,
                loopback=True,
                limits=self._limits,
                on_peer=on_peer,
            ):
                self._note("registering", Verdict.good, "challenge answered, spare accepted")
                self._note_pin(pinned, pins.pinned(self._url))
                return await self._call_ourselves()
        except RelayKeyChanged as error:
            return self._note("relay key", Verdict.bad, words_of(error))
        except (DuologueError, ValueError) as error:
            is_ours = str(error) == NOT_ALLOWED_TO_REGISTER
            advice = NO_RIGHT.format("register") if is_ours else ""
            return self._note("registering", Verdict.bad, words_of(error), advice)

    def _note_pin(self, before: bytes | None, now: bytes | None) -> None:
        if now is None:
            text = "made anew at each start; cannot be pinned"
            self._note("relay key", Verdict.doubtful, text, "Give the relay a key_file.")
        elif before is None:
            self._note("relay key", Verdict.good, f"{now.hex()}, pinned from now on")
        else:
            self._note("relay key", Verdict.good, f"{now.hex()}, as pinned")

    async def _call_ourselves(self) -> bool:
        if not self._may_request:
            return self._note("handover", Verdict.skipped, "we may not ask for ourselves")
        caller = Identity.generate()
        begun = time.perf_counter()
        try:
            async with dial(
                self._url,
                to=self._identity.public_key,
                identity=caller,
                timeout=self._timeout_s,
                token=self._token,
                ssl=self._context,
                insecure_plaintext=True,
                limits=self._limits,
            ) as peer:
                seconds = time.perf_counter() - begun
                self._note("handover", Verdict.good, f"joined in {seconds * 1000:.0f} ms")
                trips = [await self._round_trip(peer, "x") for _ in range(ROUND_TRIPS)]
                typical = sorted(trips)[ROUND_TRIPS // 2]
                verdict = Verdict.good if typical < SLOW_S else Verdict.doubtful
                self._note("round trip", verdict, f"{typical * 1000:.1f} ms")
                await self._round_trip(peer, "x" * 500_000)
                return self._note("large message", Verdict.good, "500 kB there and back")
        except HandshakeFailed as error:
            return self._note("handover", Verdict.bad, words_of(error))
        except DuologueError as error:
            return self._note("conversation", Verdict.bad, words_of(error))

    async def _round_trip(self, peer: WebsocketPromisifier, value: str) -> float:
        begun = time.perf_counter()
        async with asyncio.timeout(self._timeout_s):
            await peer.send(ECHO, value)
        return time.perf_counter() - begun
