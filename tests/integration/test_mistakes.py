"""What a user does wrong is told at once, in words that say what to write: arguments and places."""

import ssl
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import duologue
from duologue import (
    ANYONE,
    Backoff,
    Identity,
    Interceptor,
    Limits,
    Observer,
    WebsocketPromisifier,
    connect,
    dial,
    listen,
    serve,
)
from duologue.errors import UnsafeKey
from tests.integration.greeters import Greeter, GreeterClient, conversation, url
from tests.integration.loopback import nothing_is_left as nothing_is_left

ME, OTHER = Identity.generate(), Identity.generate()
NOWHERE = "ws://127.0.0.1:9"


async def plain(_of: object) -> None:
    """What somebody writes in the place of a plain function."""


CLIENT_TLS = ssl.create_default_context()
SERVER_TLS = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)

Wrong = tuple[dict[str, Any], type[Exception], str]
"""Arguments; how they are refused, and in which words."""

ALL_FOUR: list[Wrong] = [
    ({"limits": {"max_message_bytes": 5}}, TypeError, r"Limits object, but was given a dict: wri"),
    ({"limits": Limits}, TypeError, "Limits object, but was given the class Limits itself"),
    ({"on_peer": plain}, TypeError, r"an async function \(plain\): nobody awaits it; write `def`"),
    ({"on_peer": 5}, TypeError, r"\(on_peer=...\) takes a plain function, but was given int 5"),
    ({"before": 3}, TypeError, r"takes a coroutine function \(async def\), but was given int 3"),
    ({"interceptors": Interceptor()}, TypeError, r"for one, write \[...\] around it"),
    ({"interceptors": [Interceptor]}, TypeError, r"make an object of it, Interceptor\(...\)"),
    ({"interceptors": None}, TypeError, "several Interceptor objects, but was given None"),
    ({"observers": Observer()}, TypeError, "several Observer objects, but was given an Observer"),
    ({"observers": [print]}, TypeError, "Observer objects, but was given a builtin_function"),
    ({"profile": "full"}, ValueError, 'is "auto" or "base" but is \'full\''),
    ({"contracts": "equal"}, ValueError, 'is "any" or "same" but is \'equal\''),
    ({"describe": "no"}, TypeError, r"\(describe=...\) takes True or False, but was given a str"),
    ({"loopback": 1}, TypeError, r"\(loopback=...\) takes True or False, but was given int 1"),
    ({"prot": 5}, TypeError, "unexpected keyword argument 'prot'"),
    ({"identity": "me.key"}, TypeError, r"write Identity.load_or_create\(FILE\)"),
    ({"identity": ME.public_key}, TypeError, "takes an Identity, but was given bytes: it has the "),
    ({"ssl": "x"}, TypeError, r"\(ssl=...\) takes an ssl.SSLContext, but was given a str"),
    ({"ssl": True}, TypeError, r"\(ssl=...\) takes an ssl.SSLContext, but was given True"),
]

BOTH_HOSTS: list[Wrong] = [
    ({"allow": OTHER.public_key}, TypeError, r"also if there is only one: allow=\{key\}"),
    ({"allow": OTHER}, TypeError, r"only one: allow=\{identity.public_key\}"),
    ({"allow": [OTHER]}, TypeError, "an Identity: its public_key is what is meant"),
    ({"allow": ["abcd"]}, UnsafeKey, "64 digits, this has 4"),
    ({"allow": True}, TypeError, "or duologue.ANYONE, but was given True"),
]

