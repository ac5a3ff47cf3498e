import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from inro.accounts.home import CAP, HOME_PARTS, Scope
from inro.accounts.models import Membership, User
from inro.common.models import Heartbeat
from media_library.models import MediaFile
from messaging.connecting import connect_channel
from messaging.models import Channel, Event, Message
from tests.admin.story import HOSTILE, execution, instagram, person, sent, written
from tests.automations.support import message, stored

HOME = "/admin/"
LIVE = "/admin/home/"
BIG = tuple(
    f"SCAN {table}"
    for table in ("messaging_message", "messaging_event", "messaging_contact",
                  "automations_execution", "media_library_mediafile")
)  # fmt: skip


@pytest.fixture(autouse=True)
def clock(db):
    Heartbeat.beat("tick")


def test_nothing_to_do(browser, workspace):
    channel = instagram(workspace)
    written(channel, person(channel))
    stored(workspace, message("hello"))
    page = browser.get(HOME).text
    assert "Nothing needs you right now." in page
    assert "First steps" not in page


def test_newcomer_is_shown_what_to_try(browser, workspace):
    sandbox = connect_channel(workspace, "sandbox", "Try", {})
    page = browser.get(HOME).text
    assert "First steps" in page
    for address in (
        reverse("admin:messaging_channel_change", args=[sandbox.pk]),
        reverse("docs"),
        reverse("admin:accounts_apitoken_add"),
    ):
        assert f'href="{address}"' in page


def test_channels_that_cannot_send(browser, workspace):
    broken, paused = instagram(workspace, "1", "Outlet"), instagram(workspace, "2", "Winter")
    Channel.objects.filter(pk=broken.pk).update(status="error", status_reason="Token expired.")
    Channel.objects.filter(pk=paused.pk).update(status="paused", status_reason="Holidays.")
    page = browser.get(LIVE).text
    assert "2 things need a person." in page
    assert "Outlet (Instagram) cannot send" in page
    assert "Token expired." in page
    assert "Winter (Instagram) is paused" in page
    assert reverse("admin:messaging_channel_change", args=[broken.pk]) in page


def test_failed_messages_stand_under_their_reasons(browser, workspace):
    channel = instagram(workspace)
    jane = person(channel)
    for _ in range(3):
        sent(channel, jane, status="failed", error_code="outside_window", error_message="Long ago.")
    sent(channel, jane, status="failed", error_code="new_code", error_message="What they said.")
    old = sent(channel, jane, status="failed", error_code="thread_gone")
    Message.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(days=8))
    page = browser.get(LIVE).text
    assert "3 messages failed: The person has not written within 24 hours" in page
    assert "Wait until they write; from then on they can be answered." in page
    assert "1 message failed: What they said." in page
    assert "archived" not in page
    link = f"{reverse('admin:messaging_message_changelist')}?status__exact=failed"
    assert f"{link}&amp;reason=outside_window" in page
    listed = browser.get(f"{link}&reason=outside_window")
    assert listed.context["cl"].result_count == 3


def test_counts_stop_at_the_cap(browser, workspace):
    channel = instagram(workspace)
    jane = person(channel)
    row = sent(channel, jane, status="failed", error_code="outside_window")
    rows = [row]
    for _ in range(CAP):
        rows.append(Message.objects.get(pk=row.pk))
        rows[-1].pk = None
    Message.objects.bulk_create(rows[1:])
    assert "1,000+ messages failed" in browser.get(LIVE).text


def test_unconfirmed_late_and_stuck(browser, workspace):
    channel = instagram(workspace)
    jane = person(channel)
    past = timezone.now() - timedelta(minutes=10)
    sent(channel, jane, status="unconfirmed", unconfirmed_at=past)
    sent(channel, jane, status="queued", due_at=past)
    event = {"workspace": workspace, "channel": channel, "kind": "message", "external_id": "9",
             "happened_at": past, "payload": {}}  # fmt: skip
    Event.objects.create(key="1", status="failed", **event)
    Event.objects.create(key="2", status="recorded", due_at=past, **event)
    page = browser.get(LIVE).text
    assert "1 message may or may not have gone out" in page
    assert "Messages wait longer than they should" in page
    assert "Not applied: 1 of the events" in page
    assert "taken in, but not yet read" in page


