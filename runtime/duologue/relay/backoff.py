"""How long to wait before the next try. Pure: chance is an argument."""

from collections.abc import Callable
from typing import Final

BASE_S: Final = 0.5
CAP_S: Final = 30.0


def full_jitter(failures: int, chance: Callable[[], float]) -> float:
    """Seconds until the next try after so many failures in a row; `chance` gives 0 up to 1.

    Anything from nothing to the doubled limit: after a relay was restarted its listeners come back
    spread out, not in waves.
    """
    if failures <= 0:
        return 0.0
    # 2 ** 6 * BASE_S is above the cap; more would only make large numbers.
    return chance() * min(CAP_S, BASE_S * 2.0 ** min(failures, 6))
