"""Every bound of the runtime: its name with the unit, its default, and the reason for it.

Who meets one, and what becomes of others:

    limit                                   who meets it                        the others
    max_message_bytes, sending              that call, or that answer, fails    nothing
    max_message_bytes, receiving            the connection is closed, 1009      what is open fails
    max_json_depth, MAX_TYPED_DEPTH,        that request is refused, that       nothing
      max_json_objects, max_json_values     answer fails its call
    MAX_DESCRIBED_BYTES                     who asks is told that it is larger  nothing
    MAX_HELLO_BYTES, MAX_HELLO_SERVICES,    whoever says more, or nothing, is   nothing
      MAX_HELLO_FEATURES, MAX_HELLO_TEXT,   served as a base peer
      MAX_SERVICE_BASE, hello_timeout_s
    max_open_calls, the peer's maxCalls     the call waits                      nothing
    max_parked_calls, max_parked_bytes      that call fails                     nothing
    max_running_calls, max_running_bytes    the peer's call waits               nothing
    max_running_calls_per_key,              calls of that key, or address,      nothing
      max_running_calls_per_address         wait
    max_running_calls_total,                calls of those who have most        nothing
      max_running_bytes_total               wait
    max_waiting_calls, max_waiting_bytes    the peer's call is refused; who     nothing
                                            takes no answers is not read
    max_waiting_bytes_total                 calls of those who have most wait-  nothing
                                            ing are refused
    max_held_answer_bytes, and _total       that answer becomes LIMIT_EXCEEDED; nothing
                                            with _total, of who holds most
    max_nested_calls                        the peer's call is refused          nothing
    STALLED_CALLS_PATIENCE_S                calls behind those that wait for it nothing
    MAX_TIMES_SENT                          that call fails                     nothing
    MAX_TIMEOUT_MS                          the peer learns of no deadline      nothing
    MAX_REPORTED_PROBLEMS,                  that answer, that reason says less  nothing
      MAX_CLOSE_REASON_BYTES
    max_invalid_messages,                   the connection is closed            what is open fails
      max_unasked_messages,
      MAX_LATE_MESSAGES
    more unsent than the connection takes   calls and answers wait; events      nothing
                                            are dropped and counted
    MAX_UNANSWERED_EVENTS,                  that base peer misses events        nothing
      CONGESTED_ABOVE_BYTES,
      REFUSED_EVENT_PAUSE_S
    MAX_CONTROL_FRAMES_PER_S,               the connection is closed            what is open fails
      MAX_SHORT_FRAGMENTS, MAX_FRAGMENTS,
      MAX_SEALED_FRAME_BYTES,
      MAX_HANDSHAKE_TEXT
    MAX_SEALED_MESSAGE_BYTES, MAX_PARTS     messages, bytes travel otherwise    nothing
    MAX_REMEMBERED_FLIGHTS,                 the oldest flights are forgotten    nothing
      FLIGHT_MEMORY_S
    MAX_SHORT_FRAGMENTS_PER_S,              that connection is read more        nothing
      MAX_MESSAGES_AT_ONCE,                 slowly
      MAX_REPLAYED_EVENTS_PER_S
    write_timeout_s, max_unsent_bytes       the connection is ended             what is open fails
    max_unsent_bytes_total                  of the key or address that has most nothing
                                            unsent, the connection with most
                                            is ended
    max_outgoing_streams, and _total        the peer's stream waits             nothing
    max_outgoing_stream_bytes, and _total,  the peer's streams rest             nothing
      stream_file_rest_s
    max_stream_buffer_bytes                 the peer is not read for a while    they come later
    max_event_queue_bytes, and _total, the  that subscriber misses events and   nothing
      queue of a subscription               is told, or its subscription ends
    MAX_SUBSCRIPTIONS                       that subscription is refused        nothing
    MAX_META_ENTRIES, MAX_META_BYTES,       that call is refused; of an answer, nothing
      MAX_META_KEY_CHARACTERS               its metadata is dropped
    MAX_EVENT_KEYS, MAX_KEPT_EVENT_BYTES    the oldest events are forgotten;    nothing
                                            who comes back is told of a gap
    MAX_EVENT_LINEAGES                      who comes back is told of a gap     nothing
                                            that may be none
    MAX_EVENT_KEY_BYTES                     that event is not emitted, that     nothing
                                            subscription refused
    the window of a typed stream            its sender waits; who overruns it   nothing
                                            is ended
    max_stream_window_bytes                 windows do not grow                 nothing
    max_stream_backlog_bytes,               streams that are not read fail      nothing
      stream_stall_timeout_s
    call_timeout_s, connect_timeout_s       that call, that try                 nothing
    keepalive_interval_s                    who is silent is asked              nothing
    keepalive_timeout_s,                    the connection is ended             what is open fails
      fragment_timeout_s, close_timeout_s,
      message_stall_timeout_s
    handshake_timeout_s, confirm_timeout_s, who has not proved anything         nothing
      max_unconfirmed and _per_key,
      unconfirmed_grace_s
    confirmation_wait_s, hold_back_s        that connection comes later         nothing
    reconnect_pause_s,                      our own tries to come back wait     nothing
      max_reconnect_pause_s
    relay_ping_grace_s                      a silent relay is left              who is there waits
    max_connections, DESCRIPTOR_RESERVE     the newcomer is refused             nothing
    max_newcomers,                          of the address that has most of     nothing
      max_newcomers_per_address               them, the one silent longest
    opening_silence_s                       who sends nothing at all            nothing
    drain_timeout_s, cancel_timeout_s       handlers of a side that ends        nothing
"""

