"""The rate limit of a token: so many requests a window, refused ones included.

Windows are fixed and begin with the clock's own minutes, hours, days, so one counter in the cache
is all there is to keep, and counting is one atomic step. In a row, a window's end and the next
one's beginning may see up to twice the limit.
"""

import time
from dataclasses import dataclass
from math import ceil

import structlog
from django.conf import settings
from django.core.cache import cache

from inro.accounts.models import ApiToken
from inro.common.rates import Rate, read_rate

log = structlog.get_logger(__name__)

# Where a request's META keeps its allowance, for the headers of its answer.
ALLOWANCE = "inro.allowance"


@dataclass(frozen=True)
class Allowance:
    """What is left of a token's window after the request that was just counted."""

    limit: int
    used: int
    seconds_left: int

    @property
    def is_spent(self) -> bool:
        return self.used > self.limit

    def headers(self) -> dict[str, str]:
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(max(self.limit - self.used, 0)),
        }


def charge(token: ApiToken) -> Allowance | None:
    """Count a request of `token`; None where no limit applies.

    A cache that cannot be reached limits nobody: the limit protects the service, it is not worth
    more than the service.
    """
    rate = read_rate(token.rate_limit or settings.API_RATE_LIMIT)
    if rate is None:
        return None
    now = time.time()
    window = int(now // rate.seconds)
    try:
        used = _count(f"rate:{token.pk}:{rate.seconds}:{window}", rate)
    except Exception as error:
        log.warning("requests cannot be counted", error=repr(error))
        return None
    return Allowance(rate.limit, used, ceil((window + 1) * rate.seconds - now))


def _count(key: str, rate: Rate) -> int:
    for _ in range(2):
        try:
            return int(cache.incr(key))
        except ValueError:  # not there yet; whoever adds it first has counted itself
            if cache.add(key, 1, timeout=2 * rate.seconds):
                return 1
    return 1
