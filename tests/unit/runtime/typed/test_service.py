"""Services of contracts: JSON in, model, method, model, JSON out; and every way to fail."""

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

import pytest

from duologue.errors import (
    CallError,
    Cancelled,
    ContractError,
    DuologueError,
    InternalError,
    InvalidParams,
    InvalidResult,
    LimitExceeded,
    ServiceIdTaken,
    Unauthorised,
    Unimplemented,
    UnknownError,
)
from duologue.promisifier.own_call import NO_DEADLINE
from duologue.promisifier.promisifier import WebsocketPromisifier
from duologue.testing import linked_peers
from duologue.typed import (
    NO_PARAMS,
    NOTHING,
    Client,
    Codec,
    DeclaredError,
    Params,
    Service,
    ServiceContract,
    Unary,
    unimplemented,
)
from duologue.typed.context import CallContext
from duologue.typed.model import Model
from duologue.typed.service import handlers_of
from tests.support import itself, turns


class JoinParams(Model):
    room: str
    seats: int = 1


class Member(Model):
    name: str


class FullData(Model):
    capacity: int


class RoomFull(ContractError[FullData]):
    code = "room_full"

    def __init__(self, *, capacity: int) -> None:
        super().__init__(FullData(capacity=capacity))

    def __str__(self) -> str:
        return f"room holds {self.data.capacity} members"


class RoomClosed(ContractError[None]):
    code = "room_closed"

    def __init__(self) -> None:
        super().__init__(None)


class OtherRoomFull(ContractError[None]):
    """Another contract's error that happens to have the same code."""

    code = "room_full"

    def __init__(self) -> None:
        super().__init__(None)


JOIN = Unary(
    id=1,
    name="join",
    params=Params(JoinParams),
    returns=Codec(Member),
    errors=(DeclaredError(RoomFull, Codec(FullData)),),
)
PING = Unary(id=2, name="ping", params=NO_PARAMS, returns=NOTHING)
ROOMS = ServiceContract(name="chat.v1.Rooms", base=100, digest="", methods=(JOIN, PING))

Behaviour = Callable[[JoinParams, CallContext], Any]


class Rooms(Service):
    __contract__ = ROOMS

    def __init__(self, join: Behaviour) -> None:
        self._join = join

    def join(self, params: JoinParams, ctx: CallContext) -> Any:
        return self._join(params, ctx)

    def ping(self, ctx: CallContext) -> None:
        return None


class RoomsClient(Client):
    __contract__ = ROOMS

    async def join(self, *, room: str, seats: int = 1) -> Member:
        return await self._unary(JOIN, room=room, seats=seats)

    async def ping(self) -> None:
        await self._unary(PING)


Peers = tuple[WebsocketPromisifier, WebsocketPromisifier]


@pytest.fixture
async def peers() -> AsyncGenerator[Peers]:
    async with linked_peers() as both:
        yield both


def offer(peers: Peers, join: Behaviour) -> RoomsClient:
    """A client of a service whose `join` does this; what it returns may be awaitable."""
    peers[0].clear_services()
    peers[0].add_handlers(handlers_of([Rooms(join)]))
    return RoomsClient(peers[1])


def raising(error: BaseException) -> Behaviour:
    def join(params: JoinParams, ctx: CallContext) -> Member:
        raise error

    return join


def returning(result: Any) -> Behaviour:
    def join(params: JoinParams, ctx: CallContext) -> Any:
        return result

    return join


def not_offered(params: JoinParams, ctx: CallContext) -> Member:
    unimplemented(JOIN)


def later(join: Behaviour) -> Behaviour:
    async def join_later(params: JoinParams, ctx: CallContext) -> Any:
        await asyncio.sleep(0)
        return join(params, ctx)

    return join_later


both_ways = pytest.mark.parametrize("way", [itself, later], ids=["plain", "async"])
Way = Callable[[Behaviour], Behaviour]


# -- results ------------------------------------------------------------------------------------


@both_ways
async def test_params_become_a_model_and_the_reply_becomes_json(peers: Peers, way: Way) -> None:
    client = offer(peers, way(lambda params, _: Member(name=f"{params.room}{params.seats}")))
    assert await client.join(room="a", seats=2) == Member(name="a2")


async def test_a_method_without_params_or_result(peers: Peers) -> None:
    await offer(peers, raising(AssertionError())).ping()


async def test_any_awaitable_may_be_returned(peers: Peers) -> None:
    def join(params: JoinParams, ctx: CallContext) -> Awaitable[Member]:
        future: asyncio.Future[Member] = asyncio.get_running_loop().create_future()
        future.set_result(Member(name="future"))
        return future

    assert (await offer(peers, join).join(room="a")).name == "future"


async def test_the_context_names_caller_and_method(peers: Peers) -> None:
    seen: list[CallContext] = []

    def join(params: JoinParams, ctx: CallContext) -> Member:
        seen.append(ctx)
        return Member(name="a")

    await offer(peers, join).join(room="a")
    assert seen[0].peer is peers[0]
    assert seen[0].method == "chat.v1.Rooms/join"


