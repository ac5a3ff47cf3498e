"""Which messages go next: one statement per stream, as measured on a million queued rows.

Raw SQL, because SQLite uses a partial index only where the status stands in the statement as a
literal: with a parameter in its place the same claim takes thousands of times as long.
"""

from datetime import datetime
from typing import Any

from django.db import connection

from messaging.delivery.news import Attempt
from messaging.delivery.writing import database_time
from messaging.pacing import Allowance, Pacing

_NEXT = """
SELECT m.id{} FROM messaging_message m
WHERE m.stream_id = %s AND m.status = 'queued' AND m.due_at <= %s
  AND NOT EXISTS (
    SELECT 1 FROM messaging_message o
    WHERE o.stream_id = m.stream_id AND o.contact_id = m.contact_id AND o.id < m.id
      AND o.status IN ('preparing', 'queued', 'sending', 'unconfirmed'))
  AND NOT EXISTS (
    SELECT 1 FROM messaging_message f
    WHERE f.channel_id = m.channel_id AND f.contact_id = m.contact_id AND f.status = 'sending')
ORDER BY m.due_at, m.id LIMIT %s{}"""
# Of those, as many as the credit pays for; the last may overdraw it.
_PAID = """
SELECT paid.id FROM (
  SELECT next.id, SUM(next.cost) OVER (ORDER BY next.due_at, next.id) - next.cost AS before
  FROM ({}) AS next) AS paid
WHERE paid.before < %s"""
_COSTING = ", m.due_at, CASE m.message_type WHEN 'text' THEN %s ELSE %s END AS cost"
_UPDATE = """
UPDATE messaging_message
SET status = 'sending', turn = turn + 1, attempts = attempts + 1,
    attempted_at = %s, lease_until = %s
WHERE {} RETURNING id, turn, message_type = 'text'"""
CLAIM = {
    "sqlite": _UPDATE.format(f"id IN ({_PAID.format(_NEXT.format(_COSTING, ''))})"),
    "postgresql": _UPDATE.format(
        f"id = ANY(ARRAY({_PAID.format(_NEXT.format(_COSTING, ' FOR UPDATE OF m SKIP LOCKED'))}))"
    ),
}
# Nothing goes out on a channel that is not connected; its messages wait until it is again.
_STREAMS = """
SELECT s.id FROM messaging_stream s
JOIN messaging_channel c ON c.id = s.channel_id AND c.status = 'connected'
WHERE s.channel_id = %s AND s.state = 'running' ORDER BY s.rank, s.id"""
# The scalar subquery looks at one entry of the index `claim` for each stream; as a join it might
# be planned over all queued rows.
_DUE_STREAMS = """
SELECT s.id, s.channel_id FROM messaging_stream s
JOIN messaging_channel c ON c.id = s.channel_id AND c.status = 'connected'
LEFT JOIN messaging_pump p ON p.channel_id = s.channel_id
WHERE s.state = 'running' AND (p.lease_until IS NULL OR p.lease_until < %s)
  AND (p.paused_until IS NULL OR p.paused_until < %s)
  AND (SELECT m.due_at FROM messaging_message m WHERE m.stream_id = s.id AND m.status = 'queued'
       ORDER BY m.due_at LIMIT 1) <= %s"""


def claim(
    channel_id: int,
    room: int,
    now: datetime,
    lease_until: datetime,
    allowance: Allowance | None = None,
) -> list[Attempt]:
    """Take up to `room` messages of a channel into `sending`, replies first.

    Of each stream and contact only the oldest open message can be taken, and none of a contact
    that has one in flight. What they cost is spent from the `allowance`, and none is taken when
    that is used up. The caller holds the channel's pump row locked.
    """
    allowance = allowance or Allowance(Pacing(), now)
    costs = {True: allowance.pacing.text_cost, False: allowance.pacing.media_cost}
    statement = CLAIM[connection.vendor]
    at, until = database_time(now), database_time(lease_until)
    taken: list[Attempt] = []
    with connection.cursor() as cursor:
        for stream_id in _running(cursor, channel_id):
            if len(taken) >= room or allowance.is_spent:
                break
            limits = [room - len(taken), allowance.credit]
            cursor.execute(statement, [at, until, *costs.values(), stream_id, at, *limits])
            for message_id, turn, is_text in cursor.fetchall():
                taken.append(Attempt(message_id, turn))
                allowance.spend(costs[bool(is_text)])
    return sorted(taken)


def is_waiting(channel_id: int, now: datetime) -> bool:
    """Whether a claim would find anything on this channel."""
    with connection.cursor() as cursor:
        return any(_next(cursor, stream, now) for stream in _running(cursor, channel_id))


def channels_waiting(now: datetime) -> list[int]:
    """Connected channels without a live pump or a pause where a claim would find something."""
    at = database_time(now)
    found: dict[int, None] = {}
    with connection.cursor() as cursor:
        cursor.execute(_DUE_STREAMS, [at, at, at])
        for stream_id, channel_id in cursor.fetchall():
            if channel_id not in found and _next(cursor, stream_id, now):
                found[channel_id] = None
    return list(found)


def _running(cursor: Any, channel_id: int) -> list[int]:
    cursor.execute(_STREAMS, [channel_id])
    return [stream_id for (stream_id,) in cursor.fetchall()]


def _next(cursor: Any, stream_id: int, now: datetime) -> bool:
    cursor.execute(_NEXT.format("", ""), [stream_id, database_time(now), 1])
    return cursor.fetchone() is not None