SERVERS: list[Wrong] = [
    *BOTH_HOSTS,
    ({"port": "8080"}, TypeError, "a whole number, 0 to 65535, but was given a str"),
    ({"port": True}, TypeError, "a whole number, 0 to 65535, but was given True"),
    ({"port": None}, TypeError, "a whole number, 0 to 65535, but was given None"),
    ({"port": -1}, ValueError, "a whole number, 0 to 65535, but was given -1"),
    ({"port": 99_999}, ValueError, "a whole number, 0 to 65535, but was given 99999"),
    ({"host": 5}, TypeError, "an address of this machine, as str, but was given int 5"),
    ({"host": "ws://localhost"}, ValueError, "such as 127.0.0.1, and no URL"),
    ({"origins": "https://a.example"}, TypeError, r"several str, .* \[...\] around it"),
    ({"hosts": "a.example"}, TypeError, r"several str, .* \[...\] around it"),
    ({"hosts": [1]}, TypeError, "in it, takes str, but was given int 1"),
    ({"ssl": CLIENT_TLS}, ValueError, r"of a client; .*ssl.Purpose.CLIENT_AUTH"),
    ({"check_request": plain}, TypeError, "nobody awaits it; write `def`"),
    ({"check_request": {}}, TypeError, "takes a plain function, but was given a dict"),
    ({"sock": "x"}, TypeError, "a socket.socket, but was given a str"),
    ({"unix_path": Path("x")}, TypeError, r"a PosixPath: write str\(...\) around it"),
]

CALLERS: list[Wrong] = [
    ({"offer": Greeter()}, TypeError, r"for one, write offer=\[Greeter\(...\)\]"),
    ({"offer": [Greeter]}, TypeError, r"make an object of it, Greeter\(...\)"),
    ({"offer": Greeter}, TypeError, "several Service objects, but was given the class Greeter"),
    ({"timeout": "3"}, TypeError, "takes seconds, a number above 0, or None, but was given a str"),
    ({"timeout": True}, TypeError, "a number above 0, or None, but was given True"),
    ({"timeout": 0}, ValueError, "above 0, but was given 0, which leaves no time; None is what"),
    ({"timeout": -1.5}, ValueError, "above 0, but was given -1.5, which leaves no time"),
    ({"timeout": float("nan")}, ValueError, "above 0, but was given nan"),
    ({"open_timeout": 0}, ValueError, "above 0, but was given 0"),
    ({"reconnect": "yes"}, TypeError, r"\(reconnect=...\) takes True or False"),
    ({"backoff": 5, "reconnect": True}, TypeError, "a Backoff object, but was given int 5"),
    ({"backoff": Backoff()}, ValueError, "it needs reconnect=True"),
    ({"on_connected": 5}, TypeError, "takes a function, but was given int 5"),
    ({"to": OTHER}, TypeError, "an Identity: its public_key is what is meant"),
    ({"to": 5}, TypeError, "a public key, 32 bytes or 64 hex digits, but was given int 5"),
    ({"ssl": SERVER_TLS}, ValueError, r"of a server; .*ssl.Purpose.SERVER_AUTH"),
    ({"proxy": 5}, TypeError, "the address of a proxy, as str, True or None, but was given int 5"),
    ({"proxy": False}, TypeError, "but was given False: to use none, write None"),
]

CONNECTS: list[Wrong] = [
    *CALLERS,
    ({"headers": [("a", "b")]}, TypeError, "a mapping of str to str, but was given a list"),
    ({"headers": {"a": 5}}, TypeError, "values that are str, but was given int 5"),
    ({"headers": {5: "a"}}, TypeError, "names that are str, but was given int 5"),
    ({"user_agent": 5}, TypeError, "takes a str, but was given int 5"),
    ({"unix_path": 5}, TypeError, "a path, as str, but was given int 5"),
]

AT_RELAYS: list[Wrong] = [
    ({"token": 5}, TypeError, "a token, as str, but was given int 5"),
    ({"token": "abc\n"}, ValueError, r"perhaps, that was read without .strip\(\)"),
    ({"insecure_plaintext": "yes"}, TypeError, "takes True or False"),
    ({"identity": None}, TypeError, "takes an Identity, but was given None"),
]

LISTENS: list[Wrong] = [
    *BOTH_HOSTS,
    *AT_RELAYS,
    ({"spares": 0}, ValueError, "a whole number, 1 or more, but was given 0"),
    ({"spares": 1.5}, TypeError, "a whole number, 1 or more, but was given float 1.5"),
    ({"known_relays": 5}, TypeError, "takes a Path, but was given int 5"),
    # Only its own reader knows; until it was told of, entering waited for ever.
    ({"proxy": "foo"}, ValueError, "not the address of a proxy"),
]

DIALS: list[Wrong] = [
    *CALLERS,
    *AT_RELAYS,
    ({"to": None}, TypeError, "a public key, 32 bytes or 64 hex digits, but was given None"),
]


