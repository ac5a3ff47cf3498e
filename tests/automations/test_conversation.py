"""Questions that wait: answered, not answered, answered too early or at the wrong moment."""

from datetime import timedelta
from unittest.mock import Mock

import pytest
from django.db import transaction
from django.utils import timezone

from automations.editing import change_scenario
from automations.engine import expiring, replying
from automations.engine.resuming import locked
from automations.engine.runner import Start, start_many
from automations.executions import cancel_execution
from automations.models import Execution, Scenario, Step
from inro.common.claims import claim
from messaging.channels.base import Outcome, Verdict
from messaging.connecting import connect_channel
from messaging.delivery.lookups import of_stories
from messaging.delivery.news import Change, News
from messaging.delivery.settle import settle
from messaging.models import Contact, ContactStatus, Event, Message
from messaging.receiving import apply_events
from tests.automations.support import message, stored
from tests.automations.talking import (
    OPTIONS,
    QUESTION,
    TREE,
    Person,
    later,
    payload,
    steps,
    the_execution,
    tick,
    under,
)


@pytest.fixture
def jane(channel):
    return Person(channel)


@pytest.fixture
def asked(workspace, jane):
    """Jane wrote, and has the question."""
    stored(workspace, *TREE, triggers=on("hello"))
    jane.write("Hello")
    assert jane.receive() == ["Are you interested?"]
    return the_execution()


def on(*keywords):
    return [{"trigger_type": "message", "options": {"keywords": list(keywords)}}]


def state(execution):
    execution.refresh_from_db()
    return execution.status, execution.reason_code, execution.current_key


@pytest.mark.parametrize(
    ("text", "branch", "reply"),
    [
        ("Yes", "option_0", "Great!"),
        ("  ¡yés! ", "option_0", "Great!"),
        ("1", "option_0", "Great!"),
        ("no", "option_1", "No problem."),
        ("2.", "option_1", "No problem."),
        ("NOPE", "option_1", "No problem."),
        ("maybe {{contact.name}}", "option_replied", "You wrote: maybe {{contact.name}}"),
        ("3", "option_replied", "You wrote: 3"),
        ("", "option_replied", "You wrote: "),
    ],
)
def test_reply_takes_its_branch(jane, asked, text, branch, reply):
    jane.write(text)
    assert jane.receive() == ["Are you interested?", reply]
    assert state(asked) == ("completed", "", f"q1_{branch}")
    assert steps(asked) == [
        (1, "q1", branch, "done", text),
        (2, f"q1_{branch}", "next", "done", ""),
    ]
    assert (asked.awaited, asked.within, asked.due_at) == (None, None, None)
    assert asked.variables == {"trigger": {"message": "Hello"}, "answer": text}
    assert Execution.objects.count() == 1


def test_button_takes_its_branch(jane, asked):
    jane.tap("No")
    assert jane.receive()[1:] == ["No problem."]
    assert steps(asked)[0] == (1, "q1", "option_1", "done", "No")


def test_buttons_show_the_answers_and_name_the_question(jane, asked):
    question = Message.objects.get(direction="outbound")
    assert question.buttons == [
        {"type": "reply", "title": "Yes", "payload": payload(asked, "option_0")},
        {"type": "reply", "title": "No", "payload": payload(asked, "option_1")},
    ]


def test_attachment_is_any_other_reply(jane, asked):
    jane.write(attachment_url="https://x.example/a.jpg")
    assert steps(asked)[0] == (1, "q1", "option_replied", "done", "")


def test_no_reply_in_time(jane, asked):
    sent_at = Message.objects.get(direction="outbound").sent_at
    assert (asked.within, (asked.due_at - sent_at).total_seconds()) == (None, 3600)
    with later(seconds=3590):
        assert tick() == []
    with later(seconds=3601):
        assert len(tick()) == 1
        assert jane.receive()[1:] == ["Too late."]
        assert state(asked) == ("completed", "", "q1_option_expired")
        assert steps(asked)[0] == (1, "q1", "option_expired", "done", "")
        assert tick() == []