from dataclasses import dataclass
from typing import Final

from duologue.arguments import refuse

MAX_SAFE_INTEGER: Final = 2**53 - 1
"""The largest integer every JSON reader keeps exact; ids and plain `int` fields end here."""

MAX_CLOSE_REASON_BYTES: Final = 123
"""What a WebSocket close frame can hold beside its code (RFC 6455 5.5; base profile 8.3)."""

MAX_UNANSWERED_EVENTS: Final = 64
"""Events sent to one listener that it has not answered; above it, it misses some."""

REFUSED_EVENT_PAUSE_S: Final = 30.0
"""How long a base peer that has refused an event is left in peace; then it may listen."""

MAX_SUBSCRIPTIONS: Final = 1024
"""Of the other side to our events, over one connection; above it one is refused."""

MAX_TIMEOUT_MS: Final = 86_400_000
"""A day: the longest time that a request says it has left. Whoever waits longer says nothing, and
the other side knows of no deadline."""

MAX_META_ENTRIES: Final = 64
"""Of the metadata of a call, or of its answer. Above it one's own is not sent, that of a request
refused, that of an answer dropped and counted."""

MAX_META_KEY_CHARACTERS: Final = 64
"""Of each key of metadata."""

MAX_META_BYTES: Final = 8192
"""Keys and values of the metadata of one call, as UTF-8: it is in memory as long as the call."""

MAX_EVENT_KEYS: Final = 10_000
"""Keys of one event that are remembered; the least recently used is forgotten first."""

MAX_KEPT_EVENT_BYTES: Final = 4 * 1024 * 1024
"""What one event of a service keeps for those who come late, all its keys together."""

MAX_REPLAYED_EVENTS_PER_S: Final = 100_000
"""Past events that the subscriptions of one key, or one address, are given, on average. To find one
costs 0.5 us, and a wish for 30,000 of them fits into 60 bytes. Above it, and in one connection
above `REPLAYED_EVENTS_AT_ONCE`, that is read more slowly, and nothing is lost."""

REPLAYED_EVENTS_AT_ONCE: Final = 1000
"""Of those, how many make no difference: one subscription, as most of them are, to all keys."""

MAX_EVENT_KEY_BYTES: Final = 256
"""JSON of the key of an event, or of one that is subscribed to. Each may be remembered."""

MAX_EVENT_LINEAGES: Final = 10_000
"""Subscriptions that had an event of a kind for themselves alone, and of which the number of the
newest is remembered. Who comes back and is not remembered may be told of a gap that is none."""

CONGESTED_ABOVE_BYTES: Final = 262_144
"""A listener with more unsent than this misses events."""

MAX_TIMES_SENT: Final = 5
"""Connections that a call which may be repeated is sent over. One that has lost so many of them is
perhaps what ends them: too large an answer, say, or a crash of the other side."""

