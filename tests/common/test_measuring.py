"""`/metrics`: who may read it, and what it says."""

from datetime import timedelta
from ipaddress import ip_network
from typing import Any

import pytest
from django.conf import settings as dj_settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from automations.models import Definition, Execution
from inro.common import measuring, queues
from inro.common.measuring import READINGS
from inro.common.models import Heartbeat
from media_library.models import Fetch
from messaging.connecting import connect_channel
from messaging.models import (
    Channel,
    ChannelStatus,
    Contact,
    Direction,
    Event,
    Message,
    Pump,
)
from messaging.queueing import Draft, queue_messages

pytestmark = pytest.mark.django_db


def samples() -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    answer = Client().get("/metrics")
    assert answer.status_code == 200
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def value(name: str, **labels: str) -> float | None:
    return samples().get((name, frozenset(labels.items())))


@pytest.fixture
def channel(workspace: Any) -> Channel:
    return connect_channel(workspace, "sandbox", "Sandbox", {})


@pytest.mark.parametrize(
    ("peer", "headers", "status"),
    [
        ("127.0.0.1", {}, 200),
        ("10.1.2.3", {}, 200),
        ("::ffff:10.1.2.3", {}, 200),
        ("127.0.0.2", {}, 403),
        ("192.0.2.1", {}, 403),
        ("", {}, 403),
        # By a proxy, whomever it says it speaks for.
        ("127.0.0.1", {"X-Forwarded-For": "10.1.2.3"}, 403),
        ("127.0.0.1", {"X-Forwarded-For": "192.0.2.1"}, 403),
        ("127.0.0.1", {"X-Forwarded-For": "nonsense"}, 403),
        ("127.0.0.1", {"X-Forwarded-For": ""}, 403),
        ("192.0.2.1", {"X-Forwarded-For": "127.0.0.1"}, 403),
        ("127.0.0.1", {"X-Forwarded-Proto": "https"}, 403),
        ("127.0.0.1", {"Forwarded": "for=192.0.2.1"}, 403),
        ("127.0.0.1", {"Via": "1.1 proxy"}, 403),
        ("127.0.0.1", {"X-Real-IP": "192.0.2.1"}, 403),
    ],
)
def test_who_may_read(settings: Any, peer: str, headers: dict[str, str], status: int):
    settings.METRICS_ALLOW = [ip_network("127.0.0.1/32"), ip_network("10.0.0.0/8")]
    answer = Client(REMOTE_ADDR=peer).get("/metrics", headers=headers)
    assert answer.status_code == status
    assert ("inro_" in answer.text) is (status == 200)
    if status == 403:
        assert answer.json()["error"]["code"] == "permission_denied"


def test_requests_are_counted_by_route_never_by_address():
    labels = {"method": "GET", "route": "/api/v1/media_files/<pk>", "status": "401"}
    before = value("inro_requests_total", **labels) or 0
    timed = value("inro_request_seconds_count", route=labels["route"]) or 0
    Client().get("/api/v1/media_files/7")
    Client().get("/api/v1/media_files/8")
    Client().generic("BREW", "/no/such/address")
    found = samples()
    assert found["inro_requests_total", frozenset(labels.items())] == before + 2
    other = {"method": "other", "route": "none", "status": "404"}
    assert found["inro_requests_total", frozenset(other.items())] >= 1
    assert not any("such" in text for _, all_of in found for _, text in all_of)
    assert value("inro_request_seconds_count", route=labels["route"]) == timed + 2


def test_what_waits_is_shown_by_its_age(workspace: Any, channel: Channel):
    kinds = ("events", "messages", "executions", "downloads")
    assert [value("inro_backlog_age_seconds", of=kind) for kind in kinds] == [0, 0, 0, 0]
    contact = Contact.objects.create(workspace=workspace)
    since = timezone.now() - timedelta(seconds=100)
    common = {"workspace": workspace, "due_at": since}
    Fetch.objects.create(**common, url="https://example.com")
    Execution.objects.create(
        **common,
        definition=Definition.objects.create(workspace=workspace),
        contact=contact,
        channel=channel,
    )
    Event.objects.create(
        **common, channel=channel, key="k", kind="message", happened_at=since, payload={}
    )
    queue_messages(workspace.pk, [Draft(contact.pk, channel.pk, "text", "hi")])  # type: ignore[arg-type]
    Message.objects.update(due_at=since)
    found = samples()
    for kind in kinds:
        age = found["inro_backlog_age_seconds", frozenset({("of", kind)})]
        assert 100 <= age < 130, kind
    assert found["inro_events_unapplied", frozenset()] == 1


