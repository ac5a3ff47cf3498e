from datetime import timedelta

import pytest
from django.conf import settings
from django.utils import timezone

from inro.common import claims
from messaging.connecting import connect_channel
from messaging.delivery import sweeping
from messaging.delivery.pump import deliver
from messaging.delivery.sweeping import settle_left_behind, wake_pumps
from messaging.models import Channel, Message, Pump
from tests.messaging.delivery.conftest import (
    Statements,
    person,
    pumping,
    queue,
    statuses,
)
from tests.waiting import eventually

pytestmark = pytest.mark.django_db

LEASE = timedelta(seconds=31)
UNKNOWN = timedelta(seconds=settings.UNCONFIRMED_AFTER + 1)


@pytest.fixture
def sandbox(workspace) -> Channel:
    return connect_channel(workspace, "sandbox", "", {})


def attempted(channel: Channel, *messages: Message) -> None:
    now = timezone.now()
    Message.objects.filter(pk__in=[message.pk for message in messages]).update(
        status="sending", turn=1, attempts=1, attempted_at=now, lease_until=now + LEASE
    )


def test_sweeps_are_registered():
    assert claims.SWEEPS["messages"].model is Message
    assert claims.SWEEPS["pumps"].model is Pump


def test_attempt_whose_pump_died_becomes_unconfirmed_and_then_fails(channel):
    contact = person(channel)
    first, second = queue(channel, contact, "one", "two")
    attempted(channel, first)
    now = timezone.now()
    assert settle_left_behind(now) == 0
    now += LEASE + timedelta(seconds=1)
    assert settle_left_behind(now) == 1
    first.refresh_from_db()
    assert (first.status, first.turn, first.unconfirmed_at) == ("unconfirmed", 2, now)
    assert settle_left_behind(now + timedelta(seconds=5)) == 0
    assert settle_left_behind(now + UNKNOWN) == 1
    first.refresh_from_db()
    assert (first.status, first.error_code) == ("failed", "delivery_unknown")
    assert not first.error_retryable, "only a person repeats it"
    assert statuses(second) == ["queued"]


@pytest.mark.django_db(transaction=True)
def test_lease_that_ran_out_is_never_called_again(channel, provider):
    """A pump that is slow beyond its lease: the sweep moves the row, the late answer is written."""
    provider.script["one"] = ["hang"]
    queue(channel, person(channel), "one", "two")
    with pumping(channel):
        eventually(provider.texts, "the call")
        assert settle_left_behind(timezone.now() + LEASE) == 1
        assert statuses() == ["unconfirmed", "queued"]
        deliver(channel.pk)
        provider.release.set()
        eventually(lambda: statuses()[0] == "sent", "the late answer")
    assert provider.texts() == ["one", "two"]


def test_attempt_on_the_sandbox_is_made_again(sandbox):
    (message,) = queue(sandbox, person(sandbox), "hello")
    attempted(sandbox, message)
    assert settle_left_behind(timezone.now() + LEASE) == 2
    assert statuses(message) == ["queued"]
    deliver(sandbox.pk)
    message.refresh_from_db()
    assert (message.status, message.attempts) == ("delivered", 2)


def test_repeating_ends_with_the_first_attempts_deadline(sandbox):
    (message,) = queue(sandbox, person(sandbox), "hello")
    Message.objects.update(unconfirmed_at=timezone.now() - UNKNOWN)
    deliver(sandbox.pk)
    message.refresh_from_db()
    assert (message.status, message.error_code) == ("failed", "delivery_unknown")


def test_left_behind_are_settled_in_chunks(channel, monkeypatch):
    monkeypatch.setattr(sweeping, "CHUNK", 2)
    monkeypatch.setattr(sweeping, "CHUNKS_A_TICK", 3)
    for n in range(9):
        attempted(channel, *queue(channel, person(channel, str(n)), "hello"))
    now = timezone.now() + LEASE
    assert settle_left_behind(now) == 6, "a tick ends"
    assert settle_left_behind(now) == 3
    assert set(statuses()) == {"unconfirmed"}


def test_sweep_looks_through_the_partial_indexes(channel):
    with Statements() as statements:
        settle_left_behind(timezone.now())
    found = statements.plans()
    assert len(found) == 3
    assert "lease" in found[0]
    assert "unconfirmed" in found[1]
    assert "unconfirmed" in found[2]


def test_pump_is_woken_where_work_waits(channel, no_broker):
    now = timezone.now()
    assert wake_pumps(now) == 0
    queue(channel, person(channel), "hello")
    no_broker.clear()
    now = timezone.now()
    assert wake_pumps(now) == 1
    assert wake_pumps(now + timedelta(seconds=2)) == 0, "a wake-up is on its way"
    assert wake_pumps(now + LEASE) == 1, "it was lost"
    Pump.objects.update(lease_until=now + LEASE * 3, due_at=None)
    assert wake_pumps(now + LEASE) == 0, "a pump is at work"


def test_channel_without_a_pump_row_is_woken_too(channel, no_broker):
    queue(channel, person(channel), "hello")
    Pump.objects.all().delete()
    no_broker.clear()
    assert wake_pumps(timezone.now()) == 1


@pytest.mark.django_db(transaction=True)
def test_wake_up_that_arrived_makes_room_for_the_next(channel, provider, no_broker):
    provider.script["hello"] = ["busy"]
    queue(channel, person(channel), "hello")
    no_broker.clear()
    assert wake_pumps(timezone.now()) == 1
    assert no_broker == [("messaging.pump", (channel.pk,))]
    deliver(channel.pk)
    assert statuses() == ["queued"]
    assert wake_pumps(timezone.now()) == 0, "its time has not come"
    assert wake_pumps(timezone.now() + timedelta(seconds=3)) == 1
