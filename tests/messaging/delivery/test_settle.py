from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from messaging.channels.base import Outcome, Verdict
from messaging.delivery.news import Attempt, Change, News
from messaging.delivery.settle import Settled, settle, settle_each
from messaging.models import Channel, Message, Stream
from messaging.signals import messages_settled, messages_settling
from tests.messaging.delivery.conftest import Statements, fresh, person, queue, statuses

pytestmark = pytest.mark.django_db


@pytest.fixture
def told():
    """What `messages_settled` has said, message by message."""
    heard: list[Settled] = []

    def hear(changes, **kwargs):
        assert transaction.get_connection().in_atomic_block
        heard.extend(changes)

    messages_settled.connect(hear)
    yield heard
    messages_settled.disconnect(hear)


def attempt(*messages: Message, turn: int = 1) -> None:
    """Put them in flight under `turn`."""
    now = timezone.now()
    Message.objects.filter(pk__in=[message.pk for message in messages]).update(
        status="sending",
        turn=turn,
        attempts=1,
        attempted_at=now,
        lease_until=now + timedelta(seconds=30),
    )


def accepted(message: Message, mid: str, turn: int = 1) -> Change:
    return Attempt(message.pk, turn).came_to(Verdict(Outcome.ACCEPTED, provider_message_id=mid))


def refused(message: Message, turn: int = 1, **verdict) -> Change:
    return Attempt(message.pk, turn).came_to(Verdict(Outcome.REFUSED, **({"code": "no"} | verdict)))


def test_late_acceptance_is_written_whatever_has_happened(channel, told):
    (message,) = queue(channel, person(channel), "hello")
    attempt(message)
    settle([Change(message.pk, News.UNKNOWN, 1)])
    assert statuses(message) == ["unconfirmed"]
    assert told == []
    settle([Change(message.pk, News.OVERDUE, 2)])
    assert [each.error_code for each in told] == ["delivery_unknown"]
    settle([accepted(message, "m_1", turn=1)])
    message.refresh_from_db()
    assert (message.status, message.provider_message_id) == ("sent", "m_1")
    assert (message.error_code, message.sent_at is None) == ("", False)
    assert [each.status for each in told] == ["failed", "sent"]


def test_stale_refusal_is_discarded(channel, told):
    (message,) = queue(channel, person(channel), "hello")
    attempt(message)
    settle([Change(message.pk, News.UNKNOWN, 1)])
    assert settle([refused(message, turn=1)]) == []
    assert statuses(message) == ["unconfirmed"]
    attempt(message, turn=5)
    assert settle([refused(message, turn=4)]) == []
    assert statuses(message) == ["sending"]
    assert told == []


def test_the_callers_position_comes_back(channel, told):
    story = uuid4()
    first, second = queue(channel, person(channel), "a", "b", story=story)
    attempt(first)
    settle([accepted(first, "m_1")])
    attempt(second)
    settle([accepted(second, "m_2")])
    assert [(each.story, each.position, each.workspace_id) for each in told] == [
        (story, 0, channel.workspace_id),
        (story, 1, channel.workspace_id),
    ]


def test_unknown_delivery_does_not_cancel_the_story(channel, told):
    first, second = queue(channel, person(channel), "a", "b", story=uuid4())
    attempt(first)
    settle([Change(first.pk, News.UNKNOWN, 1)])
    settle([Change(first.pk, News.OVERDUE, 2)])
    assert statuses(first, second) == ["failed", "queued"]


def test_failure_cancels_later_positions_only_and_tells(channel, told):
    contact = person(channel)
    story = uuid4()
    rows = queue(channel, contact, "a", "b", "c", "d", story=story)
    Message.objects.filter(pk=rows[2].pk).update(status="scheduled")
    Message.objects.filter(pk=rows[3].pk).update(unconfirmed_at=timezone.now())
    attempt(rows[1])
    settle([refused(rows[1])])
    assert statuses(*rows) == ["queued", "failed", "canceled", "queued"]
    assert [(each.position, each.status) for each in told] == [(1, "failed"), (2, "canceled")]


def test_lane_moves_along_and_no_other(channel):
    contact, other = person(channel, "1"), person(channel, "2")
    first, behind = queue(channel, contact, "a", "b")
    (elsewhere,) = queue(channel, other, "c")
    (in_another_stream,) = queue(channel, contact, "d", stream_kind="api")
    attempt(first)
    settle([Attempt(first.pk, 1).came_to(Verdict(Outcome.BUSY))])
    now = timezone.now()
    assert fresh(first).due_at > now + timedelta(seconds=1)
    assert fresh(behind).due_at == fresh(first).due_at
    assert fresh(elsewhere).due_at <= now
    assert fresh(in_another_stream).due_at <= now


