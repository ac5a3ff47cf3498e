"""`settle()`: the one function through which news of messages becomes rows.

Verdicts, receipts, echoes, time-outs and withdrawals all come here, many at a time: one
transaction, rows locked in the order of their ids, a number of statements that does not grow with
the number of rows, and the signal inside, so that whoever waits for a message learns of its end
together with the end itself.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import structlog
from django.db import InterfaceError, OperationalError, transaction
from django.utils import timezone

from messaging.channels.base import Outcome, Verdict
from messaging.delivery import writing
from messaging.delivery.consequences import DELIVERY_UNKNOWN, clip
from messaging.delivery.moves import delays, move
from messaging.delivery.news import TIMED, Change, News
from messaging.delivery.pausing import pause_channels
from messaging.delivery.rows import Row
from messaging.models import Channel, ChannelStatus, Message, MessageStatus
from messaging.signals import messages_settled, messages_settling

log = structlog.get_logger(__name__)

_TOLD = (
    MessageStatus.SENT,
    MessageStatus.DELIVERED,
    MessageStatus.READ,
    MessageStatus.FAILED,
    MessageStatus.CANCELED,
)
_WITHDRAWABLE = (MessageStatus.SCHEDULED, MessageStatus.PREPARING, MessageStatus.QUEUED)
_WITHDRAWN = Verdict(
    Outcome.REFUSED,
    code="earlier_failed",
    message="An earlier message of the same scenario failed.",
)


@dataclass(frozen=True)
class Settled:
    """A message that went out, arrived, was read, failed or was withdrawn.

    `position` is the caller's own: a message that went out as two rows (see
    `messaging.queueing`) is told of twice, once for each.
    """

    message_id: int
    workspace_id: int
    story: UUID | None
    position: int | None
    status: MessageStatus
    error_code: str
    error_message: str
    sent_at: datetime | None = None


class _Before(NamedTuple):
    status: str
    provider_message_id: str


def settle(
    changes: Sequence[Change], *, tell: bool = True, stories: Collection[UUID] | None = None
) -> list[Settled]:
    """Apply `changes`, all or none; those that come late or say nothing new are discarded.

    `tell=False` leaves the signals out: for news that their receivers fail over. `stories` are
    those of the messages, where the caller knows them already.
    """
    ids = {change.message_id for change in changes}
    timed = any(change.news in TIMED for change in changes)
    with transaction.atomic():
        if tell and messages_settling.has_listeners():
            known_stories = _stories(ids) if stories is None else sorted(stories)
            if known_stories:
                messages_settling.send(sender=Message, stories=known_stories)
        found = writing.read(Message.objects.filter(pk__in=ids), timed=timed)
        rows = {row.pk: row for row in found}
        before = {pk: _Before(row.status, row.provider_message_id) for pk, row in rows.items()}
        known = [(rows[each.message_id], each) for each in changes if each.message_id in rows]
        moved = [(row, change) for row, change in known if move(row, change)]
        settled = _written(moved, before)
        if tell and settled:
            messages_settled.send(sender=Message, changes=settled)
    return settled


def settle_each(
    changes: Sequence[Change], stories: Collection[UUID] | None = None
) -> list[Settled]:
    """Like `settle`, but news that cannot be applied cost only themselves, not their batch.

    A database that is out of reach, or a deadlock, is the caller's to wait for.
    """
    if not changes:
        return []
    try:
        return settle(changes, stories=stories)
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:
        log.error("news not applied", messages=len(changes), error=type(error).__name__)
    if len(changes) > 1:
        half = len(changes) // 2
        return settle_each(changes[:half]) + settle_each(changes[half:])
    return _settle_alone(changes[0])


def _settle_alone(change: Change) -> list[Settled]:
    """Once more, for another writer may have been in the way; then without the receivers.

    What the provider said stays true when a receiver fails over it.
    """
    for tell in (True, False):
        try:
            return settle([change], tell=tell)
        except (OperationalError, InterfaceError):
            raise
        except Exception as error:
            name, news = type(error).__name__, str(change.news)
            log.error("news not applied", message=change.message_id, news=news, error=name)
    return []


def _stories(ids: Collection[int]) -> list[UUID]:
    found = Message.objects.filter(pk__in=ids, story__isnull=False).values_list("story", flat=True)
    return sorted({story for story in found if story})


def _written(moved: Sequence[tuple[Row, Change]], before: Mapping[int, _Before]) -> list[Settled]:
    """Write what has moved and what follows from it; the messages that came to something."""
    changed = {row.pk: row for row, _ in moved}
    withdrawn = _withdrawn(changed.values())
    writing.make_room(
        row
        for pk, row in changed.items()
        if row.provider_message_id not in ("", before[pk].provider_message_id)
    )
    writing.write([*changed.values(), *withdrawn])
    writing.delay_lanes(row for row, change in moved if delays(change))
    _stop_channels(moved)
    pause_channels(moved)
    came_to = [row for row in changed.values() if row.status != before[row.pk].status]
    return [_as_settled(row) for row in [*came_to, *withdrawn] if row.status in _TOLD]


def _withdrawn(rows: Iterable[Row]) -> list[Row]:
    """The rest of the stories that failed for good, canceled in memory."""
    failed = {
        row.story: row.position or 0
        for row in rows
        if row.story and row.status == MessageStatus.FAILED and row.error_code != DELIVERY_UNKNOWN
    }
    if not failed:
        return []
    waiting = Message.objects.filter(story__in=failed, status__in=_WITHDRAWABLE)
    return [
        row
        for row in writing.read(waiting, timed=False)
        if row.story
        and (row.position or 0) > failed[row.story]
        and move(row, Change(row.pk, News.CANCELED, row.turn, _WITHDRAWN))
    ]


def _stop_channels(moved: Iterable[tuple[Row, Change]]) -> None:
    reasons = {
        row.channel_id: change.verdict.channel_error
        for row, change in moved
        if change.verdict.channel_error
    }
    for channel_id, reason in sorted(reasons.items()):
        Channel.objects.filter(pk=channel_id, status=ChannelStatus.CONNECTED).update(
            status=ChannelStatus.ERROR,
            status_reason=clip(reason, Channel, "status_reason"),
            updated_at=timezone.now(),
        )
        log.warning("channel stopped", channel=channel_id)


def _as_settled(row: Row) -> Settled:
    return Settled(
        message_id=row.pk,
        workspace_id=row.workspace_id,
        story=row.story,
        position=None if row.position is None else row.position // 2,
        status=MessageStatus(row.status),
        error_code=row.error_code,
        error_message=row.error_message,
        sent_at=row.sent_at,
    )