def test_nobody_answers_and_nothing_follows(workspace, jane):
    stored(workspace, *TREE[:4], triggers=on("hello"))
    jane.write("hello")
    jane.receive()
    with later(hours=2):
        tick()
    execution = the_execution()
    assert state(execution) == ("expired", "", "q1")
    assert steps(execution) == [(1, "q1", "option_expired", "done", "")]
    assert execution.finished_at


def test_branch_without_child_completes(workspace, jane):
    stored(workspace, QUESTION, triggers=on("hello"))
    jane.write("hello")
    jane.receive()
    jane.write("no")
    assert state(the_execution()) == ("completed", "", "q1")
    assert jane.receive() == ["Are you interested?"]


def test_reply_goes_before_every_trigger(workspace, jane, asked):
    stored(workspace, message("any", content="any"), triggers=[{"trigger_type": "message"}])
    stored(workspace, message("yes", content="keyword"), triggers=on("yes"))
    jane.write("yes")
    assert jane.receive()[1:] == ["Great!"]
    jane.write("yes")
    assert jane.receive()[2:] == ["keyword"]


def test_reply_while_the_question_is_queued_does_not_count(workspace, jane):
    stored(workspace, *TREE, triggers=on("hello"))
    stored(workspace, message("yes", content="keyword"), triggers=on("yes"))
    jane.write("hello")
    execution = the_execution()
    assert (execution.status, execution.within, execution.wake_at) == ("waiting", 3600, None)
    jane.write("yes")
    assert state(execution) == ("waiting", "", "q1")
    assert jane.receive() == ["Are you interested?", "keyword"]
    jane.write("yes")
    assert jane.receive()[2:] == ["Great!"]


def test_reply_in_the_second_of_the_claim_counts_and_one_before_does_not(jane, asked):
    attempted_at = timezone.now().replace(microsecond=900_000)
    Message.objects.filter(direction="outbound").update(attempted_at=attempted_at)
    jane.write("Yes", at=attempted_at.replace(microsecond=0) - timedelta(milliseconds=1))
    assert state(asked)[0] == "waiting"
    jane.write("Yes", at=attempted_at.replace(microsecond=0))
    assert state(asked)[0] == "completed"


@pytest.mark.parametrize(
    ("row", "counts"),
    [
        ({"status": "sending"}, True),
        ({"status": "unconfirmed"}, True),
        ({"status": "read"}, True),
        ({"status": "queued"}, False),  # handed back, or certainly not taken
        ({"status": "failed", "unconfirmed_at": True}, True),
        ({"status": "queued", "unconfirmed_at": True, "attempted_at": None}, True),
        ({"status": "sending", "unconfirmed_at": True, "attempted_at": True}, True),
    ],
)
def test_reply_counts_once_the_question_may_have_been_seen(jane, asked, row, counts):
    future = timezone.now() + timedelta(minutes=1)
    row = {name: future if value is True else value for name, value in row.items()}
    Message.objects.filter(direction="outbound").update(**row)
    jane.write("Yes")
    assert state(asked)[0] == ("completed" if counts else "waiting")
    question = Message.objects.filter(direction="outbound").earliest("pk")
    assert question.status == {"read": "read"}.get(row["status"], "delivered") or not counts
    assert counts or question.status == "queued"


def test_newest_of_two_questions_takes_the_reply(workspace, jane, asked):
    second = {**QUESTION, "action_key": "q2", "content": "Really?"}
    tree = [second, under("option_0", "Really great!", "q2")]
    stored(workspace, *tree, triggers=on("again"), title="second")
    older = Execution.objects.get()
    Message.objects.update(attempted_at=timezone.now() - timedelta(minutes=1))
    definition_id = Scenario.objects.get(title="second").definition_id
    start_many(workspace.pk, [Start(definition_id, older.contact_id, older.channel_id, "api")])
    jane.write("Yes")  # the second is not out yet
    assert state(older)[0] == "completed"
    assert jane.receive()[1:] == ["Really?", "Great!"]
    jane.write("Yes")
    assert jane.receive()[3:] == ["Really great!"]


@pytest.fixture
def two(workspace, channel, jane):
    """Two questions that Jane has, the second one newer."""
    jane.write("hello")
    contact = Contact.objects.get()
    for number in (1, 2):
        question = {**QUESTION, "content": f"Question {number}?"}
        tree = stored(
            workspace, question, under("option_0", f"Yes to {number}"), triggers=on("none")
        )
        start_many(workspace.pk, [Start(tree.definition_id, contact.pk, channel.pk, "api")])
        jane.receive()
    return list(Execution.objects.order_by("pk"))


