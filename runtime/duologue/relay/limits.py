"""Every bound of the communication server: name with unit, default, and the reason for it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayLimits:
    """The bounds of one relay. "Per address" means one IPv4 address or one IPv6 /64.

    Every value is checked when the object is made: a bound that is not above 0 is a `ValueError`.
    """

    # -- connections ----------------------------------------------------------------------------

    max_connections: int = 20_000
    """Spares and halves of pairs; above it who comes is answered HTTP 503. An idle one costs about
    15 KiB, so these cost some 300 MiB. Less, if the process may have fewer descriptors."""

    max_connections_per_address: int = 256
    """One office behind one address may be large; one attacker must not have all connections."""

    max_unauthenticated: int = 2_000
    """Connections that have not yet registered or asked, beside the others; 24 KiB each is what a
    flood can cost. One more, and of the address that has most of them the one gives way that has
    been silent longest."""

    max_unauthenticated_per_address: int = 64
    """So that a flood from one address leaves room for everybody else. One more, and that one of
    the same address gives way that has been silent longest."""

    new_connections_per_s_per_address: float = 20.0
    """In the long run. More are dropped before a byte of them is read. A spare that was handed over
    does not count: its listener has to come again."""

    new_connections_burst_per_address: int = 100
    """At once, for instance when an office comes back from a network failure."""

    # -- before it is known what a connection is ------------------------------------------------

    max_first_message_bytes: int = 4_096
    """The longest honest first message has some 400 bytes."""

    first_message_timeout_s: float = 10.0
    """From accepting the socket until the first message; TLS and the opening handshake included."""

    challenge_timeout_s: float = 5.0
    """For answering the challenge, which takes a listener less than a millisecond."""

    # -- listeners ------------------------------------------------------------------------------

    max_spares_per_key: int = 8
    """Conversations that can begin within one round trip of the listener."""

    spare_age_s: float = 3_600.0
    """Then a spare is closed and registered anew, so that access rights are looked at again."""

    registers_per_min_per_address: float = 60.0
    """Those that replace a spare that was handed over are not counted."""

    registers_per_min_per_key: float = 30.0
    """As above; stops a listener that registers in a circle."""

    ping_interval_s: float = 20.0
    """Below the 25 to 60 s after which home routers forget a silent connection."""

    ping_timeout_s: float = 10.0
    """A laptop on a train needs seconds. The original's 1 s drops good listeners."""

    # -- callers --------------------------------------------------------------------------------

    requests_per_min_per_address: float = 120.0
    """Each one uses up a spare of somebody."""

    requests_per_min_per_target: float = 600.0
    """What one key's listener has to answer at most, whoever asks."""

    requests_per_min_per_address_and_target: float = 60.0
    """So that one address cannot use up the spares of one key."""

    request_burst_per_address_and_target: int = 20
    """At once, for programs that dial for each piece of work, or many people behind one address."""

    half_share: float = 10.0
    """An address that was granted so many requests for one key lately, or has so many pairs with
    it, must leave to others half of what `requests_per_min_per_target` allows at once, and half of
    `max_pairs_per_key`; with more, more. So an address that is alone can have 22 of 64 pairs. An
    attacker has had some within its first second, an honest caller seldom has any."""

    share_half_life_s: float = 60.0
    """What an address was granted counts half after so long."""

    spare_wait_s: float = 2.0
    """How long a request waits for the listener to refill. Twice a slow round trip."""

    startup_grace_s: float = 10.0
    """From the start of the relay on: so long a request waits for a key that has not registered
    yet. Listeners of a relay that was restarted need some seconds to come back, and an original
    caller that is refused asks again only after five."""

    max_waiting_per_target: int = 32
    """Requests that may wait so for one key. Those of addresses that have had few are served first;
    when all places are taken, the address that has had most gives one up."""

    # -- pairs ----------------------------------------------------------------------------------

    max_pairs: int = 5_000
    """Joined conversations; each may hold up to 2 MB for a stopped reader."""

    max_pairs_per_key: int = 64
    """Counted for the listener's key. The caller's is a claim that nobody has proved."""

    max_frame_bytes: int = 1024 * 1024 + 1024
    """1 MiB and what sealing adds. Base-profile peers send 65,808 at most."""

    max_unsent_bytes: int = 2 * 1024 * 1024
    """Held for one slow reader. Reading from its partner stops long before, at 256 KiB."""

    write_timeout_s: float = 30.0
    """For a reader that takes nothing at all; then the pair is closed (`slow_reader`)."""

    idle_pair_s: float = 600.0
    """Without a byte either way. Encrypted peers send something every 20 s."""

    small_frame_bytes: int = 256
    """Frames up to this count for the next bound."""

    small_frames_per_s: float = 5_000.0
    """Per connection, in the long run. They cost the relay much more than they cost the sender;
    above it the relay reads from that connection more slowly."""

    read_bytes: int = 16_384
    """Read from one connection in one turn of the event loop, so that turns stay short."""

    # -- the end --------------------------------------------------------------------------------

    close_timeout_s: float = 10.0
    """From our close frame until the socket is dropped. A slow reader may have 1 MB to read."""

    drain_timeout_s: float = 30.0
    """From the first signal to the end of the process, whatever still runs."""

    def __post_init__(self) -> None:
        for name in self.__slots__:
            value = getattr(self, name)
            if not value > 0:
                raise ValueError(f"RelayLimits.{name} must be above 0 but is {value!r}")
