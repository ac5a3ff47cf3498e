"""Which messages that have yet to go out carry which media files."""

from collections.abc import Collection, Iterator
from typing import Any

from django.db.models import BooleanField, Count, QuerySet
from django.db.models.expressions import RawSQL
from django.urls import reverse

from media_library.usages import Usage
from messaging.models import Message

# A literal: a bound parameter would keep SQLite from the partial index.
_TO_SEND = RawSQL(
    "messaging_message.status IN ('scheduled', 'preparing', 'queued', 'sending', 'unconfirmed')",
    (),
    output_field=BooleanField(),
)


def messages_with(media_file_ids: Collection[int]) -> Iterator[Usage]:
    """One usage for all messages of a file: there may be very many."""
    waiting = Message.objects.filter(_TO_SEND, media_file__in=media_file_ids).order_by()
    page = reverse("admin:messaging_message_changelist")
    for media_file_id, count in waiting.values_list("media_file").annotate(Count("pk")):
        title = "1 message to be sent" if count == 1 else f"{count:,} messages to be sent"
        yield Usage(media_file_id, title, page)


def messages_of(media_file_id: int) -> QuerySet[Message]:
    """The messages that have yet to carry a file."""
    return Message.objects.filter(_TO_SEND, media_file=media_file_id)


def as_object(message: Message) -> dict[str, Any]:
    return {
        "type": "message",
        "id": message.pk,
        "status": message.status,
        "scheduled_at": message.scheduled_at,
    }