def test_newest_question_takes_a_text(jane, two):
    jane.write("yes")
    assert jane.receive()[2:] == ["Yes to 2"]
    assert [state(each)[0] for each in two] == ["waiting", "completed"]
    jane.write("yes")
    assert jane.receive()[3:] == ["Yes to 1"]


def test_button_answers_its_own_question(jane, two):
    jane.write("Yes", payload(two[0], "option_0"))
    assert jane.receive()[2:] == ["Yes to 1"]
    assert [state(each)[0] for each in two] == ["completed", "waiting"]


def test_button_of_a_question_that_is_over_is_a_text(jane, two):
    jane.write("Yes", payload(two[1], "option_0"))
    jane.write("No", payload(two[1], "option_1"))
    assert steps(two[0])[0] == (1, "q1", "option_1", "done", "No")


@pytest.mark.parametrize("other", ["x", "inro:0:1:option_0", "inro:" + "0" * 32 + ":1:option_0"])
def test_foreign_payload_is_a_text(jane, asked, other):
    jane.write("no", other)
    assert steps(asked)[0] == (1, "q1", "option_1", "done", "no")


def test_payload_of_another_step_of_the_same_execution_is_a_text(jane, asked):
    jane.write("no", payload(asked, "option_0", number=2))
    assert steps(asked)[0] == (1, "q1", "option_1", "done", "no")


def test_others_do_not_answer(workspace, channel, jane, asked):
    Person(channel, "joe").write("yes")
    elsewhere = connect_channel(workspace, "sandbox", "Other", {})
    Person(elsewhere).write("yes")
    assert state(asked)[0] == "waiting"
    Contact.objects.filter(username="jane").update(status=ContactStatus.BLOCKED)
    jane.write("yes")
    assert state(asked)[0] == "waiting"


def test_question_after_question(workspace, jane):
    second = under("option_0", "And how?", action_type="ask_question", options={"answers": ["A"]})
    tree = [QUESTION, second, under("option_0", "A it is, {{answer}}", second["action_key"])]
    stored(workspace, *tree, triggers=on("hello"))
    jane.write("hello")
    jane.receive()
    jane.tap("Yes")
    assert jane.receive()[1:] == ["And how?"]
    execution = the_execution()
    assert (execution.status, execution.awaited, execution.within) == ("waiting", 200, None)
    jane.write("a")
    assert jane.receive()[2:] == ["A it is, a"]
    assert steps(execution) == [
        (1, "q1", "option_0", "done", "Yes"),
        (2, second["action_key"], "option_0", "done", "a"),
        (3, f"{second['action_key']}_option_0", "next", "done", ""),
    ]


def test_recorded_reply_goes_before_the_clock(jane, asked):
    recorded = jane.record("yes")
    with later(hours=2):
        assert [each.pk for each in tick()] == []
        assert jane.receive()[1:] == ["Great!"]
        apply_events(recorded)
        assert tick() == []
        assert jane.received()[1:] == ["Great!"]
    assert Event.objects.filter(status="recorded").count() == 0


def test_turn_that_was_claimed_before_the_reply_is_void(workspace, jane):
    second = under("option_0", "And how?", action_type="ask_question", options={"answers": ["A"]})
    stored(workspace, QUESTION, second, triggers=on("hello"))
    jane.write("hello")
    jane.receive()
    execution = the_execution()
    turn = claim(Execution.objects.all(), execution.pk, timedelta(seconds=60)) or 0
    assert [row.pk for row in locked({execution.pk: turn})] == [execution.pk]
    jane.write("yes")
    assert (state(execution)[0], execution.lease_until) == ("waiting", None)
    assert locked({execution.pk: turn}) == []


