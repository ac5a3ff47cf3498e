from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from automations.engine.step import POSITIONS_PER_STEP
from automations.models import Execution, Scenario, Step
from messaging.channels import CHANNELS
from messaging.channels.base import EventKind, Outcome, Verdict
from messaging.channels.sandbox import simulated
from messaging.connecting import connect_channel
from messaging.delivery.news import Change, News
from messaging.delivery.settle import Settled
from messaging.delivery.settle import settle as messaging_settle
from messaging.models import Message, MessageStatus
from messaging.receiving import Arrival, apply_events, record
from messaging.signals import messages_settled, messages_settling, people_arrived
from tests.automations.conftest import new_contact
from tests.automations.support import message, stored


def arrive(channel, contact, text="hello", **more):
    """What messaging tells, as it does: inside its transaction."""
    arrival = Arrival(
        **{
            "workspace_id": channel.workspace_id,
            "channel_id": channel.pk,
            "contact_id": contact.pk,
            "event_id": 1,
            "message_id": 1,
            "kind": EventKind.MESSAGE,
            "text": text,
            "reply_payload": "",
            "is_new_contact": False,
            "happened_at": timezone.now(),
            **more,
        }
    )
    with transaction.atomic():
        people_arrived.send(sender=None, arrivals=[arrival])


def on(trigger_type="message", **options):
    return [{"trigger_type": trigger_type, "options": options}]


def texts():
    return list(Message.objects.order_by("pk").values_list("text", flat=True))


def test_message_starts_the_scenario(workspace, channel, contact):
    content = "Hi {{contact.name}}, you wrote {{trigger.message}}"
    scenario = stored(workspace, message("a", content=content), triggers=on(keywords=["hello"]))
    arrive(channel, contact, "Hello {{contact.email}}")
    execution = Execution.objects.get()
    assert (execution.definition_id, execution.contact_id) == (scenario.definition_id, contact.pk)
    assert (execution.channel_id, execution.workspace_id) == (channel.pk, workspace.pk)
    assert (execution.trigger_type, execution.status) == ("message", "completed")
    assert Step.objects.count() == 1
    sent = Message.objects.get()
    assert sent.text == "Hi Jane, you wrote Hello {{contact.email}}"
    assert sent.story == execution.story
    assert Message.objects.filter(stream__kind="replies").count() == 1


def test_rollback_leaves_nothing(workspace, channel, contact):
    stored(workspace, message("a"))
    with transaction.atomic():
        arrive(channel, contact)
        assert Execution.objects.count() == 1
        transaction.set_rollback(True)
    counts = [model.objects.count() for model in (Execution, Step, Message)]
    assert counts == [0, 0, 0]


def test_one_query_for_triggers_however_many(
    workspace, channel, contact, django_assert_num_queries
):
    for _ in range(3):
        stored(workspace, message("a"), triggers=on(keywords=["no"]))
    with django_assert_num_queries(4):  # savepoint, waits, triggers, release
        arrive(channel, contact)
    for _ in range(10):
        stored(workspace, message("a"), triggers=on(keywords=["no"]))
    with django_assert_num_queries(4):
        arrive(channel, contact)


def test_inactive_and_foreign_scenarios_do_not_start(workspace, stranger, channel, contact):
    stored(workspace, message("a"), active=False)
    stored(stranger, message("a"))
    arrive(channel, contact)
    assert Execution.objects.count() == 0


def named(workspace, name, **options):
    return stored(workspace, message("a", content=name), triggers=on(**options), title=name)


def test_one_message_scenario_starts_the_most_specific(workspace, channel, contact):
    named(workspace, "fallback", fallback=True)
    named(workspace, "any")
    named(workspace, "any too")
    named(workspace, "emoji", message_type="emoji_only")
    named(workspace, "one word", keywords=["red"])
    named(workspace, "two words", keywords=["red shoes"])
    named(workspace, "strict", keywords=["red"], strict=True)
    for text in ("red", "the red shoes", "so red", "🔥", "what?"):
        arrive(channel, contact, text)
    assert texts() == ["strict", "two words", "one word", "emoji", "any"]
    Scenario.objects.filter(title__startswith="any").update(active=False)
    arrive(channel, contact, "what?")
    assert texts()[-1] == "fallback"


def test_every_contact_create_scenario_starts_and_one_message_scenario(workspace, channel, contact):
    for name in ("first", "second"):
        stored(workspace, message("a", content=name), triggers=on("contact_create"))
    both = [*on("contact_create"), *on("message", keywords=["hello"])]
    stored(workspace, message("a", content="both"), triggers=both)
    named(workspace, "any")
    arrive(channel, contact, "hello", is_new_contact=True)
    assert texts() == ["first", "second", "both"]
    arrive(channel, contact, "hello")
    assert texts()[3:] == ["both"]
    arrive(channel, contact, "bye", is_new_contact=True)
    assert texts()[4:] == ["first", "second", "both", "any"]


@pytest.mark.parametrize("kind", [EventKind.ECHO, EventKind.READ, EventKind.REACTION])
def test_what_is_no_message_starts_no_message_scenario(workspace, channel, contact, kind):
    stored(workspace, message("a"))
    arrive(channel, contact, kind=kind)
    assert Execution.objects.count() == 0


def test_trigger_on_other_channels_only(workspace, channel, contact):
    other = connect_channel(workspace, "sandbox", "Other", {})
    scenario = named(workspace, "other")
    scenario.triggers.update(options={"channel_ids": [other.pk]})
    arrive(channel, contact)
    assert texts() == []
    arrive(other, contact)
    assert Message.objects.get().channel == other


