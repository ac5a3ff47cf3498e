"""What a message says of itself in its new state: times, reasons, when it is tried again."""

from dataclasses import replace
from datetime import timedelta

from django.db.models import Model

from messaging.channels.base import Outcome, Verdict
from messaging.delivery.backing_off import back_off_of, wait
from messaging.delivery.news import NOTHING_SAID, Change, News
from messaging.delivery.rows import Row
from messaging.models import Message, MessageStatus

BUSY_ATTEMPTS = 8
LONGEST_MEDIA_WAIT = timedelta(seconds=60)
DELIVERY_UNKNOWN = "delivery_unknown"

_S = MessageStatus
_BUSY_TOO_LONG = "The provider did not take the message in {} attempts."
_UNKNOWN_TOO_LONG = Verdict(
    Outcome.REFUSED,
    code=DELIVERY_UNKNOWN,
    message="Whether the provider sent this message could not be found out.",
)


def _went_out(row: Row, change: Change) -> None:
    row.sent_at = row.sent_at or change.at
    if row.status in (_S.DELIVERED, _S.READ):
        row.delivered_at = row.delivered_at or change.at
    if row.status == _S.READ:
        row.read_at = row.read_at or change.at
    explain(row, NOTHING_SAID)


def _failed(row: Row, change: Change) -> None:
    """What is said against a repeated call is no word on the call before, which may be out."""
    if row.unconfirmed_at or change.news == News.OVERDUE:
        code = change.verdict.provider_code
        explain(row, replace(_UNKNOWN_TOO_LONG, provider_code=code))
    else:
        explain(row, change.verdict, "refused")


def _queued(row: Row, change: Change) -> None:
    if change.news == News.DEFERRED:
        row.due_at = max(change.until or change.at, change.at)
        explain(row, change.verdict)
    elif change.news == News.MEDIA_PENDING:
        row.due_at = change.at + _media_wait(change.at - (row.created_at or change.at))
        explain(row, change.verdict)
    elif change.news == News.REPEATABLE:
        row.unconfirmed_at = row.unconfirmed_at or change.at
    elif change.news == News.BUSY:
        _come_back_later(row, change)


def _come_back_later(row: Row, change: Change) -> None:
    verdict = change.verdict
    explain(row, verdict, "provider_busy")
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
    explain(row, change.verdict)


def _media_wait(age: timedelta) -> timedelta:
    """As long again as it has been waiting, within reason."""
    return min(LONGEST_MEDIA_WAIT, max(timedelta(seconds=2), age))


def explain(row: Row, verdict: Verdict, default_code: str = "") -> None:
    row.error_code = clip(verdict.code or default_code, Message, "error_code")
    row.error_message = clip(verdict.message, Message, "error_message")
    row.provider_code = clip(verdict.provider_code, Message, "provider_code")
    row.error_retryable = verdict.retryable


def clip(text: str, model: type[Model], field_name: str) -> str:
    """A provider's text as a column takes it: no NUL, no half character, not too long."""
    limit = getattr(model._meta.get_field(field_name), "max_length", None)
    return text.replace("\0", "").encode("utf-8", "replace").decode()[:limit]


CONSEQUENCES = {
    _S.SENT: _went_out,
    _S.DELIVERED: _went_out,
    _S.READ: _went_out,
    _S.FAILED: _failed,
    _S.QUEUED: _queued,
    _S.UNCONFIRMED: _unconfirmed,
    _S.CANCELED: _canceled,
}