def test_reply_looks_again_when_somebody_was_faster(workspace, jane, asked, monkeypatch):
    """Between the look at what waits and its lock, the execution is canceled."""
    stored(workspace, message("yes", content="keyword"), triggers=on("yes"))
    looked = []

    def look(*args):
        looked.append(args)
        rows = list(of_stories(*args))
        cancel_execution(asked)
        return rows

    monkeypatch.setattr(replying, "of_stories", look)
    jane.write("yes")
    assert len(looked) == 1
    assert state(asked)[:2] == ("stopped", "canceled")
    assert jane.receive()[1:] == ["keyword"]


def test_reply_after_the_time_starts_scenarios_again(workspace, jane, asked):
    stored(workspace, message("yes", content="keyword"), triggers=on("yes"))
    with later(hours=2):
        tick()
        jane.write("yes")
        assert jane.receive()[1:] == ["Too late.", "keyword"]


def test_expiry_waits_while_something_slips_in_between(jane, asked, monkeypatch):
    applied = []
    monkeypatch.setattr(expiring, "apply_of_contact", lambda *person: applied.append(person))
    monkeypatch.setattr(expiring, "has_recorded", lambda *person: True)
    with later(hours=2):
        assert tick() == []
        assert applied == [(asked.contact_id, asked.channel_id)] * 3
        assert state(asked)[0] == "waiting"
        assert asked.lease_until is None
        assert 0 < (asked.due_at - timezone.now()).total_seconds() < 3


def test_reply_that_failed_once_goes_before_the_clock(jane, asked, monkeypatch):
    with later(hours=2):
        with monkeypatch.context() as broken:
            broken.setattr(replying, "take_up", Mock(side_effect=RuntimeError("a fault of ours")))
            jane.write("yes")
        assert Event.objects.get(status="recorded").attempts == 1
        assert tick() == []
        assert state(asked)[0] == "waiting"
        assert jane.receive()[1:] == []
    with later(hours=2, seconds=10):
        assert tick() == []
        assert jane.receive()[1:] == ["Great!"]
        assert state(asked)[0] == "completed"


def test_reply_that_always_fails_does_not_hold_the_clock_for_ever(jane, asked, monkeypatch):
    monkeypatch.setattr(replying, "take_up", Mock(side_effect=RuntimeError("a fault of ours")))
    with later(hours=2):
        jane.write("yes")
    for seconds in (2, 8, 20):
        with later(hours=2, seconds=seconds):
            assert tick() == []
    with later(hours=2, seconds=60):
        assert [each.pk for each in tick()] == [asked.pk]
        assert jane.receive()[1:] == ["Too late."]
    assert Event.objects.get(status="failed").attempts == 5


SOON = {"content": "Still there, {{contact.username}}?", "after": 600}
REMINDER = {**QUESTION, "options": {**OPTIONS, "reminder": SOON}}


@pytest.fixture
def reminded(workspace, jane):
    stored(workspace, REMINDER, *TREE[1:], triggers=on("hello"))
    jane.write("hello")
    jane.receive()
    return the_execution()


def test_reminder_and_then_a_reply(jane, reminded):
    with later(seconds=601):
        tick()
        assert jane.receive()[1:] == ["Still there, jane?"]
        assert (state(reminded)[0], reminded.within) == ("waiting", None)
        assert steps(reminded) == [(1, "q1", "", "waiting", "")]
    with later(seconds=700):
        jane.tap("No")
        assert jane.receive()[2:] == ["No problem."]
        assert steps(reminded)[0] == (1, "q1", "option_1", "done", "No")
        assert Step.objects.get(number=1).attempts == 3


def test_reminder_and_no_reply(jane, reminded):
    with later(seconds=601):
        tick()
        jane.receive()
    with later(seconds=3590):
        assert tick() == []
    with later(seconds=3601):
        tick()
        assert jane.receive() == ["Are you interested?", "Still there, jane?", "Too late."]


def test_no_reminder_after_a_reply(jane, reminded):
    jane.write("yes")
    with later(seconds=601):
        assert tick() == []
        assert jane.receive()[1:] == ["Great!"]


def test_reminder_that_is_still_queued_is_withdrawn_by_the_reply(jane, reminded):
    with later(seconds=601):
        tick()
        jane.write("yes")
        assert jane.receive()[1:] == ["Great!"]
    withdrawn = Message.objects.get(text__startswith="Still")
    assert withdrawn.status == "canceled"
    assert state(reminded)[0] == "completed"


