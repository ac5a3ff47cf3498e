"""The statements with which `settle` writes many messages at once.

Raw where Django would need one branch of a CASE for each row and column, which takes a hundred
times as long, or where a bound status would keep SQLite from its partial indexes.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import connection

from messaging.delivery.lookups import named
from messaging.models import Message, MessageStatus

_COLUMNS = [
    "status",
    "provider_message_id",
    "error_code",
    "error_message",
    "provider_code",
    "error_retryable",
    "due_at",
    "lease_until",
    "turn",
    "attempts",
    "unconfirmed_at",
    "sent_at",
    "delivered_at",
    "read_at",
    "updated_at",
]
_WRITE = "UPDATE messaging_message SET {} WHERE id = %s".format(  # noqa: S608
    ", ".join(f"{name} = %s" for name in _COLUMNS)
)
# The second condition on the status says nothing new, but is word for word that of `lane`.
_DELAY = """
UPDATE messaging_message SET due_at = %s
WHERE stream_id = %s AND contact_id = %s AND id > %s AND status = 'queued' AND due_at < %s
  AND status IN ('preparing', 'queued', 'sending', 'unconfirmed')"""


def write(rows: Iterable[Message]) -> None:
    """Write what news can change, of rows that the caller has locked."""
    _each(
        _WRITE,
        [
            [*(_raw(getattr(row, name)) for name in _COLUMNS), row.pk]
            for row in sorted(rows, key=lambda row: row.pk)
        ],
    )


def delay_lanes(rows: Iterable[Message]) -> None:
    """Move what waits behind a delayed message along: at the front of the claim it costs time."""
    delayed = sorted(
        (row for row in rows if row.status == MessageStatus.QUEUED), key=lambda row: row.pk
    )
    untils = [_raw(row.due_at) for row in delayed]
    _each(
        _DELAY,
        [
            [until, row.stream_id, row.contact_id, row.pk, until]
            for row, until in zip(delayed, untils, strict=True)
        ],
    )


def make_room(rows: Iterable[Message]) -> None:
    """Let go of the provider's ids that `rows` have now, wherever else they are.

    An echo that could not be matched in time was stored as typed by the owner: that row was never
    called and is the same message, so it goes. A row that was called had been matched to the
    wrong echo of two alike, and loses only the id.
    """
    owners: dict[tuple[int, str], Message] = {}
    for row in rows:
        key = (row.channel_id, row.provider_message_id)
        if key in owners:
            owners[key].provider_message_id = ""
        owners[key] = row
    if not owners:
        return
    channels, ids = zip(*owners, strict=True)
    ours = {row.pk for row in owners.values()}
    clashing = {
        row.pk: row.attempted_at
        for row in named(channels, ids).order_by("pk").select_for_update()
        if (row.channel_id, row.provider_message_id) in owners and row.pk not in ours
    }
    if clashing:
        copies = [pk for pk, attempted_at in clashing.items() if attempted_at is None]
        Message.objects.filter(pk__in=copies).delete()
        Message.objects.filter(pk__in=clashing).update(provider_message_id="")


def database_time(moment: datetime) -> Any:
    """A moment as raw SQL takes it."""
    return connection.ops.adapt_datetimefield_value(moment)


def _raw(value: Any) -> Any:
    return database_time(value) if isinstance(value, datetime) else value


def _each(statement: str, parameters: Sequence[Sequence[Any]]) -> None:
    if parameters:
        with connection.cursor() as cursor:
            cursor.executemany(statement, parameters)
