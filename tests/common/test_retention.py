"""What is over goes, in pages; what is young or still to be done stays."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from automations.models import Definition, Execution, ExecutionStatus, Step
from inro.accounts.models import LoginLink, User, Workspace
from inro.common import retention, tasks
from inro.common.models import Heartbeat
from inro.common.retention import RETENTIONS, Walked, walk
from messaging.connecting import connect_channel
from messaging.models import Channel, Contact, Event, EventStatus

pytestmark = pytest.mark.django_db


@pytest.fixture
def channel(workspace: Workspace) -> Channel:
    return connect_channel(workspace, "sandbox", "Sandbox", {})


def store_events(channel: Channel, count: int, age: timedelta, status: EventStatus) -> list[int]:
    at = timezone.now() - age
    first = Event.objects.count()
    rows = Event.objects.bulk_create(
        Event(
            workspace=channel.workspace,
            channel=channel,
            key=f"k{first + n}",
            kind="message",
            external_id="jane",
            happened_at=at,
            payload={},
            status=status,
            created_at=at,
        )
        for n in range(count)
    )
    return [row.pk for row in rows]


def left() -> set[int]:
    return set(Event.objects.values_list("pk", flat=True))


def test_ten_thousand_old_events_go_in_pages(channel: Channel):
    store_events(channel, 10_000, timedelta(days=15), EventStatus.APPLIED)
    waiting = store_events(channel, 40, timedelta(days=15), EventStatus.RECORDED)
    young = store_events(channel, 300, timedelta(days=13), EventStatus.APPLIED)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert walk(RETENTIONS["events"]) == Walked(10_000)
    assert left() == {*waiting, *young}
    # 21 pages and the one that ends the walk: each one read and, where there was old, one delete.
    deletes = [each["sql"] for each in queries if each["sql"].startswith("DELETE")]
    reads = [each["sql"] for each in queries if each["sql"].startswith("SELECT")]
    assert (len(deletes), len(reads)) == (21, 22)
    assert not any("payload" in sql for sql in reads)


def test_a_walk_of_nothing_old_reads_one_page(channel: Channel, django_assert_num_queries: Any):
    store_events(channel, 1_200, timedelta(days=13), EventStatus.APPLIED)
    with django_assert_num_queries(1):
        assert walk(RETENTIONS["events"]) == Walked(0)
    assert len(left()) == 1_200


@pytest.mark.parametrize("status", [s for s in EventStatus if s != EventStatus.RECORDED])
def test_every_settled_event_goes_in_its_time(channel: Channel, settings: Any, status: EventStatus):
    old, just = (
        store_events(channel, 1, timedelta(days=2, minutes=minutes), status)[0]
        for minutes in (1, -1)
    )
    settings.RETAIN_EVENTS_DAYS = 2
    assert walk(RETENTIONS["events"]) == Walked(1)
    assert (left(), old in left()) == ({just}, False)


def test_event_applied_while_the_walk_goes_on_is_judged_by_its_status_now(
    channel: Channel, monkeypatch: pytest.MonkeyPatch
):
    """The page was read before; the statement that removes looks again."""
    (pk,) = store_events(channel, 1, timedelta(days=15), EventStatus.APPLIED)
    real = retention._page

    def page(*args: Any) -> Any:
        found = real(*args)
        Event.objects.filter(pk=pk).update(status=EventStatus.RECORDED)
        return found

    monkeypatch.setattr(retention, "_page", page)
    assert walk(RETENTIONS["events"]) == Walked(0)
    assert left() == {pk}


@pytest.mark.parametrize("name", ["events", "step logs"])
def test_zero_days_keep_for_ever(channel: Channel, settings: Any, name: str):
    settings.RETAIN_EVENTS_DAYS = settings.RETAIN_STEPS_DAYS = 0
    store_events(channel, 3, timedelta(days=9_000), EventStatus.APPLIED)
    assert walk(RETENTIONS[name]) == Walked(0)
    assert len(left()) == 3


def test_steps_of_finished_executions_go(channel: Channel):
    workspace, old = channel.workspace, timezone.now() - timedelta(days=181)
    kept: set[int] = set()
    gone: set[int] = set()
    for status in ExecutionStatus:
        execution = Execution.objects.create(
            workspace=workspace,
            definition=Definition.objects.create(workspace=workspace),
            contact=Contact.objects.create(workspace=workspace),
            channel=channel,
            trigger_type="message",
            status=status,
        )
        for number, at in ((1, old), (2, timezone.now() - timedelta(days=179))):
            step = Step.objects.create(
                execution=execution, number=number, action_key="a", action={}, at=at
            )
            finished = status not in {ExecutionStatus.RUNNING, ExecutionStatus.WAITING}
            (gone if finished and number == 1 else kept).add(step.pk)
    assert walk(RETENTIONS["step logs"]) == Walked(4)
    assert set(Step.objects.values_list("pk", flat=True)) == kept
    assert len(gone) == 4
    assert Execution.objects.count() == 6


def test_login_links_sessions_and_heartbeats_go(workspace: Workspace):
    user, now = User.objects.create(username="ann"), timezone.now()
    for age, digest in ((timedelta(days=2), b"old"), (timedelta(hours=1), b"new")):
        LoginLink.objects.create(user=user, digest=digest, created_at=now - age)
    for key, until in (("b", now + timedelta(days=1)), ("a", now), ("c", now - timedelta(days=1))):
        Session.objects.create(session_key=key, session_data="", expire_date=until)
    Heartbeat.objects.create(name="gone", at=now - timedelta(days=31))
    Heartbeat.objects.create(name="here", at=now)
    for name in ("login links", "sessions", "heartbeats"):
        tasks.remove_old(name)
    assert [bytes(each.digest) for each in LoginLink.objects.all()] == [b"new"]
    assert [each.session_key for each in Session.objects.all()] == ["b"]
    assert Heartbeat.objects.filter(name__in=["gone", "here"]).get().name == "here"


class TestDaily:
    @pytest.fixture
    def woken(self, monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = []

        def wake(task: Any, *args: Any) -> None:
            if task is tasks.remove_old:
                found.append(args)

        monkeypatch.setattr(tasks, "wake", wake)
        return found

    def test_each_walk_begins_once_a_day(self, woken: list[tuple[Any, ...]], time_machine: Any):
        names = [(name,) for name in RETENTIONS.keys()]  # noqa: SIM118
        assert len(names) >= 5
        time_machine.move_to("2026-01-01T12:00:00Z", tick=False)
        tasks.tick()
        tasks.tick()
        assert woken == names
        for (name,) in names:
            tasks.remove_old(name)
        time_machine.move_to("2026-01-02T11:59:59Z", tick=False)
        tasks.tick()
        assert woken == names
        time_machine.move_to("2026-01-02T12:00:01Z", tick=False)
        tasks.tick()
        assert woken == names * 2

    def test_a_walk_that_died_begins_again(self, woken: list[tuple[Any, ...]], time_machine: Any):
        time_machine.move_to("2026-01-01T12:00:00Z", tick=False)
        tasks.tick()
        count = len(woken)
        time_machine.move_to("2026-01-01T12:09:59Z", tick=False)
        tasks.tick()
        assert len(woken) == count
        time_machine.move_to("2026-01-01T12:10:01Z", tick=False)
        tasks.tick()
        assert len(woken) == 2 * count

    def test_a_long_walk_hands_over_and_nothing_is_left(
        self,
        channel: Channel,
        woken: list[tuple[Any, ...]],
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ):
        """With no time at all, each task does one page and names the key to go on after."""
        monkeypatch.setattr(retention, "SLICE_SECONDS", 0.0)
        ids = store_events(channel, 1_100, timedelta(days=15), EventStatus.APPLIED)
        caplog.set_level("INFO")
        retention.take_due(timezone.now())
        tasks.remove_old("events")
        assert woken.pop() == ("events", ids[499])
        assert len(left()) == 600
        assert retention.take_due(timezone.now()) == []
        tasks.remove_old("events", ids[499])
        tasks.remove_old(*woken.pop())
        assert left() == set()
        tasks.remove_old(*woken.pop())
        assert woken == []
        assert caplog.text.count("removed what is over") == 3
        assert "jane" not in caplog.text
        done = Heartbeat.objects.get(name="retention: events").at
        assert timezone.now() - done < timedelta(minutes=1)
