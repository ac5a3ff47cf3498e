"""Looking messages up through the partial indexes.

SQLite uses such an index only where its condition stands in the statement word for word; a bound
parameter in its place makes it read the whole table.
"""

from collections.abc import Collection
from uuid import UUID

from django.db.models import BooleanField, QuerySet
from django.db.models.expressions import RawSQL

from messaging.models import Message


def in_status(status: str) -> "QuerySet[Message]":
    return _where(f"messaging_message.status = '{status}'")


def in_lanes(stream_id: int) -> "QuerySet[Message]":
    """The open messages of a stream, contact by contact."""
    lanes = "messaging_message.status IN ('preparing', 'queued', 'sending', 'unconfirmed')"
    return _where(lanes).filter(stream=stream_id).order_by("contact", "pk")


def named(channel_ids: Collection[int], ids: Collection[str]) -> "QuerySet[Message]":
    """The messages of these channels that their providers know by these ids."""
    has_id = _where("NOT (messaging_message.provider_message_id = '')")
    return has_id.filter(channel_id__in=channel_ids, provider_message_id__in=ids)


def of_stories(stories: Collection[UUID], position: int) -> "QuerySet[Message]":
    """What stories sent from a caller's position on, in its order."""
    rows = Message.objects.filter(story__in=stories, position__gte=2 * position)
    return rows.defer("text", "content", "buttons").order_by("story", "position")


def callers_position(row: Message) -> int:
    """The position that the caller of `queue_messages` gave; it may have become two rows."""
    return (row.position or 0) // 2


def _where(condition: str) -> "QuerySet[Message]":
    return Message.objects.filter(RawSQL(condition, (), output_field=BooleanField()))  # noqa: S611
