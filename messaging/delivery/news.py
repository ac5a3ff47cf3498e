"""What can be said of a message, of which attempt, and by whom."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from django.utils import timezone

from messaging.channels.base import Outcome, Verdict

NOTHING_SAID = Verdict(Outcome.UNKNOWN)


class News(StrEnum):
    ACCEPTED = "accepted"  # the provider's answer to our call
    CONFIRMED = "confirmed"  # an echo or receipt shows that it went out
    DELIVERED = "delivered"
    READ = "read"
    REFUSED = "refused"
    BUSY = "busy"
    UNKNOWN = "unknown"  # may have gone out: no answer, or the attempt's lease ran out
    UNCALLED = "uncalled"  # certainly not tried
    MEDIA_PENDING = "media_pending"
    DEFERRED = "deferred"  # not before `Change.until`; the verdict says why
    REPEATABLE = "repeatable"  # may have gone out, but the provider knows our id
    OVERDUE = "overdue"  # unknown for too long
    CANCELED = "canceled"
    WITHDRAWN = "withdrawn"  # canceled, if need be as soon as it is certain that it is not out


_NEWS_OF = {
    Outcome.ACCEPTED: News.ACCEPTED,
    Outcome.REFUSED: News.REFUSED,
    Outcome.BUSY: News.BUSY,
    Outcome.UNKNOWN: News.UNKNOWN,
}


class Attempt(NamedTuple):
    """A claim of a message: `turn` tells it from the claims before and after."""

    message_id: int
    turn: int

    def came_to(self, verdict: Verdict) -> "Change":
        return self.is_(_NEWS_OF[verdict.outcome], verdict)

    def is_(
        self, news: "News", verdict: Verdict = NOTHING_SAID, until: datetime | None = None
    ) -> "Change":
        return Change(self.message_id, news, self.turn, verdict, until=until)


@dataclass(frozen=True)
class Change:
    """News of one message; `turn` is that of the attempt it speaks of, facts need none."""

    message_id: int
    news: News
    turn: int = 0
    verdict: Verdict = NOTHING_SAID
    at: datetime = field(default_factory=timezone.now)
    until: datetime | None = None  # of DEFERRED


# News that look at when a message was written or last claimed.
TIMED = frozenset({News.BUSY, News.MEDIA_PENDING})