MAX_REPORTED_PROBLEMS: Final = 20
"""Paths named in one INVALID_PARAMS answer, so that a hostile payload cannot buy a long one."""

SHORT_FRAGMENT_BYTES: Final = 64
"""Frames of one WebSocket message that carry less than this are counted. Of longer ones
`max_message_bytes` allows no more than a machine can bear."""

MAX_SHORT_FRAGMENTS: Final = 4096
"""Short frames one WebSocket message may come in; empty ones would never reach another limit."""

MAX_HELLO_BYTES: Final = 256 * 1024
"""JSON of the other side's hello, some of which is kept as long as the connection."""

MAX_HELLO_SERVICES: Final = 1000
"""Services that a hello lists; each is looked for by name, one after the other, once."""

MAX_DESCRIBED_BYTES: Final = 1024 * 1024
"""JSON of a contract that is shown to whoever asks, with all that it builds on."""

MAX_HELLO_FEATURES: Final = 64
"""Features that a hello lists; there are six."""

MAX_HELLO_TEXT: Final = 256
"""Characters of each text in a hello: names of services, digests of 71, keys of 64."""

MAX_SERVICE_BASE: Final = MAX_SAFE_INTEGER - 16_383
"""The largest base of a service: with the largest id of a contract it is still a number."""

MAX_SHORT_FRAGMENTS_PER_S: Final = 10_000
"""Of those, on average, in all messages of a connection. Each costs as much as a whole small
message and may carry a single byte: so many are some 3 % of a processor. Above it a connection is
read more slowly, and nothing is lost."""

MAX_CONTROL_FRAMES_PER_S: Final = 1000
"""Pings, pongs and the like. They cost much more time to read than to send; nobody who is honest
needs a thousand in a second."""

MAX_MESSAGES_AT_ONCE: Final = 64
"""Messages of one connection, or pieces of them, that are read in one turn of the event loop, as
far as their sizes can be foretold: some 0.3 ms where they are small. Others come in between."""

WAITING_CALL_BYTES: Final = 512
"""What a call that waits takes beside its arguments: 290 as Python counts them, and what the
allocator adds."""

STALLED_CALLS_PATIENCE_S: Final = 5.0
"""Seconds for which every running call has waited for the peer, and nothing has begun or ended,
until one that waits in line is let in beyond the room: it may be what they wait for. Peers of this
library say which calls are, and of others it mostly comes later: those need no patience. Shorter,
and a peer that is only slow would have calls let in that nothing waits for."""

MAX_LATE_MESSAGES: Final = 131_072
"""Chunks, items and events that come when nobody waits for them any more, since this side last gave
up a call, stopped a stream or a subscription, or answered a call with items. More than are on their
way then: 8 MiB of buffers hold so many of the smallest."""

MAX_TYPED_DEPTH: Final = 190
"""Nested lists and objects in one value of a contract's type, sent or received. pydantic's JSON
reader ends at 201 levels and cannot be told otherwise; the message around the value has some."""

PART_ABOVE_BYTES: Final = 4096
"""Bytes longer than this travel beside the JSON, between peers that both know how. Below it a
message of its own costs more than base64 does."""

MAX_PARTS: Final = 64
"""Byte strings that may travel beside one message; what is more stays inside, in base64."""

MAX_SEALED_MESSAGE_BYTES: Final = 65_536
"""What one encrypted frame carries at most: one fragment (base profile 6.4)."""

MAX_SEALED_FRAME_BYTES: Final = 128 * 1024
"""The largest encrypted frame that is looked at (base profile 2). No sender makes one above 65,808
bytes; the rest is for senders that pad more."""

MAX_HANDSHAKE_TEXT: Final = 4096
"""Characters of one handshake message; ours have 190."""

MAX_REMEMBERED_FLIGHTS: Final = 4096
"""First flights that an acceptor remembers, to know a repeated one."""

FLIGHT_MEMORY_S: Final = 600.0
"""How long it remembers them. Defence in depth: a repeated flight proves nothing anyway."""

MAX_FRAGMENTS: Final = 4096
"""Fragments of one message, empty ones included, unless its size limit needs more."""

DESCRIPTOR_RESERVE: Final = 64
"""Descriptors that a server's connections leave to the rest of the program: its files, its log, its
own connections. Where the system allows fewer than connections and newcomers want, they get less,
and a warning at the start says so."""


