"""How fast a channel may send: the arithmetic of tokens, without a database.

The tokens are a channel's own time, in microseconds. A message costs what its limit leaves for it,
a text at 100 a second 10,000, and `Pump.paced_to` is the moment up to which the time is spent. So
one moment holds the whole state, two limits share it, and a limit that changes counts at once.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

MICROSECOND = timedelta(microseconds=1)
SECOND = 1_000_000
# What is not used is kept for this long only: no burst after idling is larger.
WINDOW = SECOND // 5


@dataclass(frozen=True)
class Pacing:
    """Messages a second; None is without limit. Both draw on one account's time."""

    text_per_second: int | None = None
    media_per_second: int | None = None

    @property
    def text_cost(self) -> int:
        return _cost(self.text_per_second)

    @property
    def media_cost(self) -> int:
        return _cost(self.media_per_second)

    def overridden(self, text_per_second: int | None, media_per_second: int | None) -> Self:
        """With the limits that are given in place of these."""
        return type(self)(
            text_per_second or self.text_per_second, media_per_second or self.media_per_second
        )


@dataclass
class Allowance:
    """What may be spent at `now`: a message may go out while the `credit` is above 0.

    The last of them may cost more than is left, so a debt is at most one message.
    """

    pacing: Pacing
    now: datetime
    credit: int = WINDOW

    @classmethod
    def of(cls, pacing: Pacing, paced_to: datetime | None, now: datetime) -> Self:
        if paced_to is None:
            return cls(pacing, now)
        unspent = (now - paced_to) // MICROSECOND
        # A greater debt comes from a clock that was set back, or a limit that was: it is forgiven.
        debt = max(pacing.text_cost, pacing.media_cost)
        return cls(pacing, now, max(-debt, min(WINDOW, unspent)))

    def spend(self, cost: int) -> None:
        self.credit -= cost

    @property
    def is_spent(self) -> bool:
        return self.credit <= 0

    @property
    def paced_to(self) -> datetime:
        """Up to when the channel's time is spent now."""
        return self.now - self.credit * MICROSECOND


def _cost(per_second: int | None) -> int:
    """Rounded up: never faster than the limit."""
    return -(-SECOND // per_second) if per_second else 0