def test_messages_of_a_paused_channel_are_not_late(browser, workspace):
    channel = instagram(workspace)
    past = timezone.now() - timedelta(minutes=10)
    sent(channel, person(channel), status="queued", due_at=past)
    Channel.objects.update(status="paused")
    page = browser.get(LIVE).text
    assert "wait longer than they should" not in page
    assert "is paused" in page


def test_executions_files_and_scenarios(browser, workspace):
    channel = instagram(workspace)
    jane = person(channel)
    execution(channel, jane, status="failed", reason_code="step_limit")
    execution(channel, jane, status="failed", reason_code="outside_window")
    stored(workspace, message("x", content="Hi {{nobody.knows}}"), title="Draft", active=False)
    MediaFile.objects.create(workspace=workspace, status="failed", name="a")
    MediaFile.objects.create(workspace=workspace, status="pending", name="b")
    page = browser.get(LIVE).text
    assert "1 execution failed: It took 1,000 steps without an end" in page
    assert "1 execution failed with one of their messages" in page
    assert "Draft is switched off and has warnings" in page
    assert "1 file could not be downloaded" in page
    assert "1 file still being downloaded" in page


def test_a_clock_that_stands_still(browser):
    Heartbeat.objects.update(at=timezone.now() - timedelta(minutes=5))
    page = browser.get(LIVE)
    assert "The background work stands still" in page.text
    Heartbeat.objects.all().delete()
    assert "It has never run." in browser.get(LIVE).text


def figures(page):
    pairs = re.findall(r"<dt>([^<]+)</dt><dd>(?:<a [^>]+>)?([^<]+)", page)
    return {name: value.strip() for name, value in pairs}


def test_numbers_of_today(browser, workspace):
    channel = instagram(workspace)
    jane = person(channel)
    written(channel, jane)
    written(channel, jane, sent_at=timezone.now() - timedelta(days=2))
    now = timezone.now()
    sent(channel, jane)
    sent(channel, jane, status="delivered", delivered_at=now)
    sent(channel, jane, status="read", delivered_at=now, read_at=now)
    sent(channel, jane, status="queued", due_at=now)
    shown = figures(browser.get(LIVE).text)
    assert {name: shown[name] for name in ("New people", "Received", "Sent", "Delivered")} == {
        "New people": "1", "Received": "1", "Sent": "3", "Delivered": "2",
    }  # fmt: skip
    assert shown["Read"] == "1"
    assert shown["Messages waiting to go out"] == "1"


def test_other_workspaces_do_not_show(browser, stranger, chief):
    channel = instagram(stranger, name="Their shop")
    Channel.objects.update(status="error", status_reason="Their reason")
    jane = person(channel)
    sent(channel, jane, status="failed", error_code="outside_window")
    sent(channel, jane, status="unconfirmed", unconfirmed_at=timezone.now())
    execution(channel, jane, status="failed", reason_code="step_limit")
    MediaFile.objects.create(workspace=stranger, status="failed")
    page = browser.get(LIVE).text
    assert "Nothing needs you right now." in page
    assert set(figures(page).values()) == {"0"}
    assert "Their shop (Instagram) cannot send" in chief.get(LIVE).text


@pytest.mark.parametrize("address", [HOME, LIVE])
def test_strangers_are_sent_to_the_login(db, address):
    answer = Client().get(address)
    assert answer.status_code == 302
    assert answer["Location"].startswith("/admin/login/")


def test_a_part_that_asks_without_a_session_gets_no_login_form(db):
    answer = Client().get(LIVE, headers={"HX-Request": "true"})
    assert answer.status_code == 401
    assert "<form" not in answer.text


def test_staff_without_a_workspace_gets_no_part(db):
    client = Client()
    client.force_login(User.objects.create_user("nobody", is_staff=True))
    assert client.get(LIVE).status_code == 403