DEFAULT_STREAM_STALL_S: Final = 20.0
"""`Limits.stream_stall_timeout_s`, unless a shorter `keepalive_timeout_s` asks for less."""


DEFAULT_RUNNING_CALLS: Final = 256
"""`Limits.max_running_calls`."""

SHARES_OF_RUNNING_CALLS: Final = {
    "max_running_calls_total": 4,
    "max_running_calls_per_key": 2,
    "max_running_calls_per_address": 3,
}
"""How many times `max_running_calls` these are, where that is above its default and they are not
set: whoever lets one connection run more means it, and others still have room beside it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The bounds of one connection, or of one server where the name says so.

    Every value is checked when the object is made: one that is not above 0 is a `ValueError`, and
    so is one that is not below another where its text says that it has to be.
    """

    max_message_bytes: int = 1024 * 1024
    """One message, whole. `max_json_objects` and `max_json_values` bound what reading it costs."""

    max_json_depth: int = 256
    """Nested lists and objects in one message (base profile 7.2); of typed values,
    `MAX_TYPED_DEPTH`."""

    max_json_objects: int = 16_384
    """Objects and lists in one message. Each may become a model: up to 1 KiB and 5 us of the
    loop's time. A request above it is answered LIMIT_EXCEEDED, an answer fails its call."""

    max_json_values: int = 131_072
    """Commas, objects and lists in one message: that is, its values. They cost up to 128 bytes and
    1 us each. With both limits no message costs more than 150 ms of CPU time and 32 MiB."""

    max_open_calls: int = 1024
    """Own calls that wait for their answer. More than a peer would queue is a mistake here."""

    max_parked_calls: int = 16_384
    """Own calls that have not left: too many are open, the connection takes no more at present, or
    there is none. What waits here is the caller's own; above it a call fails, that one alone."""

    max_parked_bytes: int = 64 * 1024 * 1024
    """Arguments that those may hold together."""

    max_running_calls: int = DEFAULT_RUNNING_CALLS
    """Handlers that run for the peer at once; a handler counts until it has really ended. With more
    of them the defaults of the next three, `SHARES_OF_RUNNING_CALLS`, are as many times larger."""

    max_running_calls_total: int = 1024
    """The same for all peers of one server, and for those whose connection has ended: a handler
    that ignores its cancellation counts on. Nobody may have more than are left for others, so that
    there is one for every newcomer: `max_connections` of them. Servers whose peers keep calls or
    streams open for long want more. Arguments too small to be weighed (256 characters) take at
    most 130 KiB each, so these take 130 MiB at worst."""

    max_running_calls_per_key: int = 512
    """The same for all connections of one proven key, those that have ended included: who comes
    anew again and again runs no more than twice what one connection may."""

    max_running_calls_per_address: int = 768
    """The same for all connections without a key from one address, those that have ended included:
    some are left for everybody else. For a proxy that all come through, set it higher."""

    max_running_bytes: int = 64 * 1024 * 1024
    """What the arguments of those handlers may take in memory, as estimated from their JSON: at
    most 34 MiB for one message, so two of the worst run at once. Calls wait undecoded until there
    is room; one that finds nothing else running always runs."""

    max_running_bytes_total: int = 256 * 1024 * 1024
    """The same for all peers of one server; nobody may have more than is left for others."""

    max_nested_calls: int = 256
    """Handlers that may run beyond those, while each that runs waits for an own call to the same
    peer: what arrives then may be what they wait for. Above it calls are answered LIMIT_EXCEEDED at
    once, or they would wait for themselves. So many own calls made in handlers may be open beyond
    `max_open_calls`, too."""

    max_waiting_calls: int = 1024
    """Calls of the peer that wait for a free handler; above it they are answered LIMIT_EXCEEDED."""

    max_waiting_bytes: int = 8 * 1024 * 1024
    """Arguments that those waiting calls may hold together."""

    max_waiting_bytes_total: int = 64 * 1024 * 1024
    """The same for all peers of one server, with `WAITING_CALL_BYTES` for each call. Nobody may
    have more than is left for others; above it a call is answered LIMIT_EXCEEDED."""

    max_held_answer_bytes: int = 64 * 1024 * 1024
    """Answers to one peer that are made and wait until it takes those before them: handlers that
    were running when it became slow. While it is slow no other handler begins. Above it an answer
    is dropped and the call, though it was served, answered LIMIT_EXCEEDED."""

    max_held_answer_bytes_total: int = 256 * 1024 * 1024
    """The same for all peers of one server: above it the peer that holds most loses its newest."""

    max_invalid_messages: int = 100
    """Unreadable messages after which the connection is closed (base profile 8.2)."""

    max_unasked_messages: int = 100
    """Messages about calls that never were or are over, after which the connection is closed. Not
    counted are two cancels or stops for each request of the peer, and one answer for each own call:
    they may have crossed ours on the way. An honest peer sends no others."""

    max_unsent_bytes: int = 4 * 1024 * 1024
    """Bytes accepted for a peer that does not read; above it the connection is ended."""

    max_unsent_bytes_total: int = 256 * 1024 * 1024
    """The same for all peers of one server: a thousand that each leave one large answer unread have
    1 GiB. Above it, of the key or address that has most, the connection with most is ended. The
    allocator may keep as much again."""

    max_outgoing_streams: int = 64
    """Streams that are sent to one peer at once; further ones wait, their sources untouched. One
    that rests costs some 6 KiB."""

    max_outgoing_streams_total: int = 1024
    """The same for all peers of one server. Nobody may have more than are left for others."""

    max_outgoing_stream_bytes: int = 1024 * 1024
    """What those streams to one peer have taken from their sources and not handed on. Above it no
    source is asked for more. A file has one block of 64 KiB in it at a time, and none while it
    rests; other sources have what they last gave."""

    max_outgoing_stream_bytes_total: int = 32 * 1024 * 1024
    """The same for all peers of one server; above it, the streams to one peer hold one piece."""

    stream_file_rest_s: float = 1.0
    """How long the file of a stream stays open while the other side takes nothing: the usual short
    rests do not cost an opening, and who reads nothing has no descriptor for long."""

    max_stream_buffer_bytes: int = 1024 * 1024
    """Of incoming streams, received and not read yet. Above it nothing more is read from the
    connection, unless an own call waits for its answer, which may be behind the stream."""

    max_stream_backlog_bytes: int = 16 * 1024 * 1024
    """As above, while an own call does wait."""

    write_timeout_s: float = 30.0
    """How long a peer for which much is unsent may take nothing of it, before the connection is
    ended. Who takes anything at all, however slowly, keeps it."""

    max_stream_window_bytes: int = 8 * 1024 * 1024
    """What the windows of typed streams hold together, of own calls and of served ones each. 1,024
    first windows fit; above it none grows, and those that have grown shrink to their first size."""

    max_event_queue_bytes: int = 4 * 1024 * 1024
    """Events that wait for the subscribers at the other side of one connection. Above it the
    longest queue loses its oldest, or its subscription ends, as the contract of the event says."""

    max_event_queue_bytes_total: int = 256 * 1024 * 1024
    """The same for all peers of one server; an event that waits for many counts once. Above it, of
    the peer with most waiting the longest queue loses its oldest, or its subscription ends."""

    stream_stall_timeout_s: float = DEFAULT_STREAM_STALL_S
    """How long a reader may keep the connection from being read before its stream is cancelled.
    Below `keepalive_timeout_s`, after which others may take us for dead (base profile 6.3): if
    that is set to less, the default follows it down to four fifths of it."""

    call_timeout_s: float = 30.0
    """Deadline of a typed call whose contract states none."""

    connect_timeout_s: float = 10.0
    """For reaching the other side and finishing the opening handshake."""

    hello_timeout_s: float = 2.0
    """How long the other side may take to introduce itself before it is taken for a base peer."""

    reconnect_pause_s: float = 1.0
    """The longest pause before the first try to come back: `Backoff.first_s` of listeners at a
    relay, and of peers with `reconnect=True` if no `backoff=` was given. The pause is random, so
    that after a restart not everybody comes at once."""

    max_reconnect_pause_s: float = 30.0
    """What doubling ends at: who was away for a night is still back within half a minute. The same
    for `Backoff.max_s`."""

    relay_ping_grace_s: float = 4.0
    """How much later than announced the ping of a relay may come, before a listener takes the relay
    for gone (base profile 4.2)."""

    handshake_timeout_s: float = 10.0
    """A server's patience with a client that has not finished the opening handshake."""

    confirm_timeout_s: float = 25.0
    """From the end of the key agreement until the connector has proved itself with a frame. A quiet
    peer of the original system first speaks after 20 s; between own peers 10 s is plenty."""

    confirmation_wait_s: float = 1.0
    """How long a connector waits at most for the acceptor's first frame, before the connection is
    handed out unconfirmed. It waits less where four round trips are shorter; own acceptors need
    one, and those of the original system may stay silent until they are asked something."""

    hold_back_s: float = 0.25
    """How long an acceptor stays silent after the handshake unless the connector has proved itself,
    for connectors that install their encryption late (base profile 5.1)."""

    max_unconfirmed: int = 32
    """Connections of one listener that have agreed on a key and not yet proved to have it. Above it
    the one that has waited longest gives way."""

    max_unconfirmed_per_key: int = 4
    """The same, for one claimed key."""

    unconfirmed_grace_s: float = 1.0
    """In this time from the end of the key agreement a connection does not give way to another;
    own peers need one round trip."""

    keepalive_interval_s: float = 20.0
    """A connection over which nothing has come, or gone, for so long sends a WebSocket ping; an
    encrypted one that has sent nothing sends a lifesign. Below `keepalive_timeout_s`, and below the
    25 to 60 s after which home routers and proxies forget a silent connection."""

    keepalive_timeout_s: float = 25.0
    """A connection over which nothing has come for so long is dead: not a byte, or of an encrypted
    one not a message. Time in which we did not read does not count."""

    fragment_timeout_s: float = 30.0
    """How long each 64 KiB of a message that comes in pieces may take, the last and shorter piece
    too, and of a part beside a message; slower ones end the connection."""

    message_stall_timeout_s: float = 10.0
    """Silence in the middle of a WebSocket message, after which the connection is ended. A network
    that loses packets is silent for a few seconds at a time."""

    close_timeout_s: float = 5.0
    """From our close frame until the transport is dropped if the peer does not answer."""

    drain_timeout_s: float = 10.0
    """When a server stops: how long running calls may still take before they are cancelled."""

    cancel_timeout_s: float = 1.0
    """How long cancelled handlers may take to end when a server stops."""

    max_connections: int = 1000
    """Connections of one server that have shown something; above it new ones are refused with HTTP
    503. Newcomers have places of their own beside them."""

    max_newcomers: int = 512
    """Connections of one server over which nothing has come since they are open, and encrypted ones
    until a key is proved: some 20 KiB each. One more, and of the address that has most of them
    (an IPv4 address, an IPv6 /64) the one gives way that has been silent longest."""

    max_newcomers_per_address: int = 256
    """The same for one address. As many as a whole office that comes back at once; an honest client
    is one for a few round trips only."""

    opening_silence_s: float = 10.0
    """How long a plain connection may stay without a byte of the other side after its opening
    handshake. After half of it a ping asks, which even a client answers that has nothing to say."""

    def __post_init__(self) -> None:
        for name in self.__slots__:
            value = getattr(self, name)
            if not isinstance(value, int | float) or isinstance(value, bool):
                refuse(f"Limits.{name}", value, "a number above 0")
            if not value > 0:
                raise ValueError(f"Limits.{name} must be above 0 but is {value!r}")
        if self.max_running_calls > DEFAULT_RUNNING_CALLS:
            for name, times in SHARES_OF_RUNNING_CALLS.items():
                if getattr(self, name) == times * DEFAULT_RUNNING_CALLS:
                    object.__setattr__(self, name, times * self.max_running_calls)
        timeout_s = self.keepalive_timeout_s
        if self.stream_stall_timeout_s == DEFAULT_STREAM_STALL_S >= timeout_s:
            object.__setattr__(self, "stream_stall_timeout_s", 0.8 * timeout_s)
        for name in ("keepalive_interval_s", "stream_stall_timeout_s"):
            value = getattr(self, name)
            if not value < timeout_s:
                raise ValueError(
                    f"Limits.{name} is {value!r} and must be below keepalive_timeout_s, which is "
                    f"{timeout_s!r}; set both"
                )