def test_cooldown_is_the_contacts_own(workspace, channel, contact):
    named(workspace, "hot", keywords=["hello"], cooldown=3600)
    named(workspace, "fallback", fallback=True)
    other = new_contact(channel, "joe")
    for person in (contact, contact, other):
        arrive(channel, person)
    # The second "hello" is taken by the scenario that cools down, not by the fallback.
    assert texts() == ["hot", "hot"]
    Execution.objects.update(created_at=timezone.now() - timedelta(seconds=3601))
    arrive(channel, contact)
    assert texts() == ["hot", "hot", "hot"]


def settled(execution, step, status=MessageStatus.FAILED, code="outside_window"):
    return Settled(
        message_id=1,
        workspace_id=execution.workspace_id,
        story=execution.story,
        position=step * POSITIONS_PER_STEP,
        status=status,
        error_code=code,
        error_message="The window is closed.",
    )


def settle(*changes):
    with transaction.atomic():
        stories = sorted({each.story for each in changes if each.story})
        messages_settling.send(sender=None, stories=stories)
        messages_settled.send(sender=None, changes=list(changes))


@pytest.fixture
def execution(workspace, channel, contact):
    stored(workspace, message("a"), message("b", "a"))
    arrive(channel, contact)
    return Execution.objects.get()


def ended(execution):
    execution.refresh_from_db()
    return execution.status, execution.reason_code


def steps(execution):
    return list(execution.steps.values_list("number", "status", "error"))


def test_failed_message_fails_the_execution_and_its_step(execution):
    finished_at = execution.finished_at
    settle(settled(execution, 2))
    assert ended(execution) == ("failed", "outside_window")
    assert execution.finished_at == finished_at
    assert steps(execution) == [(1, "done", ""), (2, "failed", "The window is closed.")]


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (MessageStatus.SENT, ""),
        (MessageStatus.DELIVERED, ""),
        (MessageStatus.CANCELED, "earlier_failed"),
        (MessageStatus.FAILED, "delivery_unknown"),
    ],
)
def test_other_news_leave_it_as_it_is(execution, status, code):
    settle(settled(execution, 1, status, code))
    assert ended(execution) == ("completed", "")
    assert steps(execution) == [(1, "done", ""), (2, "done", "")]


def test_first_failure_is_the_reason(execution):
    settle(settled(execution, 2, code="second"), settled(execution, 1, code="first"))
    assert ended(execution) == ("failed", "first")
    settle(settled(execution, 2, code="later"))
    assert ended(execution) == ("failed", "first")


@pytest.mark.parametrize(
    ("step", "expected"), [(2, ("failed", "outside_window")), (1, ("waiting", ""))]
)
def test_waiting_execution_fails_with_the_message_it_waits_on_only(execution, step, expected):
    awaited = {"awaited": 2 * POSITIONS_PER_STEP, "due_at": timezone.now()}
    Execution.objects.update(status="waiting", finished_at=None, **awaited)
    settle(settled(execution, step))
    assert ended(execution) == expected
    assert (execution.due_at is None) is (expected[0] == "failed")
    assert steps(execution)[step - 1] == (step, "failed", "The window is closed.")


def test_stopped_execution_keeps_its_reason(execution):
    Execution.objects.update(status="stopped", reason_code="by_hand")
    settle(settled(execution, 1))
    assert ended(execution) == ("stopped", "by_hand")


def test_messages_of_nobody_here_are_none_of_our_business(execution, django_assert_num_queries):
    free = Settled(1, execution.workspace_id, None, None, MessageStatus.FAILED, "x", "")
    with django_assert_num_queries(2):  # savepoint, release
        messages_settled_alone(free)


def messages_settled_alone(*changes):
    with transaction.atomic():
        messages_settled.send(sender=None, changes=list(changes))


def test_many_failures_cost_as_much_as_one(
    workspace, channel, execution, django_assert_num_queries, django_assert_max_num_queries
):
    for number in range(12):
        arrive(channel, new_contact(channel, f"person{number}"))
    changes = [settled(each, 1) for each in Execution.objects.order_by("pk")]
    with django_assert_max_num_queries(12) as one:
        messages_settled_alone(changes[0])
    with django_assert_num_queries(len(one)):
        messages_settled_alone(*changes[1:])
    assert set(Execution.objects.values_list("status", flat=True)) == {"failed"}


def test_from_a_real_message_to_a_real_failure(workspace, channel):
    """Through messaging itself: its event in, its rows out, its verdict on the second of them."""
    stored(workspace, message("a", content="Hi {{contact.username}}"), message("b", "a"))
    event = CHANNELS["sandbox"].parse(simulated("joe", "hello"))
    apply_events(record([(channel, each) for each in event]))
    assert texts() == ["hello", "Hi joe", "Hi"]
    execution = Execution.objects.get()
    assert execution.status == "completed"

    last = Message.objects.filter(direction="outbound").latest("pk")
    Message.objects.filter(pk=last.pk).update(status="sending")
    verdict = Verdict(Outcome.REFUSED, code="outside_window", message="Too late.")
    messaging_settle([Change(last.pk, News.REFUSED, last.turn, verdict)])
    assert ended(execution) == ("failed", "outside_window")
    assert steps(execution) == [(1, "done", ""), (2, "failed", "Too late.")]
