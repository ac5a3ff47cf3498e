"""What the news of a question's message does to the wait for its answer."""

from datetime import timedelta

import pytest
from django.db.models import F
from django.utils import timezone

from automations.engine.runner import Start, start_many
from automations.models import Execution
from messaging.channels.base import Outcome, Verdict
from messaging.connecting import connect_channel
from messaging.delivery.news import Change, News
from messaging.delivery.settle import settle
from messaging.models import Message
from tests.automations.conftest import new_contact
from tests.automations.support import message, stored
from tests.automations.talking import QUESTION, Person, later, steps, the_execution, tick, under

NO = Verdict(Outcome.REFUSED, code="outside_window", message="Too late.")
INSTAGRAM = {"account_id": "1", "access_token": "x", "app_secrets": ["a-secret-of-the-app"]}


@pytest.fixture
def execution(workspace, channel, contact):
    return begun(workspace, channel, contact, QUESTION, under("option_0", "Great!"))


def begun(workspace, channel, contact, *actions):
    scenario = stored(workspace, *actions)
    start_many(workspace.pk, [Start(scenario.definition_id, contact.pk, channel.pk, "api")])
    return the_execution()


def sending(*texts):
    """The messages of these texts, claimed."""
    rows = [Message.objects.get(direction="outbound", text=text) for text in texts]
    now = timezone.now()
    for row in rows:
        Message.objects.filter(pk=row.pk).update(status="sending", attempted_at=now)
    return rows


def news(row, kind, verdict=NO, **more):
    row.refresh_from_db()
    settle([Change(row.pk, kind, row.turn, verdict, **more)])


def fresh(execution):
    execution.refresh_from_db()
    return execution


def test_nothing_is_due_before_the_question_is_sent(execution):
    with later(hours=5):
        assert tick() == []
    assert (execution.status, execution.within, execution.wake_at) == ("waiting", 3600, None)


@pytest.mark.parametrize("kind", [News.ACCEPTED, News.CONFIRMED, News.DELIVERED, News.READ])
def test_time_runs_from_when_it_was_sent(execution, kind):
    [row] = sending("Are you interested?")
    sent_at = timezone.now() - timedelta(minutes=10)
    news(row, kind, Verdict(Outcome.ACCEPTED), at=sent_at)
    assert fresh(execution).due_at == execution.wake_at == sent_at + timedelta(seconds=3600)
    news(row, News.READ, at=timezone.now())
    assert fresh(execution).due_at == sent_at + timedelta(seconds=3600)


@pytest.mark.parametrize("kind", [News.UNKNOWN, News.BUSY, News.UNCALLED])
def test_time_does_not_run_while_it_is_not(execution, kind):
    [row] = sending("Are you interested?")
    news(row, kind)
    assert (fresh(execution).status, execution.within) == ("waiting", 3600)


def test_message_of_unknown_fate_counts_from_now(execution):
    [row] = sending("Are you interested?")
    news(row, News.UNKNOWN)
    news(row, News.OVERDUE)
    until = (fresh(execution).wake_at - timezone.now()).total_seconds()
    assert 3590 < until <= 3600
    # The truth comes late, and changes nothing.
    due_at = execution.due_at
    news(row, News.CONFIRMED, at=timezone.now() - timedelta(minutes=20))
    assert fresh(execution).due_at == due_at


def test_refused_question_fails_the_execution(execution):
    [row] = sending("Are you interested?")
    news(row, News.REFUSED)
    assert (fresh(execution).status, execution.reason_code) == ("failed", "outside_window")
    assert (execution.awaited, execution.due_at) == (None, None)
    assert [row[3] for row in steps(execution)] == ["failed"]


def test_withdrawn_question_stops_the_execution(execution):
    row = Message.objects.get()
    news(row, News.CANCELED, Verdict(Outcome.REFUSED, code=""))
    assert (fresh(execution).status, execution.reason_code) == ("stopped", "message_canceled")
    assert [row[3] for row in steps(execution)] == ["stopped"]


def test_question_withdrawn_because_an_earlier_message_failed(workspace, channel, contact):
    question = {**QUESTION, "parent_key": "a"}
    execution = begun(workspace, channel, contact, message("a", content="Hi"), question)
    [row] = sending("Hi")
    news(row, News.REFUSED)
    assert (fresh(execution).status, execution.reason_code) == ("failed", "outside_window")
    assert [row[3] for row in steps(execution)] == ["failed", "stopped"]


