"""The statements with which `settle` writes many messages at once.

Raw where Django would need one branch of a CASE for each row and column, which takes a hundred
times as long, or where a bound status would keep SQLite from its partial indexes.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import MISSING, fields
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import QuerySet

from messaging.delivery.lookups import named
from messaging.delivery.rows import Row
from messaging.models import Message, MessageStatus

_READ = [each.name for each in fields(Row) if each.default is MISSING]
_READ_TIMES = ["created_at", "attempted_at"]
_TYPES = {
    "id": "bigint",
    "status": "text",
    "provider_message_id": "text",
    "error_code": "text",
    "error_message": "text",
    "provider_code": "text",
    "error_retryable": "boolean",
    "turn": "integer",
    "attempts": "smallint",
    "unconfirmed_at": "timestamptz",
    "withdrawn": "boolean",
    "sent_at": "timestamptz",
    "delivered_at": "timestamptz",
    "read_at": "timestamptz",
    "updated_at": "timestamptz",
    "due_at": "timestamptz",
}
# In the order of the statement's parameters. Only a message that is still being sent is in
# somebody's hand.
_WRITTEN = [name for name in _TYPES if name not in ("id", "due_at")]
_WRITE = {
    "sqlite": """
UPDATE messaging_message SET {}, due_at = COALESCE(%s, due_at),
  lease_until = CASE WHEN %s = 'sending' THEN lease_until END
WHERE id = %s""".format(", ".join(f"{name} = %s" for name in _WRITTEN)),
    # One parameter for all rows: to bind each value costs more than to write it.
    "postgresql": """
UPDATE messaging_message AS m
SET {}, due_at = COALESCE(v.due_at, m.due_at),
  lease_until = CASE WHEN v.status = 'sending' THEN m.lease_until END
FROM json_to_recordset(%s) AS v ({}) WHERE m.id = v.id""".format(
        ", ".join(f"{name} = v.{name}" for name in _WRITTEN),
        ", ".join(f"{name} {kind}" for name, kind in _TYPES.items()),
    ),
}
# The second condition on the status says nothing new, but is word for word that of `lane`.
_DELAY = """
UPDATE messaging_message SET due_at = %s
WHERE stream_id = %s AND contact_id = %s AND id > %s AND status = 'queued' AND due_at < %s
  AND status IN ('preparing', 'queued', 'sending', 'unconfirmed')"""


def read(found: "QuerySet[Message]", *, timed: bool) -> list[Row]:
    """These messages, locked in the order of their ids."""
    names = [*_READ, *(_READ_TIMES if timed else ())]
    rows = found.order_by("pk").select_for_update().values_list(*names)
    return [Row(*row) for row in rows]


def write(rows: Iterable[Row]) -> None:
    """Write what news can change, of rows that the caller has locked."""
    ordered = sorted(rows, key=lambda row: row.pk)
    if not ordered:
        return
    statement = _WRITE[connection.vendor]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(statement, [json.dumps([_as_json(row) for row in ordered])])
        else:
            names = [*_WRITTEN, "due_at", "status", "pk"]
            cursor.executemany(
                statement, [[_raw(getattr(row, name)) for name in names] for row in ordered]
            )


def _as_json(row: Row) -> dict[str, Any]:
    values: dict[str, Any] = {"id": row.pk}
    for name in (*_WRITTEN, "due_at"):
        value = getattr(row, name)
        values[name] = value.isoformat() if isinstance(value, datetime) else value
    return values


def delay_lanes(rows: Iterable[Row]) -> None:
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


def make_room(rows: Iterable[Row]) -> None:
    """Let go of the provider's ids that `rows` have now, wherever else they are.

    An echo that could not be matched in time was stored as typed by the owner: that row was never
    called and is the same message, so it goes. A row that was called had been matched to the
    wrong echo of two alike, and loses only the id.
    """
    owners: dict[tuple[int, str], Row] = {}
    for row in rows:
        key = (row.channel_id, row.provider_message_id)
        if key in owners:
            owners[key].provider_message_id = ""
        owners[key] = row
    if not owners:
        return
    channels, ids = map(set, zip(*owners, strict=True))
    ours = {row.pk for row in owners.values()}
    others = named(channels, ids).order_by("pk").select_for_update()
    columns = ("pk", "attempted_at", "channel_id", "provider_message_id")
    clashing = {
        pk: attempted_at
        for pk, attempted_at, *key in others.values_list(*columns)
        if tuple(key) in owners and pk not in ours
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