async def refused(call: Callable[[], Any], error: type[Exception], words: str, where: str) -> None:
    """It is refused on being called or entered, before anything is tried."""
    with pytest.raises(error, match=words) as told:
        async with call():
            pytest.fail("was let in")
    # Whose argument it is, unless the words name it themselves.
    text = str(told.value)
    assert f"{where}(" in text or not text.startswith(("serve", "connect", "listen", "dial"))


@pytest.mark.parametrize(("given", "error", "words"), [*ALL_FOUR, *SERVERS])
async def test_serve_refuses_what_it_cannot_use(
    given: dict[str, Any], error: type[Exception], words: str
) -> None:
    keys: dict[str, Any] = {"identity": ME, "allow": ANYONE}
    await refused(lambda: serve(Greeter(), **(keys | given)), error, words, "serve")


@pytest.mark.parametrize(("given", "error", "words"), [*ALL_FOUR, *CONNECTS])
async def test_connect_refuses_what_it_cannot_use(
    given: dict[str, Any], error: type[Exception], words: str
) -> None:
    keys: dict[str, Any] = {"identity": ME, "to": OTHER.public_key}
    await refused(lambda: connect("wss://127.0.0.1:9", **(keys | given)), error, words, "connect")


@pytest.mark.parametrize(("given", "error", "words"), [*ALL_FOUR, *LISTENS])
async def test_listen_refuses_what_it_cannot_use(
    given: dict[str, Any], error: type[Exception], words: str
) -> None:
    keys: dict[str, Any] = {"identity": ME, "allow": ANYONE}
    await refused(lambda: listen(NOWHERE, Greeter(), **(keys | given)), error, words, "listen")


@pytest.mark.parametrize(("given", "error", "words"), [*ALL_FOUR, *DIALS])
async def test_dial_refuses_what_it_cannot_use(
    given: dict[str, Any], error: type[Exception], words: str
) -> None:
    keys: dict[str, Any] = {"identity": ME, "to": OTHER.public_key}
    await refused(lambda: dial(NOWHERE, **(keys | given)), error, words, "dial")


@pytest.mark.parametrize(
    ("address", "error", "words"),
    [
        (8080, TypeError, "a ws: or wss: address, as str, but was given int 8080"),
        (None, TypeError, "but was given None"),
        (b"ws://127.0.0.1:9", TypeError, "but was given bytes"),
        ("http://127.0.0.1:9", ValueError, "it begins with http:, write ws: instead"),
        ("127.0.0.1:9", ValueError, "write ws://127.0.0.1:9"),
        ("ws://127.0.0.1:99999", ValueError, "Port out of range"),
        ("ws://", ValueError, "it names no host"),
        (f"{NOWHERE}#{'ab' * 32}", ValueError, "leave out the # and .*, to="),
    ],
)
@pytest.mark.parametrize("way", ["connect", "listen", "dial"])
async def test_what_is_no_address_is_refused_by_all_who_take_one(
    address: Any, error: type[Exception], words: str, way: str
) -> None:
    def call() -> Any:
        if way == "connect":
            return connect(address)
        if way == "listen":
            return listen(address, identity=ME, allow=ANYONE)
        return dial(address, identity=ME, to=OTHER.public_key)

    words = words.replace("a ws:", "the address of a relay|a ws:", 1)
    await refused(call, error, words, way)


@pytest.mark.parametrize("relays", [[], ""])
async def test_no_relay_is_told(relays: Any) -> None:
    await refused(
        lambda: listen(relays, identity=ME, allow=ANYONE),
        ValueError,
        "at least one relay",
        "listen",
    )
    await refused(
        lambda: dial(relays, identity=ME, to=OTHER.public_key), ValueError, "one relay", "dial"
    )


async def test_services_are_told_from_what_is_none() -> None:
    with pytest.raises(TypeError, match="several: write a \\* before them"):
        serve([Greeter()])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    with pytest.raises(TypeError, match="a class: make an object of it"):
        serve(Greeter)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    with pytest.raises(TypeError, match="a class: make an object of it"):
        duologue.intercepted(Greeter, Interceptor())  # type: ignore[type-var]  # pyright: ignore[reportArgumentType]
    with pytest.raises(TypeError, match="make an object of it, Interceptor"):
        duologue.intercepted(Greeter(), Interceptor)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