def test_earlier_message_that_fails_after_the_question_went_out_ends_nothing(
    workspace, channel, contact
):
    question = {**QUESTION, "parent_key": "a"}
    execution = begun(workspace, channel, contact, message("a", content="Hi"), question)
    first, second = sending("Hi"), None
    [second] = Message.objects.filter(text="Are you interested?")
    Message.objects.filter(pk=second.pk).update(status="sent", sent_at=timezone.now())
    news(first[0], News.REFUSED)
    assert fresh(execution).status == "waiting"


def test_delay_behind_a_failed_message_fails(workspace, channel, contact):
    delay = {"action_key": "d", "action_type": "delay", "options": {"seconds": 60}}
    tree = [message("a", content="Hi"), {**delay, "parent_key": "a"}]
    execution = begun(workspace, channel, contact, *tree)
    [row] = sending("Hi")
    news(row, News.REFUSED)
    assert (fresh(execution).status, execution.due_at) == ("failed", None)


def test_question_of_two_messages_counts_from_the_last(workspace):
    """Instagram takes no caption: the picture goes first, then the question."""
    channel = connect_channel(workspace, "instagram", "", INSTAGRAM)
    contact = new_contact(channel, "9001")
    execution = begun(workspace, channel, contact, QUESTION)
    question = Message.objects.get()
    picture = Message.objects.get(pk=question.pk)
    Message.objects.filter(pk=question.pk).update(position=F("position") + 1)
    picture.pk, picture.text, picture.message_type = None, "", "image"
    picture.save()
    [row] = sending("")
    news(row, News.ACCEPTED, Verdict(Outcome.ACCEPTED, "p1"))
    assert fresh(execution).within == 3600
    [row] = sending("Are you interested?")
    sent_at = timezone.now()
    news(row, News.ACCEPTED, Verdict(Outcome.ACCEPTED, "p2"), at=sent_at)
    assert fresh(execution).wake_at == sent_at + timedelta(seconds=3600)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"status": "queued"}, ("waiting", "", 3600)),
        ({"status": "read", "sent_at": timezone.now() + timedelta(hours=6)}, ("waiting", "", None)),
        ({"status": "unconfirmed"}, ("waiting", "", 3600)),
        ({"status": "sent", "sent_at": timezone.now()}, ("expired", "", None)),
        ({"status": "failed", "error_code": "delivery_unknown"}, ("waiting", "", None)),
        ({"status": "failed", "error_code": "no"}, ("failed", "no", None)),
        ({"status": "canceled", "error_code": "earlier"}, ("stopped", "earlier", None)),
        (None, ("stopped", "message_gone", None)),
    ],
)
def test_lost_news_are_found_after_a_while(execution, row, expected):
    """Whatever failed between the message and its wait: no execution hangs for ever."""
    if row:
        Message.objects.update(**row)
    else:
        Message.objects.all().delete()
    with later(hours=6, seconds=1):
        assert len(tick()) == 1
        fresh(execution)
        assert (execution.status, execution.reason_code, execution.within) == expected
        assert (execution.lease_until, execution.steps_taken) == (None, 1)
        if row == {"status": "queued"}:
            assert tick() == []
            assert execution.due_at > timezone.now() + timedelta(hours=5)


def test_many_news_cost_as_much_as_one(
    workspace, channel, django_assert_num_queries, django_assert_max_num_queries
):
    scenario = stored(workspace, QUESTION)
    people = [new_contact(channel, f"p{number}") for number in range(12)]
    starts = [Start(scenario.definition_id, each.pk, channel.pk, "api") for each in people]
    start_many(workspace.pk, starts)
    Message.objects.update(status="sending")
    rows = list(Message.objects.order_by("pk"))
    changes = [Change(row.pk, News.DELIVERED, row.turn) for row in rows]
    with django_assert_max_num_queries(12) as one:
        settle(changes[:1])
    # Each message is a statement of `settle`'s one `executemany`.
    with django_assert_num_queries(len(one)):
        settle(changes[1:])
    assert set(Execution.objects.values_list("within", flat=True)) == {None}


def test_a_reply_costs_few_queries(workspace, channel, django_assert_max_num_queries):
    jane = Person(channel)
    stored(workspace, QUESTION, under("option_0", "Great!"))
    jane.write("hello")
    jane.receive()
    with django_assert_max_num_queries(30):
        jane.write("yes")
    assert the_execution().status == "completed"
