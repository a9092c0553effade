"""Whether a service does what its contract says, whatever it is called with."""

import asyncio
import contextlib
import importlib.util
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from duologue.errors import CallError, ContractError, DuologueError, InvalidResult
from duologue.testing.examples import call_method, client_of
from duologue.testing.linked import linked_peers
from duologue.typed.client import Client
from duologue.typed.contract import Download, Duplex, Method
from duologue.typed.interceptors import Interceptor, Invocation, Next
from duologue.typed.service import Service

R = TypeVar("R")

PATIENCE_S: Final = 10.0
"""How long one call may take."""

LISTENING_S: Final = 0.1
"""How long what a call yields is read."""

_WITHOUT_HYPOTHESIS: Final = (
    "duologue.testing.conforms needs hypothesis, which is not installed.\n"
    "Install it: pip install hypothesis"
)


def conforms(
    make: Callable[[], Service], *, seed: int = 1, runs: int = 50, timeout_s: float = PATIENCE_S
) -> None:
    """See that a service keeps to its contract, whatever it is called with.

    Each method is called `runs` times, through the real protocol and in memory, with values that
    are drawn from the contract, `seed` deciding which. Each call has to end within `timeout_s`,
    with a result that fits, or with an error that the contract declares for the method. `make`
    gives a new service for each call: a class without arguments will do. What a call yields is
    read for a tenth of a second. Use it in a plain test, not in an async one:

        def test_whatever_comes_it_keeps_to_the_contract() -> None:
            duologue.testing.conforms(Greeter)

    Raises:
        AssertionError: it does not. The text has the simplest call that shows it, and what came;
            what the handler raised is its cause.
        RuntimeError: hypothesis is not installed, or an event loop is running here.
    """
    if importlib.util.find_spec("hypothesis") is None:
        raise RuntimeError(_WITHOUT_HYPOTHESIS)
    if asyncio._get_running_loop() is not None:
        raise RuntimeError("conforms runs its calls itself: use it in a test that is not async")
    for method in make().__contract__.methods:
        _check_method(make, method, seed, runs, timeout_s)


def _check_method(
    make: Callable[[], Service],
    method: Method[..., Any, Any],
    seed: int,
    runs: int,
    timeout_s: float,
) -> None:
    import hypothesis

    from duologue.testing import drawing

    model = method.params.model
    sends = getattr(method, "sends", None)
    nothing: dict[str, Any] = {}
    keywords = drawing.keywords_of(model) if model else drawing.only(nothing)
    items = drawing.only(()) if sends is None else drawing.lists_of(sends.form)

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=runs,
        database=None,
        deadline=None,
        # One fault for each method is enough; why it is one is said by us, and faster.
        report_multiple_bugs=False,
        phases=(hypothesis.Phase.generate, hypothesis.Phase.shrink),
        print_blob=False,
        verbosity=hypothesis.Verbosity.quiet,
        # Drawing for a large contract takes its time.
        suppress_health_check=[
            hypothesis.HealthCheck.too_slow,
            hypothesis.HealthCheck.filter_too_much,
            hypothesis.HealthCheck.data_too_large,
            hypothesis.HealthCheck.large_base_example,
        ],
    )
    @hypothesis.given(keywords, items)
    def check(keywords: Mapping[str, Any], items: Sequence[object]) -> None:
        asyncio.run(_check_call(make(), _Call(method, keywords, items), timeout_s))

    check()


@dataclass(frozen=True)
class _Call:
    method: Method[..., Any, Any]
    keywords: Mapping[str, Any]
    items: Sequence[object]

    def __str__(self) -> str:
        words = ", ".join(f"{name}={value!r}" for name, value in self.keywords.items())
        sent = f" sent {self.items!r}" if self.items else ""
        return f"{self.method.full_name}({words}){sent}"


class _Witness(Interceptor):
    """Keeps what a handler raised: its caller is told no more than an incident."""

    def __init__(self) -> None:
        self.raised: BaseException | None = None

    async def serving(self, call: Invocation, next: Next[R]) -> R:
        try:
            return await next()
        except Exception as error:
            # The application's own code: what it raises goes on from here.
            self.raised = error
            raise


async def _read_some(client: Client, call: _Call) -> None:
    """Read what is yielded for a while: it may go on for ever, or be silent."""
    begin = getattr(client, call.method.name)
    async with begin(**call.keywords) as stream:
        if isinstance(call.method, Duplex):
            stream.send_all(call.items)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LISTENING_S):
                async for _item in stream:
                    pass
                await stream.result()


async def _check_call(service: Service, call: _Call, timeout_s: float) -> None:
    witness = _Witness()
    method, contract = call.method, service.__contract__
    async with linked_peers([service], interceptors=[witness]) as (_, peer):
        client = client_of(contract, peer)
        try:
            async with asyncio.timeout(timeout_s):
                if isinstance(method, Download | Duplex):
                    await _read_some(client, call)
                else:
                    await call_method(client, method, call.keywords, call.items)
        except TimeoutError:
            raise AssertionError(f"{call} did not end within {timeout_s:g} s") from None
        except ContractError:
            # A declared one: others come as `UnknownError`.
            return
        except InvalidResult as error:
            raise AssertionError(f"{call} gave what does not fit its contract: {error}") from error
        except CallError as error:
            names = [each.error.__name__ for each in method.errors.values()]
            raised = witness.raised
            what = error if raised is None else f"{type(raised).__name__}: {raised}"
            raise AssertionError(
                f"{call} failed with {what}; its contract declares "
                f"{', '.join(names) or 'no errors'}"
            ) from (raised or error)
        except DuologueError as error:
            raise AssertionError(f"{call} broke off: {error}") from error
