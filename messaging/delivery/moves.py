"""What a piece of news makes of a message: the table of allowed moves, without a database.

Two kinds of news. A fact is something the provider has said or shown: it is believed whoever asked
and whenever it comes, and the status only climbs. An effect is what we conclude from an attempt:
it counts only for the attempt that the message is in, which `turn` tells.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from django.db.models import Model
from django.utils import timezone

from messaging.channels.base import Outcome, Verdict
from messaging.delivery.backing_off import back_off_of, wait
from messaging.delivery.rows import Row
from messaging.models import Message, MessageStatus

BUSY_ATTEMPTS = 8
LONGEST_MEDIA_WAIT = timedelta(seconds=60)
DELIVERY_UNKNOWN = "delivery_unknown"
NOTHING_SAID = Verdict(Outcome.UNKNOWN)

_S = MessageStatus


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


@dataclass(frozen=True)
class Move:
    to: MessageStatus
    from_: frozenset[MessageStatus]
    fact: bool = False


# A row that was called may have reached the provider whatever we have concluded since.
_TRIED = frozenset({_S.QUEUED, _S.SENDING, _S.UNCONFIRMED, _S.FAILED, _S.CANCELED})
_IN_FLIGHT = frozenset({_S.SENDING})
MOVES: dict[News, Move] = {
    News.ACCEPTED: Move(_S.SENT, _TRIED, fact=True),
    News.CONFIRMED: Move(_S.SENT, _TRIED, fact=True),
    News.DELIVERED: Move(_S.DELIVERED, _TRIED | {_S.SENT}, fact=True),
    News.READ: Move(_S.READ, _TRIED | {_S.SENT, _S.DELIVERED}, fact=True),
    News.REFUSED: Move(_S.FAILED, _IN_FLIGHT),
    News.BUSY: Move(_S.QUEUED, _IN_FLIGHT),
    News.UNKNOWN: Move(_S.UNCONFIRMED, _IN_FLIGHT),
    News.UNCALLED: Move(_S.QUEUED, _IN_FLIGHT),
    News.MEDIA_PENDING: Move(_S.QUEUED, _IN_FLIGHT),
    News.DEFERRED: Move(_S.QUEUED, _IN_FLIGHT | {_S.QUEUED}),
    News.REPEATABLE: Move(_S.QUEUED, _IN_FLIGHT | {_S.UNCONFIRMED}),
    News.OVERDUE: Move(_S.FAILED, _IN_FLIGHT | {_S.UNCONFIRMED, _S.QUEUED}),
    News.CANCELED: Move(_S.CANCELED, frozenset({_S.SCHEDULED, _S.PREPARING, _S.QUEUED})),
    # Whatever the attempt: it is the sender's word. See `_withdraw`.
    News.WITHDRAWN: Move(_S.CANCELED, frozenset({_S.SENDING, _S.UNCONFIRMED, _S.QUEUED})),
}
_NEWS_OF = {
    Outcome.ACCEPTED: News.ACCEPTED,
    Outcome.REFUSED: News.REFUSED,
    Outcome.BUSY: News.BUSY,
    Outcome.UNKNOWN: News.UNKNOWN,
}
_BUSY_TOO_LONG = "The provider did not take the message in {} attempts."
_WITHDRAWN = Verdict(
    Outcome.REFUSED, code="canceled", message="It was withdrawn while it was being sent."
)
_UNKNOWN_TOO_LONG = Verdict(
    Outcome.REFUSED,
    code=DELIVERY_UNKNOWN,
    message="Whether the provider sent this message could not be found out.",
)


def move(row: Row, change: Change) -> bool:
    """Change `row` in memory as the news demands; False when it says nothing new or comes late."""
    if change.news == News.WITHDRAWN:
        return _withdraw(row, change)
    rule = MOVES[change.news]
    learned = rule.fact and _learn_id(row, change)
    if row.status not in rule.from_ or not (rule.fact or row.turn == change.turn):
        return learned
    if not _in_place(row, change):
        return learned
    was = row.status
    row.status = rule.to.value
    if not rule.fact:
        row.turn += 1
    if row.status == _S.QUEUED and was == _S.SENDING and _was_no_attempt(change):
        row.attempts = max(0, row.attempts - 1)  # the claim counted it
    _CONSEQUENCES[rule.to](row, change)
    if row.withdrawn and row.status == _S.QUEUED:
        _end_withdrawn(row)
    row.updated_at = change.at
    return True


def _withdraw(row: Row, change: Change) -> bool:
    """Cancel what certainly is not out; the rest is not tried again, whatever it comes to."""
    if move(row, replace(change, news=News.CANCELED, turn=row.turn)):
        return True
    if row.withdrawn or row.status not in MOVES[News.WITHDRAWN].from_:
        return False
    row.withdrawn = True
    if row.status == _S.QUEUED:
        row.turn += 1
        _end_withdrawn(row)
    row.updated_at = change.at
    return True


def _end_withdrawn(row: Row) -> None:
    """Instead of another try."""
    if row.unconfirmed_at is None:
        row.status = _S.CANCELED.value
        _explain(row, _WITHDRAWN)
    else:
        row.status = _S.UNCONFIRMED.value


def _in_place(row: Row, change: Change) -> bool:
    """What may have gone out ends by a receipt or its deadline, and nothing else has a deadline."""
    in_doubt = row.unconfirmed_at is not None
    if change.news == News.REPEATABLE and row.withdrawn:
        return row.status == _S.SENDING
    if change.news == News.CANCELED:
        return not in_doubt
    return in_doubt or not (change.news == News.OVERDUE and row.status == _S.QUEUED)


def _was_no_attempt(change: Change) -> bool:
    if change.news == News.BUSY:
        return not (back_off_of(change.verdict).delays or change.verdict.channel_error)
    return change.news in (News.UNCALLED, News.MEDIA_PENDING, News.DEFERRED)


def delays(change: Change) -> bool:
    """Whether the news moves the message's time, and so that of what waits behind it."""
    if change.news == News.BUSY:
        return back_off_of(change.verdict).delays
    return change.news in (News.MEDIA_PENDING, News.DEFERRED)


