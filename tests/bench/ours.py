"""duologue with as many services as a curve wants."""

import os
from typing import Final

from duologue.bench.duologue_echo import DuologueCaller, runner, serve_all, service
from duologue.bench.generated.echo.v1 import EchoService
from duologue.bench.load import main
from duologue.typed import ServiceContract

SERVICES: Final = "DUOLOGUE_BENCH_SERVICES"
"""Environment variable: how many services a server offers; one if it is not set."""


def services() -> list[EchoService]:
    """The service that is called, and as many others as are wanted."""
    first = service()
    contract = type(first).__contract__
    offered = [first]
    for number in range(1, int(os.environ.get(SERVICES, "1"))):
        copy = ServiceContract(
            name=f"{contract.name}{number}",
            base=contract.base + 100 * number,
            digest=contract.digest,
            methods=contract.methods,
        )
        offered.append(type(f"Echo{number}", (type(first),), {"__contract__": copy})())
    return offered


if __name__ == "__main__":
    main(serve=lambda: serve_all(services()), make=DuologueCaller, run=runner())