async def test_what_is_right_is_let_in() -> None:
    """All that the tables refuse, as it should be; else they could refuse everything."""
    peers: list[WebsocketPromisifier] = []

    async def register(_peer: WebsocketPromisifier) -> None:
        """An async one is right here."""

    async with (
        serve(
            Greeter(),
            host="localhost",
            port=0,
            origins={"https://a.example"},
            hosts=("a.example",),
            identity=ME,
            allow={OTHER.public_key.hex(): "named"}.keys(),
            limits=Limits(max_connections=5),
            on_peer=peers.append,
            interceptors=(Interceptor(),),
            observers=[Observer()],
            check_request=lambda _: None,
        ) as server,
        connect(
            url(server.port),
            identity=OTHER,
            to=ME.public_key.hex(),
            timeout=30,
            open_timeout=30.0,
            headers={"a": "b"},
            reconnect=True,
            backoff=Backoff(),
            on_connected=register,
        ) as peer,
    ):
        assert await GreeterClient(peer).greet(name="Ann") == "hello Ann"
        assert len(peers) == 1


# -- clients and calls ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ({"timeout": "2"}, TypeError, "timeout= takes seconds, .* but was given a str"),
        ({"timeout": 0}, ValueError, "timeout= takes seconds, above 0, but was given 0"),
        ({"meta": {"a": 1}}, TypeError, "meta=, in it, takes values that are str"),
        ({"meta": ["a"]}, TypeError, "meta= takes a mapping of str to str, but was given a list"),
        ({"interceptors": Interceptor()}, TypeError, r"for one, write \[...\] around it"),
        ({"interceptors": [Interceptor]}, TypeError, r"make an object of it, Interceptor\(...\)"),
    ],
)
async def test_wishes_of_a_client_are_looked_at(
    given: dict[str, Any], error: type[Exception], words: str
) -> None:
    async with conversation(Greeter()) as (_, guest):
        with pytest.raises(error, match=words):
            GreeterClient(guest).with_options(**given)
        with pytest.raises(error, match=words):
            GreeterClient(guest, **given)


@pytest.mark.parametrize("what", ["server", "address", "the block not entered"])
async def test_a_client_is_made_of_a_peer_alone(what: str) -> None:
    wrong: Any = {"server": serve(), "address": NOWHERE}.get(what, connect(NOWHERE))
    with pytest.raises(TypeError, match=r"GreeterClient takes a peer, .* connect\(...\) as peer"):
        GreeterClient(wrong)


async def test_a_service_by_number_has_to_be_a_function() -> None:
    async with conversation() as (host, _):
        with pytest.raises(TypeError, match=r"add_service\(...\) takes a function, .* int 5"):
            host.add_service(3, 5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def test_values_of_limits_and_pauses_are_numbers() -> None:
    with pytest.raises(TypeError, match=r"Limits.max_message_bytes takes .* but was given a str"):
        Limits(max_message_bytes="1")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    with pytest.raises(TypeError, match=r"Backoff.first_s takes a number, but was given a str"):
        Backoff(first_s="1")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    with pytest.raises(TypeError, match=r"deadline\(...\) takes seconds, .* but was given a str"):
        duologue.deadline("2")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def test_a_program_is_run_by_its_function() -> None:
    async def main() -> None:
        """Does nothing."""

    begun = main()
    with pytest.raises(TypeError, match=r"a coroutine .*not the function"):
        duologue.run(begun)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    begun.close()
    with pytest.raises(TypeError, match=r"gives a coroutine .* was given None"):
        duologue.run(lambda: None)  # type: ignore[arg-type,return-value]  # pyright: ignore
    duologue.run(main)


async def test_a_program_is_not_run_inside_another_one() -> None:
    async def main() -> None:
        pytest.fail("was run")

    with pytest.raises(RuntimeError, match="an event loop runs here: await it"):
        duologue.run(main)
    assert threading.current_thread() is threading.main_thread()