def test_reminder_that_fails_does_not_end_the_wait(jane, reminded):
    with later(seconds=601):
        tick()
        row = Message.objects.get(text__startswith="Still")
        Message.objects.filter(pk=row.pk).update(status="sending")
        settle([Change(row.pk, News.REFUSED, row.turn, Verdict(Outcome.REFUSED, code="no"))])
        assert state(reminded)[0] == "waiting"
        jane.write("yes")
        assert jane.receive()[1:] == ["Great!"]


def edit(execution, *actions):
    ids = {row.action_key: row.pk for row in execution.definition.actions.all()}
    listed = [
        {"id": ids[each["action_key"]], **each} if each["action_key"] in ids else each
        for each in actions
    ]
    change_scenario(execution.definition.scenario, {"actions": listed})


def test_reply_is_matched_against_what_the_person_saw(jane, asked):
    changed = {**QUESTION, "options": {"answers": ["No", "Yes"]}}
    edit(asked, changed, under("option_0", "New zero"), under("option_1", "New one"))
    jane.write("yes")
    assert jane.receive()[1:] == ["New zero"]  # the first answer as Jane saw it: Yes
    assert steps(asked)[0] == (1, "q1", "option_0", "done", "yes")


def test_branch_that_is_gone_completes(jane, asked):
    edit(asked, QUESTION, under("option_1", "No problem."))
    jane.write("yes")
    assert state(asked) == ("completed", "", "q1")
    assert jane.receive() == ["Are you interested?"]


def test_question_that_is_gone_stops(jane, asked):
    edit(asked, message("other", content="Other"))
    jane.write("yes")
    assert state(asked) == ("stopped", "action_removed", "q1")
    assert steps(asked) == [(1, "q1", "", "stopped", "")]
    assert jane.receive() == ["Are you interested?"]


def test_question_that_became_another_action_is_still_answered(jane, asked):
    edit(asked, message("q1", content="Now a text", options={}), under("next", "After"))
    jane.write("yes")
    assert state(asked) == ("completed", "", "q1")


def test_answers_missing_count_as_they_were_asked(workspace, jane):
    open_question = {**QUESTION, "options": {}}
    stored(workspace, open_question, *TREE[1:4], triggers=on("hello"))
    jane.write("hello")
    jane.receive()
    execution = the_execution()
    edit(execution, open_question, under("option_0", "Only one"), TREE[3])
    jane.write("2")
    assert steps(execution)[0] == (1, "q1", "option_1", "done", "2")
    assert state(execution)[0] == "completed"


def test_wait_outlives_the_log_of_its_step(jane, asked):
    Step.objects.all().delete()
    jane.write("no")
    assert jane.receive()[1:] == ["No problem."]
    assert steps(asked)[0] == (1, "q1", "option_1", "done", "no")


def test_rollback_leaves_the_wait_as_it_was(jane, asked):
    with transaction.atomic():
        jane.write("yes")
        transaction.set_rollback(True)
    assert state(asked)[0] == "waiting"
    assert steps(asked) == [(1, "q1", "", "waiting", "")]
    assert jane.receive() == ["Are you interested?"]
    jane.write("yes")
    assert jane.receive()[1:] == ["Great!"]


def test_delay_then_stop(workspace, jane):
    tree = [
        message("a", content="Soon"),
        {"action_key": "d", "parent_key": "a", "action_type": "delay", "options": {"seconds": 90}},
        message("b", "d", content="Now"),
        {"action_key": "s", "parent_key": "b", "action_type": "stop"},
    ]
    stored(workspace, *tree, triggers=on("hello"))
    jane.write("hello")
    assert jane.receive() == ["Soon"]
    execution = the_execution()
    jane.write("anybody?")
    assert state(execution)[0] == "waiting"
    assert execution.wake_at == execution.due_at
    with later(seconds=91):
        assert len(tick()) == 1
        assert jane.receive() == ["Soon", "Now"]
    assert state(execution) == ("completed", "", "s")
    assert [row[:4] for row in steps(execution)] == [
        (1, "a", "next", "done"),
        (2, "d", "next", "done"),
        (3, "b", "next", "done"),
        (4, "s", "", "done"),
    ]
