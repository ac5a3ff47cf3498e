"""What a piece of news makes of a message: the table of allowed moves, without a database.

Two kinds of news. A fact is something the provider has said or shown: it is believed whoever asked
and whenever it comes, and the status only climbs. An effect is what we conclude from an attempt:
it counts only for the attempt that the message is in, which `turn` tells.
"""

from dataclasses import dataclass, replace

from messaging.channels.base import Outcome, Verdict
from messaging.delivery.backing_off import back_off_of
from messaging.delivery.consequences import CONSEQUENCES, clip, explain
from messaging.delivery.news import Change, News
from messaging.delivery.rows import Row
from messaging.models import Message, MessageStatus

_S = MessageStatus


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
_WITHDRAWN = Verdict(
    Outcome.REFUSED, code="canceled", message="It was withdrawn while it was being sent."
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
    CONSEQUENCES[rule.to](row, change)
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
        explain(row, _WITHDRAWN)
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
