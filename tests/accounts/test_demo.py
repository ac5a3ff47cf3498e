"""`make demo`: life-like, the same each time, and there once however often it is asked for."""

import json
from collections import Counter
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.utils import timezone

from automations.models import Execution, Scenario, Step
from inro.accounts.models import Workspace
from inro.accounts.starting import first_start, login_link, operator
from media_library.models import Blob, MediaFile, MediaStatus
from messaging.models import Channel, Contact, Event, Message

pytestmark = pytest.mark.django_db
COUNTS = {
    "media files": 6,
    "scenarios": 4,
    "channels": 2,
    "contacts": 15,
    "messages": 96,
    "executions": 24,
}


def demo(capsys: pytest.CaptureFixture[str]) -> dict[str, int]:
    call_command("demo", "--json")
    found: dict[str, int] = json.loads(capsys.readouterr().out)
    return found


def rows() -> dict[str, list[Any]]:
    """Everything there is, with all that could change when it is filled in again."""
    models = (Workspace, Channel, Contact, Message, Event, Scenario, Execution, Step, MediaFile)
    return {
        model.__name__: list(model.objects.order_by("pk").values()) for model in (*models, Blob)
    }


@pytest.mark.once
def test_there_once_however_often(capsys: pytest.CaptureFixture[str]):
    assert demo(capsys) == COUNTS
    before = rows()
    assert demo(capsys) == COUNTS
    assert rows() == before


def test_everything_that_can_be_looked_at_is_there(capsys: pytest.CaptureFixture[str]):
    demo(capsys)
    states = Message.objects.values_list("direction", "status")
    assert Counter(states) == {
        ("inbound", "received"): 26,
        ("outbound", "read"): 32,
        ("outbound", "delivered"): 21,
        ("outbound", "queued"): 10,
        ("outbound", "unconfirmed"): 1,
        ("outbound", "failed"): 2,
        ("outbound", "canceled"): 4,
    }
    failed = Message.objects.exclude(error_message="").values_list("error_code", flat=True)
    assert set(failed) == {
        "contact_blocked", "outside_window", "rate_limited", "earlier_failed",
    }  # fmt: skip
    runs = Execution.objects.values_list("definition__scenario__title", "status", "reason_code")
    assert Counter(runs) == {
        ("Welcome", "completed", ""): 13,
        ("Price list", "completed", ""): 5,
        ("Opening hours", "completed", ""): 4,
        ("Welcome", "failed", "contact_blocked"): 1,
        ("Welcome", "failed", "outside_window"): 1,
    }
    assert Contact.objects.filter(status="blocked").count() == 1
    assert Contact.objects.exclude(email="").count() == 7
    assert set(Scenario.objects.values_list("active")) == {(True,), (False,)}
    ready = MediaFile.objects.filter(status=MediaStatus.READY).values_list("media_type", flat=True)
    assert Counter(ready) == {"image": 5, "document": 1}


@pytest.mark.once
def test_conversations_are_told_in_their_order(capsys: pytest.CaptureFixture[str]):
    demo(capsys)
    hannah = Contact.objects.get(username="hannah_w")
    told = list(Message.objects.filter(contact=hannah).order_by("pk"))
    times = [each.created_at for each in told]
    assert times == sorted(times)
    assert len(set(times)) == len(told) == 7
    assert [each.text for each in told if each.direction == "inbound"] == [
        "Hello! Do you shoot weddings in October?",
        "The 17th, in Como",
    ]
    for each in told:
        assert each.sent_at is not None
        assert 0 <= (each.sent_at - each.created_at).total_seconds() <= 1
        assert (timezone.now() - each.created_at).total_seconds() > 260 * 3600
    run = Execution.objects.get(contact=hannah)
    assert run.created_at == told[1].created_at
    assert {step.at for step in run.steps.all()} == {run.created_at}


@pytest.mark.once
def test_nothing_can_leave_for_instagram(capsys: pytest.CaptureFixture[str]):
    demo(capsys)
    channel = Channel.objects.get(kind="instagram")
    assert channel.status == "paused"
    assert not Message.objects.filter(channel=channel, status="sending").exists()


@pytest.mark.once
def test_beside_what_is_there_already(capsys: pytest.CaptureFixture[str], workspace: Workspace):
    first_start()
    plain = Workspace.objects.filter(subdomain="demo")
    assert not plain.exists()  # there is a workspace, so the first start made none
    assert demo(capsys) == COUNTS
    assert plain.get().name == "Demo"
    assert not Message.objects.filter(workspace=workspace).exists()


@pytest.mark.parametrize(
    "page", ["messaging/contact", "messaging/message", "automations/scenario",
             "automations/execution", "media_library/mediafile", "messaging/channel"],
)  # fmt: skip
@pytest.mark.once
def test_pages_show_it(capsys: pytest.CaptureFixture[str], page: str):
    demo(capsys)
    browser = Client()
    browser.get(login_link(operator(), ""), follow=True)
    answer = browser.get(f"/admin/{page}/")
    assert answer.status_code == 200
    assert "0 total" not in answer.text


def test_without_tables_it_says_what_to_do():
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'messaging'")
    with pytest.raises(CommandError, match="make run"):
        call_command("demo")
    assert not Workspace.objects.exists()
