import re
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from messaging.delivery.claim import _DUE_STREAMS, CLAIM, channels_waiting, claim, is_waiting
from messaging.delivery.writing import _DELAY
from messaging.models import Channel, Message, Pump, Stream, StreamKind
from tests.messaging.delivery.conftest import person, plan, queue

pytestmark = pytest.mark.django_db

LEASE = timedelta(seconds=30)


def take(channel: Channel, room: int = 500) -> list[str]:
    """The texts that one claim takes, in the order of their ids."""
    now = timezone.now()
    attempts = claim(channel.pk, room, now, now + LEASE)
    return [Message.objects.get(pk=attempt.message_id).text for attempt in attempts]


def test_claim_is_an_attempt(channel):
    (message,) = queue(channel, person(channel), "hello")
    now = timezone.now()
    assert claim(channel.pk, 10, now, now + LEASE) == [(message.pk, 1)]
    message.refresh_from_db()
    assert (message.status, message.turn, message.attempts) == ("sending", 1, 1)
    assert (message.attempted_at, message.lease_until) == (now, now + LEASE)


def test_only_the_oldest_open_message_of_a_contact_is_taken(channel):
    first, second = person(channel, "1"), person(channel, "2")
    queue(channel, first, "a1", "a2")
    queue(channel, second, "b1", "b2")
    assert take(channel) == ["a1", "b1"]
    assert take(channel) == []
    Message.objects.filter(text="a1").update(status="sent")
    assert take(channel) == ["a2"]


@pytest.mark.parametrize("status", ["preparing", "unconfirmed", "sending"])
def test_an_open_message_holds_up_the_later_ones(channel, status):
    first, _ = queue(channel, person(channel), "first", "second")
    Message.objects.filter(pk=first.pk).update(status=status)
    assert take(channel) == []


@pytest.mark.parametrize("status", ["sent", "failed", "canceled", "scheduled"])
def test_a_message_that_is_not_open_holds_up_nothing(channel, status):
    first, _ = queue(channel, person(channel), "first", "second")
    Message.objects.filter(pk=first.pk).update(status=status)
    assert take(channel) == ["second"]


def test_replies_go_first_and_one_is_in_flight_per_contact(channel):
    contact, other = person(channel, "1"), person(channel, "2")
    queue(channel, contact, "by the API", stream_kind=StreamKind.API)
    queue(channel, other, "to another", stream_kind=StreamKind.API)
    queue(channel, contact, "a reply")
    assert take(channel, 1) == ["a reply"]
    assert take(channel) == ["to another"]
    Message.objects.filter(text="a reply").update(status="unconfirmed")
    assert take(channel) == ["by the API"], "an unconfirmed reply holds up its own stream only"


def test_message_that_is_not_due_waits_with_those_behind_it(channel):
    first, _ = queue(channel, person(channel), "later", "behind")
    Message.objects.filter(pk=first.pk).update(due_at=timezone.now() + timedelta(seconds=9))
    assert take(channel) == []


@pytest.mark.parametrize("state", ["paused", "canceling", "ended"])
def test_stream_that_does_not_run_is_not_asked(channel, state):
    queue(channel, person(channel), "hello")
    Stream.objects.update(state=state)
    assert take(channel) == []
    assert not is_waiting(channel.pk, timezone.now())
    assert channels_waiting(timezone.now()) == []


@pytest.mark.parametrize("status", ["error", "paused"])
def test_channel_that_is_not_connected_keeps_its_messages(channel, status):
    queue(channel, person(channel), "hello")
    Channel.objects.update(status=status)
    assert take(channel) == []
    assert not is_waiting(channel.pk, timezone.now())
    assert channels_waiting(timezone.now()) == []


def test_channels_with_work_and_no_pump_are_found(channel):
    now = timezone.now()
    assert channels_waiting(now) == []
    (message,) = queue(channel, person(channel), "hello")
    now = timezone.now()
    assert channels_waiting(now) == [channel.pk]
    Pump.objects.update(lease_until=now + LEASE)
    assert channels_waiting(now) == []
    Pump.objects.update(lease_until=now - LEASE)
    assert channels_waiting(now) == [channel.pk]
    Message.objects.filter(pk=message.pk).update(status="unconfirmed")
    queue(channel, message.contact, "behind the unconfirmed one")
    assert channels_waiting(timezone.now()) == []


@pytest.fixture
def unknown_tables(db):
    """PostgreSQL may have looked at what earlier tests left, and plans by that."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE messaging_message, messaging_stream CASCADE")
            cursor.execute(
                "DELETE FROM pg_statistic WHERE starelid IN "
                "('messaging_message'::regclass, 'messaging_stream'::regclass)"
            )


def test_plan_of_the_claim_uses_the_partial_indexes(unknown_tables, channel):
    """On few rows and without statistics, as on a database that has just been set up."""
    queue(channel, person(channel), "hello")
    now = connection.ops.adapt_datetimefield_value(timezone.now())
    stream = Stream.objects.get(kind="replies").pk
    found = plan(CLAIM[connection.vendor], [now, now, 0, 0, stream, now, 16, 1])
    for index in ("claim", "lane", "inflight"):
        assert f"INDEX {index} " in found or f"using {index} on" in found, found
    assert not re.search(r"SCAN [mof]\b", found), found
    assert "Seq Scan" not in found


def test_plans_around_the_claim_use_the_partial_indexes(unknown_tables, channel):
    now = connection.ops.adapt_datetimefield_value(timezone.now())
    found = plan(_DUE_STREAMS, [now, now, now])
    assert "INDEX claim " in found or "using claim on" in found, found
    found = plan(_DELAY, [now, 1, 1, 1, now])
    # PostgreSQL chooses among the indexes by its statistics, of which there are none here.
    assert "INDEX lane " in found or "Index Scan using" in found, found
