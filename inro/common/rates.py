"""How many of something a period may have, as people write it: `60/min`."""

import re
from dataclasses import dataclass

PERIODS = {"sec": 1, "min": 60, "hour": 3600, "day": 86400}
_RATE = re.compile(rf"([1-9][0-9]{{0,8}})/({'|'.join(PERIODS)})")


@dataclass(frozen=True)
class Rate:
    limit: int
    seconds: int


def read_rate(text: str) -> Rate | None:
    """`N/sec`, `N/min`, `N/hour` or `N/day`; None for `0`, which switches the limit off."""
    if text == "0":
        return None
    found = _RATE.fullmatch(text)
    if not found:
        raise ValueError(f"must look like 60/min, or be 0; it is {text!r}.")
    return Rate(int(found[1]), PERIODS[found[2]])