def _learn_id(row: Row, change: Change) -> bool:
    """An answer to our own call names the message for certain, an echo was matched by its look."""
    given = clip(change.verdict.provider_message_id, Message, "provider_message_id")
    certain = change.news == News.ACCEPTED
    if not given or given == row.provider_message_id or (row.provider_message_id and not certain):
        return False
    row.provider_message_id = given
    row.updated_at = change.at
    return True


def _went_out(row: Row, change: Change) -> None:
    row.sent_at = row.sent_at or change.at
    if row.status in (_S.DELIVERED, _S.READ):
        row.delivered_at = row.delivered_at or change.at
    if row.status == _S.READ:
        row.read_at = row.read_at or change.at
    _explain(row, NOTHING_SAID)


def _failed(row: Row, change: Change) -> None:
    """What is said against a repeated call is no word on the call before, which may be out."""
    if row.unconfirmed_at:
        code = change.verdict.provider_code
        _explain(row, replace(_UNKNOWN_TOO_LONG, provider_code=code))
    else:
        _explain(row, change.verdict, "refused")


def _queued(row: Row, change: Change) -> None:
    if change.news == News.DEFERRED:
        row.due_at = max(change.until or change.at, change.at)
        _explain(row, change.verdict)
    elif change.news == News.MEDIA_PENDING:
        row.due_at = change.at + _media_wait(change.at - (row.created_at or change.at))
        _explain(row, change.verdict)
    elif change.news == News.REPEATABLE:
        row.unconfirmed_at = row.unconfirmed_at or change.at
    elif change.news == News.BUSY:
        _come_back_later(row, change)


def _come_back_later(row: Row, change: Change) -> None:
    verdict = change.verdict
    _explain(row, verdict, "provider_busy")
    if not back_off_of(verdict).delays:
        return  # it waits for its channel, and is the first then
    if row.attempts < BUSY_ATTEMPTS:
        row.due_at = change.at + wait(row.attempts, verdict.retry_after)
        return
    row.status = _S.FAILED.value
    said = _BUSY_TOO_LONG.format(row.attempts)
    given_up = replace(verdict, code="provider_busy", message=said, retryable=True)
    _failed(row, replace(change, verdict=given_up))


def _unconfirmed(row: Row, change: Change) -> None:
    row.unconfirmed_at = row.unconfirmed_at or change.at


def _canceled(row: Row, change: Change) -> None:
    _explain(row, change.verdict)


_CONSEQUENCES = {
    _S.SENT: _went_out,
    _S.DELIVERED: _went_out,
    _S.READ: _went_out,
    _S.FAILED: _failed,
    _S.QUEUED: _queued,
    _S.UNCONFIRMED: _unconfirmed,
    _S.CANCELED: _canceled,
}


def _media_wait(age: timedelta) -> timedelta:
    """As long again as it has been waiting, within reason."""
    return min(LONGEST_MEDIA_WAIT, max(timedelta(seconds=2), age))


def _explain(row: Row, verdict: Verdict, default_code: str = "") -> None:
    row.error_code = clip(verdict.code or default_code, Message, "error_code")
    row.error_message = clip(verdict.message, Message, "error_message")
    row.provider_code = clip(verdict.provider_code, Message, "provider_code")
    row.error_retryable = verdict.retryable


def clip(text: str, model: type[Model], field_name: str) -> str:
    """A provider's text as a column takes it: no NUL, no half character, not too long."""
    limit = getattr(model._meta.get_field(field_name), "max_length", None)
    return text.replace("\0", "").encode("utf-8", "replace").decode()[:limit]