def test_unchanged_part_is_not_sent_again(browser, workspace):
    page = browser.get(HOME).text
    digest = page.split("/admin/home/?shown=")[1][:16]
    again = browser.get(LIVE, {"shown": digest})
    assert (again.status_code, again.content) == (204, b"")
    channel = instagram(workspace)
    written(channel, person(channel))
    changed = browser.get(LIVE, {"shown": digest})
    assert changed.status_code == 200
    assert 'hx-swap-oob="innerHTML:#live-says"' in changed.text
    assert "no-store" in changed.headers["Cache-Control"]


def test_hostile_text_is_text(browser, workspace):
    channel = instagram(workspace, name=HOSTILE[:100])
    Channel.objects.update(status="error", status_reason=HOSTILE)
    sent(channel, person(channel), status="failed", error_code="odd", error_message=HOSTILE)
    stored(workspace, message("x", content="{{<b>}} {{a.b}}"), title=HOSTILE, active=False)
    page = browser.get(HOME).text
    assert "<img src=x" not in page
    assert "<script>alert" not in page
    assert page.count("&lt;img src=x onerror=alert(1)&gt;") >= 3


def test_queries_do_not_grow(browser, workspace, django_assert_max_num_queries):
    channel = instagram(workspace)
    jane = person(channel)
    for number in range(30):
        sent(channel, jane, status="failed", error_code=f"code_{number}")
        execution(channel, jane, title=str(number), status="failed", reason_code="step_limit")
        stored(workspace, message("x", content="{{a.b}}"), active=False)
        instagram(workspace, f"a{number}")
    Channel.objects.update(status="error")
    with django_assert_max_num_queries(32):
        assert browser.get(LIVE).status_code == 200


INDEXES = {
    "messaging": {"message_failed", "unconfirmed", "claim", "event_failed", "message_outbox"},
    "automations": {"execution_failed", "execution_waiting"},
    "media": {"media_unready"},
    "server": set(),
}


@pytest.mark.parametrize("part", HOME_PARTS, ids=lambda part: part.name)
def test_partial_indexes_are_used(part, workspace):
    """On a table of any size: no statement of the page reads one of the big tables whole."""
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL reads small tables whole, whatever indexes they have.")
    channel = instagram(workspace)
    written(channel, person(channel))
    statements = []

    def note(execute, sql, params, many, context):
        # As it is sent: a bound parameter hides what SQLite looks for.
        statements.append((sql, params))
        return execute(sql, params, many, context)

    scope = Scope([workspace.pk])
    with connection.execute_wrapper(note):
        for read in (part.concerns, part.figures, part.first_steps):
            list(read(scope))
    plan = []
    with connection.cursor() as cursor:
        for sql, params in statements:
            cursor.execute(f"EXPLAIN QUERY PLAN {sql}", params)
            plan += [row[3] for row in cursor.fetchall()]
    assert [line for line in plan if line.startswith(BIG) and "INDEX" not in line] == []
    used = {name for line in plan for name in re.findall(r"INDEX (\w+)", line)}
    assert used >= INDEXES[part.name]


def test_every_page_forbids_foreign_scripts(browser, workspace):
    for address in (HOME, LIVE, reverse("admin:messaging_message_changelist")):
        policy = browser.get(address).headers["Content-Security-Policy"]
        assert "script-src 'self';" in policy
        assert "frame-ancestors 'none'" in policy
    login = Client().get("/admin/login/")
    assert "script-src 'self';" in login.headers["Content-Security-Policy"]


def test_times_are_those_of_the_workspaces(browser, operator, workspace, stranger):
    workspace.timezone = "Europe/Rome"
    workspace.save()
    assert "Times are those of Europe/Rome." in browser.get(HOME).text
    Membership.objects.create(user=operator, workspace=stranger)
    assert "Times are those of UTC." in browser.get(HOME).text


def test_the_machines_tables_are_the_superusers(browser, chief):
    for client, shown in ((browser, False), (chief, True)):
        page = client.get(HOME).text
        for name in ("pump", "stream", "blob", "fetch", "action"):
            assert (f'-{name}"' in page) is shown, name
        assert ("Under the hood" in page) is shown
        assert 'id="messaging-message"' in page