@both_ways
@pytest.mark.parametrize(
    "result", [None, {"name": "secret"}, "secret", 5, FullData(capacity=1), Member]
)
async def test_a_result_of_another_type_is_an_invalid_result_and_logged(
    peers: Peers, way: Way, result: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(InvalidResult) as invalid:
        await offer(peers, way(returning(result))).join(room="a")
    assert "secret" not in str(invalid.value)
    assert "chat.v1.Rooms/join" in caplog.text
    await RoomsClient(peers[1]).ping()


async def test_a_result_where_there_is_none_is_an_invalid_result(peers: Peers) -> None:
    class Talkative(Rooms):
        def ping(self, ctx: CallContext) -> Any:
            return "secret"

    peers[0].add_handlers(handlers_of([Talkative(raising(AssertionError()))]))
    with pytest.raises(InvalidResult):
        await RoomsClient(peers[1]).ping()


# -- failures -----------------------------------------------------------------------------------


@both_ways
async def test_a_declared_error_arrives_as_its_class(
    peers: Peers, way: Way, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(RoomFull, match="room holds 7 members") as full:
        await offer(peers, way(raising(RoomFull(capacity=7)))).join(room="a")
    assert full.value.data == FullData(capacity=7)
    assert caplog.text == ""


@both_ways
@pytest.mark.parametrize(
    "error",
    [
        ValueError("secret"),
        RoomClosed(),
        OtherRoomFull(),
        ConnectionResetError("secret"),
        TimeoutError("secret"),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_an_error_that_the_method_does_not_declare_is_internal(
    peers: Peers, way: Way, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(InternalError) as internal:
        await offer(peers, way(raising(error))).join(room="a")
    assert "secret" not in str(internal.value)
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert internal.value.incident in record.getMessage()
    name = type(error).__name__
    hint = (
        f"{name} is an error of a contract, but not one that this method lists (it lists RoomFull)"
    )
    assert (hint in record.getMessage()) is isinstance(error, ContractError)
    await RoomsClient(peers[1]).ping()


@both_ways
@pytest.mark.parametrize(
    "error", [Unauthorised("not you"), Cancelled("given up"), Unimplemented("not yet")]
)
async def test_the_runtimes_own_errors_may_be_raised(
    peers: Peers, way: Way, error: CallError
) -> None:
    with pytest.raises(type(error), match=error.message):
        await offer(peers, way(raising(error))).join(room="a")


@both_ways
async def test_an_own_error_with_an_own_code_arrives_as_unknown(peers: Peers, way: Way) -> None:
    with pytest.raises(UnknownError) as unknown:
        await offer(peers, way(raising(CallError("no", code="own")))).join(room="a")
    assert (unknown.value.code, unknown.value.message) == ("own", "no")


@both_ways
async def test_ending_as_if_cancelled_is_answered(peers: Peers, way: Way) -> None:
    with pytest.raises(Cancelled):
        await offer(peers, way(raising(asyncio.CancelledError()))).join(room="a")


@both_ways
async def test_what_is_no_exception_is_internal(peers: Peers, way: Way) -> None:
    class PanicException(BaseException):
        pass

    with pytest.raises(InternalError):
        await offer(peers, way(raising(PanicException("secret")))).join(room="a")


@both_ways
async def test_a_declared_error_that_cannot_be_sent_is_internal(peers: Peers, way: Way) -> None:
    class Spoiled(RoomFull):
        spoiled = False

        def __str__(self) -> str:
            if self.spoiled:
                raise ValueError("secret")
            return super().__str__()

    error = Spoiled(capacity=1)
    error.spoiled = True
    with pytest.raises(InternalError):
        await offer(peers, way(raising(error))).join(room="a")


@both_ways
async def test_fields_that_were_spoiled_afterwards_are_internal(peers: Peers, way: Way) -> None:
    error = RoomFull(capacity=1)
    vars(error.data).update(capacity="secret")
    with pytest.raises(InternalError) as internal:
        await offer(peers, way(raising(error))).join(room="a")
    assert "secret" not in str(internal.value)


async def test_a_handler_that_is_cancelled_from_outside_answers_cancelled(peers: Peers) -> None:
    started = asyncio.Event()
    tasks: list[asyncio.Task[Any] | None] = []

    async def join(params: JoinParams, ctx: CallContext) -> Member:
        tasks.append(asyncio.current_task())
        started.set()
        await asyncio.Event().wait()
        raise AssertionError

    call = asyncio.ensure_future(offer(peers, join).join(room="a"))
    await started.wait()
    (task,) = tasks
    assert task is not None
    task.cancel()
    with pytest.raises(Cancelled):
        await call


@both_ways
async def test_a_method_that_is_not_offered_is_unimplemented(peers: Peers, way: Way) -> None:
    with pytest.raises(Unimplemented, match="is not offered here") as missing:
        await offer(peers, way(not_offered)).join(room="a")
    assert missing.value.code == "UNIMPLEMENTED"


async def test_a_service_that_is_not_offered_is_unimplemented(peers: Peers) -> None:
    with pytest.raises(Unimplemented) as missing:
        await RoomsClient(peers[1]).join(room="a")
    assert missing.value.code == "UNKNOWN-SERVICE"


@pytest.mark.parametrize(
    ("arg", "problem"),
    [
        ({"room": 5}, "room: Input should be a valid string"),
        ({}, "room: Field required"),
        ("canary", "Input should be an object"),
        ({"room": {"canary": 1}}, "room: Input should be a valid string"),
    ],
)
async def test_wrong_params_are_refused_before_the_handler_runs(
    peers: Peers, arg: Any, problem: str
) -> None:
    offer(peers, raising(AssertionError()))
    call = peers[1].start_call(JOIN, json.dumps([arg]).encode(), JOIN, NO_DEADLINE)
    with pytest.raises(InvalidParams) as refused:
        await call
    assert [str(each) for each in refused.value.problems] == [problem]
    assert "canary" not in str(refused.value)


async def test_undefined_params_are_absent(peers: Peers) -> None:
    offer(peers, lambda params, _: Member(name=str(params.seats)))
    call = peers[1].start_call(JOIN, b'[{"room":"a","seats":"$__undefined$"}]', JOIN, NO_DEADLINE)
    assert await call == Member(name="1")


# -- errors of somebody else's call ---------------------------------------------------------------

INNER = Unary(
    id=1,
    name="inner",
    params=Params(JoinParams),
    returns=Codec(Member),
    errors=(DeclaredError(RoomFull, Codec(FullData)), DeclaredError(RoomClosed, NOTHING)),
)
INNERS = ServiceContract(name="chat.v1.Inner", base=200, digest="", methods=(INNER,))


class InnerService(Service):
    __contract__ = INNERS

    def __init__(self, error: DuologueError) -> None:
        self._error = error

    def inner(self, params: JoinParams, ctx: CallContext) -> Member:
        raise self._error


class InnerClient(Client):
    __contract__ = INNERS

    async def inner(self, *, room: Any) -> Member:
        return await self._unary(INNER, room=room)


@pytest.mark.parametrize(
    "error",
    [
        Unauthorised("secret"),
        RoomClosed(),
        CallError("secret", code="OWN"),
        LimitExceeded("max_open_calls", 1),
        ValueError("secret"),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_an_error_of_an_own_call_that_a_handler_lets_pass_is_internal(
    peers: Peers, error: DuologueError
) -> None:
    peers[1].add_handlers(handlers_of([InnerService(error)]))

    async def join(params: JoinParams, ctx: CallContext) -> Member:
        return await InnerClient(ctx.peer).inner(room="a")

    with pytest.raises(InternalError) as internal:
        await offer(peers, join).join(room="a")
    assert "secret" not in str(internal.value)


async def test_a_listed_error_of_an_own_call_does_pass(peers: Peers) -> None:
    peers[1].add_handlers(handlers_of([InnerService(RoomFull(capacity=3))]))

    async def join(params: JoinParams, ctx: CallContext) -> Member:
        return await InnerClient(ctx.peer).inner(room="a")

    with pytest.raises(RoomFull, match="room holds 3 members"):
        await offer(peers, join).join(room="a")


@pytest.mark.parametrize("room", [5, "$__undefined$"])
async def test_an_own_call_that_was_never_made_is_internal_too(peers: Peers, room: Any) -> None:
    async def join(params: JoinParams, ctx: CallContext) -> Member:
        return await InnerClient(ctx.peer).inner(room=room)

    with pytest.raises(InternalError):
        await offer(peers, join).join(room="a")


# -- offering -----------------------------------------------------------------------------------


def test_handlers_stand_under_base_and_id() -> None:
    handlers = handlers_of([Rooms(raising(AssertionError()))])
    assert {number: handler.name for number, handler in handlers.items()} == {
        101: "chat.v1.Rooms/join",
        102: "chat.v1.Rooms/ping",
    }


def test_two_services_cannot_share_a_number() -> None:
    with pytest.raises(ServiceIdTaken, match=r"service id 101 belongs to chat\.v1\.Rooms/join"):
        handlers_of([Rooms(raising(AssertionError())), Rooms(raising(AssertionError()))])


def test_only_service_objects_can_be_offered() -> None:
    with pytest.raises(TypeError, match="is no service"):
        handlers_of([object()])
    with pytest.raises(TypeError, match="a class: make an object of it"):
        handlers_of([Rooms])


async def test_ready_made_handlers_are_taken_all_or_none(peers: Peers) -> None:
    peers[0].add_service(102, lambda: None)
    with pytest.raises(ServiceIdTaken):
        peers[0].add_handlers(handlers_of([Rooms(raising(AssertionError()))]))
    with pytest.raises(Unimplemented):
        await RoomsClient(peers[1]).join(room="a")


async def test_a_handler_still_running_at_the_end_is_cancelled(peers: Peers) -> None:
    ended = asyncio.Event()

    async def join(params: JoinParams, ctx: CallContext) -> Member:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        raise AssertionError

    call = asyncio.ensure_future(offer(peers, join).join(room="a"))
    await turns()
    peers[1].close()
    await ended.wait()
    with pytest.raises(ConnectionError):
        await call
