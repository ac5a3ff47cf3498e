"""A reply, the clock, a cancellation and a second reply, all at the same moment."""

from collections import Counter
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.utils import timezone

from automations.engine.runner import continue_executions
from automations.executions import cancel_execution
from automations.models import Execution, Step
from inro.common.errors import Refused
from messaging.models import Event, Message
from messaging.receiving import apply_events
from tests.automations.support import message, stored
from tests.automations.talking import TREE, Person
from tests.waiting import at_once

ROUNDS = 6


@pytest.fixture(autouse=True)
def no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inro.common.waking._send", lambda *args, **options: None)


@pytest.fixture
def channel(transactional_db: None, channel: Any) -> Any:
    return channel


def asked(channel: Any, person: str, *, ago: timedelta = timedelta()) -> tuple[Person, Execution]:
    """Somebody who has the question, and whose time is up `ago`."""
    jane = Person(channel, person)
    jane.write("Hello")
    jane.receive()
    execution = Execution.objects.get(contact__username=person)
    Execution.objects.filter(pk=execution.pk).update(due_at=timezone.now() - ago)
    return jane, execution


def outcome(execution: Execution) -> str:
    """Which way it went; everything that belongs to that way is there once, nothing else."""
    execution.refresh_from_db()
    rows = list(execution.steps.values_list("number", "branch", "status"))
    assert [number for number, *_ in rows] == list(range(1, len(rows) + 1))
    assert execution.steps_taken == len(rows)
    texts = Message.objects.filter(story=execution.story).exclude(status="canceled")
    said = Counter(texts.values_list("text", flat=True))
    assert set(said.values()) == {1}
    assert len(said) == len(rows)
    assert (execution.awaited, execution.due_at, execution.within) == (None, None, None)
    return rows[0][1] or rows[0][2]


def test_reply_against_the_clock(workspace: Any, channel: Any):
    stored(workspace, *TREE)
    ways = set()
    for number in range(ROUNDS):
        jane, execution = asked(channel, f"p{number}", ago=timedelta(hours=1))
        recorded = jane.record("Yes")
        at_once(partial(apply_events, recorded), partial(continue_executions, [execution.pk]))
        ways.add(outcome(execution))
        assert Event.objects.get(pk=recorded[0]).status == "applied"
    # It is recorded already, so it always goes before the clock.
    assert ways == {"option_0"}
    assert Execution.objects.count() == ROUNDS


def test_reply_that_arrives_against_the_clock(workspace: Any, channel: Any):
    """Whoever comes first: one branch is taken, and the message is never lost."""
    stored(workspace, *TREE, triggers=[{"trigger_type": "contact_create"}])
    stored(workspace, message("k", content="keyword"), triggers=on("yes"))
    for number in range(ROUNDS):
        jane, execution = asked(channel, f"p{number}", ago=timedelta(hours=1))
        at_once(
            partial(jane.write, "Yes"),
            partial(continue_executions, [execution.pk]),
        )
        way = outcome(execution)
        others = Execution.objects.filter(contact=execution.contact_id).exclude(pk=execution.pk)
        assert (way, others.count()) in {("option_0", 0), ("option_expired", 1)}


def on(*keywords: str) -> list[dict[str, Any]]:
    return [{"trigger_type": "message", "options": {"keywords": list(keywords)}}]


def test_two_replies_answer_once(workspace: Any, channel: Any):
    stored(workspace, *TREE, triggers=[{"trigger_type": "contact_create"}])
    for number in range(ROUNDS):
        jane, execution = asked(channel, f"p{number}")
        first, second = jane.record("Yes"), jane.record("No")
        at_once(partial(apply_events, first), partial(apply_events, second))
        assert outcome(execution) == "option_0"
        applied = Event.objects.filter(pk__in=[*first, *second], status="applied")
        assert applied.count() == 2


def test_reply_against_a_cancellation(workspace: Any, channel: Any):
    stored(workspace, *TREE, triggers=[{"trigger_type": "contact_create"}])
    for number in range(ROUNDS):
        jane, execution = asked(channel, f"p{number}")
        recorded = jane.record("Yes")

        refused: list[Refused] = []

        def cancel(which: Execution = execution, noted: list[Refused] = refused) -> None:
            try:
                cancel_execution(which)
            except Refused as error:
                noted.append(error)

        at_once(partial(apply_events, recorded), cancel)
        way = outcome(execution)
        ended = (execution.status, execution.reason_code)
        canceled = ("stopped", "stopped", "canceled")
        assert (way, *ended) == (("option_0", "completed", "") if refused else canceled)


def test_two_clocks_and_a_reply(workspace: Any, channel: Any):
    stored(workspace, *TREE, triggers=[{"trigger_type": "contact_create"}])
    for number in range(ROUNDS):
        jane, execution = asked(channel, f"p{number}", ago=timedelta(hours=1))
        at_once(
            partial(continue_executions, [execution.pk]),
            partial(continue_executions, [execution.pk]),
            partial(jane.write, "No"),
        )
        assert outcome(execution) in {"option_1", "option_expired"}
    assert Step.objects.count() == 2 * ROUNDS
