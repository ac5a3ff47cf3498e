"""Looking messages up through the partial indexes.

SQLite uses such an index only where its condition stands in the statement word for word; a bound
parameter in its place makes it read the whole table.
"""

from collections.abc import Collection

from django.db.models import BooleanField, QuerySet
from django.db.models.expressions import RawSQL

from messaging.models import Message


def in_status(status: str) -> "QuerySet[Message]":
    return _where(f"messaging_message.status = '{status}'")


def named(channel_ids: Collection[int], ids: Collection[str]) -> "QuerySet[Message]":
    """The messages of these channels that their providers know by these ids."""
    has_id = _where("NOT (messaging_message.provider_message_id = '')")
    return has_id.filter(channel_id__in=channel_ids, provider_message_id__in=ids)


def _where(condition: str) -> "QuerySet[Message]":
    return Message.objects.filter(RawSQL(condition, (), output_field=BooleanField()))  # noqa: S611