def test_stored_echo_gives_way_to_the_message_it_shows(channel):
    """The echo came, could not be matched, and was stored as typed by the owner."""
    contact = person(channel)
    (message,) = queue(channel, contact, "hello")
    attempt(message)
    copy = Message.objects.create(
        workspace_id=channel.workspace_id,
        channel=channel,
        contact=contact,
        stream=Stream.objects.get(kind="replies"),
        direction="outbound",
        message_type="text",
        text="hello",
        status="sent",
        provider_message_id="m_1",
    )
    settle([accepted(message, "m_1")])
    message.refresh_from_db()
    assert (message.status, message.provider_message_id) == ("sent", "m_1")
    assert not Message.objects.filter(pk=copy.pk).exists()


def test_answer_takes_the_id_from_a_message_that_was_matched_by_its_look(channel):
    first, second = queue(channel, person(channel, "1"), "Yes", "Yes")
    attempt(first)
    seen = Verdict(Outcome.ACCEPTED, provider_message_id="m_2")
    settle([Change(first.pk, News.CONFIRMED, verdict=seen)])
    attempt(second)
    settle([accepted(second, "m_2")])
    for row in (first, second):
        row.refresh_from_db()
    assert (first.status, first.provider_message_id) == ("sent", "")
    assert (second.status, second.provider_message_id) == ("sent", "m_2")


def test_provider_that_gives_one_id_twice_loses_neither_message(channel):
    rows = [queue(channel, person(channel, name), "hello")[0] for name in ("1", "2")]
    attempt(*rows)
    settle([accepted(row, "m_same") for row in rows])
    assert statuses(*rows) == ["sent", "sent"]


def test_channel_error_stops_the_channel_with_its_reason(channel):
    (message,) = queue(channel, person(channel), "hello")
    attempt(message)
    settle([refused(message, channel_error="Connect again. " * 40)])
    channel.refresh_from_db()
    assert channel.status == "error"
    assert channel.status_reason.startswith("Connect again.")
    Channel.objects.update(status="paused")
    attempt(message, turn=4)
    settle([refused(message, turn=4, channel_error="Again.")])
    channel.refresh_from_db()
    assert channel.status == "paused", "a person's pause is kept"


def test_receiver_that_fails_takes_back_everything(channel):
    (message,) = queue(channel, person(channel), "hello")
    attempt(message)

    def fail(**kwargs):
        raise ValueError

    messages_settled.connect(fail)
    try:
        with pytest.raises(ValueError), transaction.atomic():  # noqa: PT011
            settle([accepted(message, "m_1")])
        assert statuses(message) == ["sending"]
    finally:
        messages_settled.disconnect(fail)


def test_receiver_that_fails_over_one_message_costs_no_fact(channel):
    rows = [queue(channel, person(channel, str(n)), "hello")[0] for n in range(5)]
    attempt(*rows)
    heard: list[int] = []

    def fail_over_one(changes, **kwargs):
        if any(each.message_id == rows[3].pk for each in changes):
            raise ValueError
        heard.extend(each.message_id for each in changes)

    messages_settled.connect(fail_over_one)
    try:
        settle_each([accepted(row, f"m_{row.pk}") for row in rows])
    finally:
        messages_settled.disconnect(fail_over_one)
    assert statuses(*rows) == ["sent"] * 5
    assert set(heard) == {row.pk for row in rows} - {rows[3].pk}


def test_news_that_met_another_writer_are_applied_and_told(channel, told):
    (message,) = queue(channel, person(channel), "hello")
    attempt(message)
    failures = iter([IntegrityError("another writer")])

    def fail_once(**kwargs):
        for error in failures:
            raise error

    messages_settled.connect(fail_once)
    try:
        settle_each([accepted(message, "m_1")])
    finally:
        messages_settled.disconnect(fail_once)
    assert statuses(message) == ["sent"]
    assert told[-1].status == "sent"


def test_stories_are_named_before_their_messages_are_locked(channel):
    story = uuid4()
    first, _ = queue(channel, person(channel), "a", "b", story=story)
    attempt(first)
    heard = []

    def hear(stories, **kwargs):
        heard.append((stories, statuses(first)))

    messages_settling.connect(hear)
    try:
        settle([accepted(first, "m_1")])
    finally:
        messages_settling.disconnect(hear)
    assert heard == [([story], ["sending"])]


def test_number_of_statements_does_not_grow(channel):
    def cost(count: int) -> int:
        rows = [
            queue(channel, person(channel, f"{count} {n}"), "a", "b", story=uuid4())[0]
            for n in range(count)
        ]
        attempt(*rows)
        changes = []
        for one, two, three, four in zip(*[iter(rows)] * 4, strict=True):
            changes += [
                accepted(one, f"m_{one.pk}"),
                refused(two),
                Attempt(three.pk, 1).came_to(Verdict(Outcome.BUSY)),
                Change(four.pk, News.UNKNOWN, 1),
            ]
        with Statements() as statements:
            settle(changes)
        statements.plans()
        return len(statements)

    assert cost(8) == cost(40)
    assert not Message.objects.filter(status="sending").exists()


def test_nothing_is_said_of_messages_that_are_gone(channel):
    assert settle([Change(999, News.REFUSED, 1)]) == []
    assert settle([]) == []
    assert settle_each([]) == []