def test_what_cannot_go_out_is_no_backlog(workspace: Any, channel: Channel):
    """A paused channel is nobody's fault; what comes later is not late."""
    contact = Contact.objects.create(workspace=workspace)
    queue_messages(workspace.pk, [Draft(contact.pk, channel.pk, "text", "hi")])  # type: ignore[arg-type]
    Message.objects.update(due_at=timezone.now() - timedelta(hours=1))
    Channel.objects.update(status=ChannelStatus.PAUSED)
    assert value("inro_backlog_age_seconds", of="messages") == 0
    Channel.objects.update(status=ChannelStatus.CONNECTED)
    Message.objects.update(due_at=timezone.now() + timedelta(hours=1))
    assert value("inro_backlog_age_seconds", of="messages") == 0


def test_messages_channels_pumps_clock(workspace: Any, channel: Channel):
    contact = Contact.objects.create(workspace=workspace)
    for status, age in (("received", 10), ("received", 59), ("received", 61), ("failed", 1)):
        Message.objects.create(
            workspace=workspace,
            channel=channel,
            contact=contact,
            stream=channel.streams.first(),
            direction=Direction.INBOUND if status == "received" else Direction.OUTBOUND,
            message_type="text",
            status=status,
            text="private words",
            created_at=timezone.now() - timedelta(minutes=age),
        )
    Pump.objects.update(lease_until=timezone.now() + timedelta(seconds=5))
    other = connect_channel(workspace, "sandbox", "Other", {})
    Channel.objects.filter(pk=other.pk).update(status=ChannelStatus.ERROR)
    Heartbeat.beat("tick")
    found = samples()

    def shown(name: str, **labels: str) -> float:
        return found[name, frozenset(labels.items())]

    assert shown("inro_messages_recent", direction="inbound", status="received") == 2
    assert shown("inro_messages_recent", direction="outbound", status="failed") == 1
    first, second = str(channel.pk), str(other.pk)
    assert shown("inro_channel_connected", channel=first, kind="sandbox") == 1
    assert shown("inro_channel_connected", channel=second, kind="sandbox") == 0
    assert shown("inro_pump_active", channel=first) == 1
    assert shown("inro_pump_active", channel=second) == 0
    assert timezone.now().timestamp() - shown("inro_last_tick_timestamp_seconds") < 60
    assert shown("inro_readings_failed") == 0
    assert "private words" not in Client().get("/metrics").text


@pytest.mark.skipif(
    not dj_settings.CELERY_BROKER_URL.startswith("inro-sqlite"), reason="would leave tasks there"
)
def test_tasks_in_the_queue_are_counted(settings: Any, tmp_path: Any):
    from inro.celery import app
    from inro.common.tasks import tick
    from media_library.tasks import run_fetch

    before = app.conf.broker_transport_options
    app.conf.broker_transport_options = {"path": str(tmp_path / "queue.sqlite3")}
    try:
        with app.connection_for_write() as broker:
            for task, args in ((tick, ()), (tick, ()), (run_fetch, (1,))):
                task.apply_async(args, connection=broker)  # type: ignore[call-arg]
        assert queues.waiting() == dict.fromkeys(queues.NAMES, 0) | {"default": 2, "media": 1}
        assert value("inro_queue_tasks", queue="default") == 2
    finally:
        app.conf.broker_transport_options = before


def test_a_reading_that_fails_costs_the_others_nothing(monkeypatch: pytest.MonkeyPatch):
    broken = measuring.Reading("inro_queue_tasks", "", lambda: 1 // 0, ("queue",))  # type: ignore
    monkeypatch.setitem(READINGS._items, "inro_queue_tasks", broken)
    found = samples()
    assert found["inro_readings_failed", frozenset()] == 1
    assert not any(name == "inro_queue_tasks" for name, _ in found)
    assert found["inro_events_unapplied", frozenset()] == 0


def test_query_count_does_not_grow(workspace: Any, channel: Channel):
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            Client().get("/metrics")
        return len(captured)

    few = queries()
    for n in range(5):
        connect_channel(workspace, "sandbox", f"S{n}", {})
        contact = Contact.objects.create(workspace=workspace)
        queue_messages(workspace.pk, [Draft(contact.pk, channel.pk, "text", "hi")])  # type: ignore[arg-type]
    assert queries() == few < 12


def test_oldest_message_is_found_by_the_index_of_the_claim(channel: Channel):
    from messaging.models import Stream
    from messaging.readings import _FIRST

    if connection.vendor != "sqlite":
        pytest.skip("a small table is scanned there")
    plan = Stream.objects.annotate(first=_FIRST).explain()
    assert "USING INDEX claim" in plan or "USING COVERING INDEX claim" in plan
