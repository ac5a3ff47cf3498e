"""Replies: which execution a person's message answers, and going on with it.

Called inside the transaction of the events, with the identities of the people locked, so that two
messages of one person never answer the same question.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from django.utils import timezone

from automations.engine.events import Reply
from automations.engine.payloads import Tapped, read_payload
from automations.engine.resuming import take_up
from automations.engine.step import step_of
from automations.models import Execution
from messaging.channels.base import EventKind
from messaging.delivery.lookups import callers_position, of_stories
from messaging.delivery.news import Change, News
from messaging.delivery.settle import settle
from messaging.models import OPEN, Message, MessageStatus
from messaging.receiving import Arrival

_KINDS = frozenset({EventKind.MESSAGE, EventKind.POSTBACK})
_CALLED = frozenset(
    {
        MessageStatus.SENDING,
        MessageStatus.UNCONFIRMED,
        MessageStatus.SENT,
        MessageStatus.DELIVERED,
        MessageStatus.READ,
    }
)
_ARRIVED = frozenset({MessageStatus.DELIVERED, MessageStatus.READ})
_WAITING = frozenset({MessageStatus.SCHEDULED, *OPEN})
_Rows = list[Message]


@dataclass(frozen=True)
class Answered:
    """An execution and what answers it; `rows` are its messages from the question on."""

    execution: Execution
    rows: _Rows
    arrival: Arrival
    tapped: Tapped | None

    @property
    def reply(self) -> Reply:
        named = self.tapped and _is_named(self.execution, self.tapped)
        return Reply(self.arrival.text, self.tapped.branch if self.tapped and named else "")


def take_replies(arrivals: Iterable[Arrival]) -> set[int]:
    """Go on with the executions that `arrivals` answer; the ids of the events that did.

    A tapped button names its question; anything else answers the one that went out last. There is
    one arrival for each contact, and all their identities are held.
    """
    open_ = [each for each in arrivals if each.kind in _KINDS]
    taken: set[int] = set()
    changes: list[Change] = []
    while open_ and (found := _answered(open_)):
        current = _current(found)
        changes += _go_on(current)
        done = {each.arrival.event_id for each in current}
        taken |= done
        # Somebody went on with the others since they were looked at: then look again.
        open_ = [each.arrival for each in found if each.arrival.event_id not in done]
    # After the last execution is locked, since messages come behind executions everywhere.
    if changes:
        settle(changes)
    return taken


def _answered(arrivals: Sequence[Arrival]) -> list[Answered]:
    waiting = _waiting(arrivals)
    executions = [each for group in waiting.values() for each in group]
    if not executions:
        return []
    stories = [each.story for each in executions]
    by_story: dict[UUID | None, Execution] = dict(zip(stories, executions, strict=True))
    sent: dict[int, _Rows] = {each.pk: [] for each in executions}
    for row in of_stories(stories, min(each.awaited or 0 for each in executions)):
        execution = by_story[row.story]
        if callers_position(row) >= (execution.awaited or 0):
            sent[execution.pk].append(row)
    found = []
    for arrival in arrivals:
        tapped = read_payload(arrival.reply_payload)
        chosen = _chosen(waiting.get(arrival.event_id, ()), sent, arrival.happened_at, tapped)
        if chosen:
            found.append(Answered(chosen, sent[chosen.pk], arrival, tapped))
    return found


def _waiting(arrivals: Sequence[Arrival]) -> dict[int, list[Execution]]:
    """What waits for a reply of the people who arrived, by the event of each."""
    people = {(each.contact_id, each.channel_id): each.event_id for each in arrivals}
    waiting: dict[int, list[Execution]] = {}
    for execution in Execution.objects.awaiting_reply(people):
        event_id = people.get((execution.contact_id, execution.channel_id))
        if event_id is not None:
            waiting.setdefault(event_id, []).append(execution)
    return waiting


def _chosen(
    waiting: Iterable[Execution],
    sent: Mapping[int, _Rows],
    happened_at: datetime,
    tapped: Tapped | None,
) -> Execution | None:
    seen = [(since, each) for each in waiting if (since := _seen_from(each, sent[each.pk]))]
    for _, each in seen:
        if _is_named(each, tapped):
            return each
    # Providers' clocks are coarse: a reply may bear the second in which its question went out.
    answered = [
        (since, each.pk, each)
        for since, each in seen
        if since.replace(microsecond=0) <= happened_at
    ]
    return max(answered)[2] if answered else None


def _current(found: Iterable[Answered]) -> list[Answered]:
    """Those whose execution still waits as it did, locked in the order of their ids."""
    by_id = {each.execution.pk: each for each in found}
    rows = Execution.objects.filter(pk__in=by_id).order_by("pk").select_for_update()
    return [
        replace(by_id[row.pk], execution=row)
        for row in rows
        if row.awaited is not None and row.awaited == by_id[row.pk].execution.awaited
    ]


def _is_named(execution: Execution, tapped: Tapped | None) -> bool:
    if tapped is None or execution.awaited is None:
        return False
    return (tapped.story, tapped.number) == (execution.story, step_of(execution.awaited))


def _question(execution: Execution, rows: _Rows) -> Message | None:
    """The message that asks; of one that went out as two, the last."""
    asking = [row for row in rows if callers_position(row) == execution.awaited]
    return asking[-1] if asking else None


def _seen_from(execution: Execution, rows: _Rows) -> datetime | None:
    """Since when the person can have seen the question; None while they cannot."""
    question = _question(execution, rows)
    if question is None:
        return None
    if question.unconfirmed_at:  # an earlier attempt than the last may be the one that arrived
        return question.created_at
    return question.attempted_at if question.status in _CALLED else None


def _go_on(answered: Sequence[Answered]) -> list[Change]:
    """Take the next turns; what the replies say of the messages they answer."""
    changes = [change for each in answered for change in _changes(each)]
    replies = {each.execution.pk: each.reply for each in answered}
    take_up([each.execution for each in answered], timezone.now(), replies)
    return changes


def _changes(answered: Answered) -> Iterator[Change]:
    """The question has arrived, and a reminder that is still to go out would come too late."""
    question = _question(answered.execution, answered.rows)
    for row in answered.rows:
        if row is question and row.status not in _ARRIVED:
            yield Change(row.pk, News.DELIVERED, at=answered.arrival.happened_at)
        elif row is not question and row.status in _WAITING:
            yield Change(row.pk, News.WITHDRAWN)
