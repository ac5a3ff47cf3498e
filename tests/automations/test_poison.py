"""One execution whose turn cannot be written, among others that are due at the same moment."""

import pytest

from automations.engine import turns
from automations.models import Execution
from messaging.models import Message
from messaging.queueing import queue_messages
from tests.automations.support import message, stored
from tests.automations.talking import TREE, Person, later, tick

DELAY = {"action_key": "d", "action_type": "delay", "options": {"seconds": 60}}
GO = [{"trigger_type": "message", "options": {"keywords": ["go"]}}]


@pytest.fixture
def people(channel):
    return [Person(channel, name) for name in ("ann", "bob", "cid")]


def begin(people):
    for each in people:
        each.write("go")
        each.receive()


def spoil(monkeypatch, name, times=1_000):
    """Whatever is queued for this person fails, with all that is queued along with it."""
    failed: list[int] = []

    def fail(workspace_id, drafts, **more):
        contact = Execution.objects.get(contact__username=name).contact_id
        if len(failed) < times and any(each.contact_id == contact for each in drafts):
            failed.append(contact)
            raise ValueError("It cannot be written.")
        return queue_messages(workspace_id, drafts, **more)

    monkeypatch.setattr(turns, "queue_messages", fail)


def outcomes():
    rows = Execution.objects.order_by("contact__username")
    return list(rows.values_list("contact__username", "status", "reason_code"))


@pytest.mark.parametrize(
    ("tree", "after", "way"),
    [
        ([DELAY, message("m", "d", parent_branch="next", content="Later")], 120, "Later"),
        (TREE, 7200, "Too late."),
    ],
    ids=["delay", "question"],
)
def test_costs_the_others_nothing(workspace, people, monkeypatch, tree, after, way):
    stored(workspace, *tree, triggers=GO)
    begin(people)
    spoil(monkeypatch, "ann")
    with later(seconds=after):
        assert len(tick()) == 3
        assert outcomes() == [
            ("ann", "failed", "internal_error"),
            ("bob", "completed", ""),
            ("cid", "completed", ""),
        ]
        assert [each.receive()[-1:] for each in people[1:]] == [[way], [way]]
        assert not Message.objects.filter(text=way, contact__username="ann").exists()
        assert tick() == []


def test_what_fails_once_goes_on(workspace, people, monkeypatch):
    stored(workspace, *TREE, triggers=GO)
    begin(people)
    spoil(monkeypatch, "ann", times=1)
    with later(seconds=7200):
        assert len(tick()) == 3
        assert {status for _, status, _ in outcomes()} == {"completed"}
        assert [each.receive()[-1] for each in people] == ["Too late."] * 3
