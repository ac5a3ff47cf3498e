from datetime import timedelta
from functools import partial
from uuid import uuid4

import pytest
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from inro.common.claims import SWEEPS
from inro.common.errors import Refused
from messaging import streams
from messaging.channels.base import Busy, Outcome, Verdict
from messaging.connecting import connect_channel
from messaging.delivery.claim import claim, is_waiting
from messaging.delivery.news import Attempt, Change, News
from messaging.delivery.pump import deliver
from messaging.delivery.settle import settle
from messaging.delivery.sweeping import settle_left_behind
from messaging.models import Channel, Message, Stream, StreamKind
from messaging.signals import messages_settled
from messaging.streams import (
    cancel_stream,
    empty_stream,
    pause_stream,
    resume_stream,
    settle_canceling,
)
from tests.messaging.delivery.conftest import (
    Statements,
    fresh,
    person,
    queue,
    statuses,
)
from tests.messaging.delivery.conftest import channel as channel
from tests.messaging.delivery.conftest import no_broker as no_broker
from tests.waiting import Run, eventually

pytestmark = pytest.mark.django_db

LEASE = timedelta(seconds=30)
UNKNOWN = timedelta(seconds=settings.UNCONFIRMED_AFTER + 1)


@pytest.fixture
def sandbox(workspace) -> Channel:
    return connect_channel(workspace, "sandbox", "", {})


def campaign(channel: Channel, *messages: Message) -> Stream:
    """A stream that is not standing, with these messages in it."""
    stream = Stream.objects.create(channel=channel, kind=StreamKind.CAMPAIGN, rank=2)
    Message.objects.filter(pk__in=[message.pk for message in messages]).update(stream=stream)
    return stream


def texts(channel: Channel, count: int, **more) -> list[Message]:
    return [queue(channel, person(channel, f"p{n}"), f"text {n}", **more)[0] for n in range(count)]


def state(stream: Stream) -> str:
    stream.refresh_from_db()
    return stream.state


def take(channel: Channel) -> list[Attempt]:
    now = timezone.now()
    return claim(channel.pk, 500, now, now + LEASE)


class TestPause:
    def test_one_row_stops_it_and_one_starts_it(self, sandbox, no_broker):
        stream = campaign(sandbox, *texts(sandbox, 3))
        with Statements() as statements:
            assert pause_stream(stream.pk)
        assert len(statements) == 1
        assert take(sandbox) == []
        no_broker.clear()
        with transaction.atomic():
            assert not pause_stream(stream.pk)
        assert resume_stream(stream.pk)
        assert not resume_stream(stream.pk)
        assert len(take(sandbox)) == 3

    def test_other_streams_go_on(self, sandbox):
        (mine,) = texts(sandbox, 1)
        stream = campaign(sandbox, mine)
        (reply,) = queue(sandbox, mine.contact, "a reply")
        pause_stream(stream.pk)
        assert [attempt.message_id for attempt in take(sandbox)] == [reply.pk]

    @pytest.mark.django_db(transaction=True)
    def test_resuming_wakes_the_pump(self, sandbox, no_broker):
        stream = campaign(sandbox, *texts(sandbox, 1))
        pause_stream(stream.pk)
        no_broker.clear()
        resume_stream(stream.pk)
        assert no_broker == [("messaging.pump", (sandbox.pk,))]

    def test_standing_streams_can_be_paused(self, sandbox):
        texts(sandbox, 1, stream_kind=StreamKind.API)
        stream = Stream.objects.get(kind="api")
        assert pause_stream(stream.pk)
        assert not is_waiting(sandbox.pk, timezone.now())


class TestCancel:
    def test_what_waits_is_canceled_and_told_and_the_stream_ends(self, channel):
        waiting = texts(channel, 5)
        Message.objects.filter(pk=waiting[0].pk).update(status="scheduled")
        Message.objects.filter(pk=waiting[1].pk).update(status="preparing")
        (other,) = queue(channel, waiting[0].contact, "a reply")
        stream = campaign(channel, *waiting)
        told: list[tuple[int, str, str]] = []

        def hear(changes, **kwargs):
            assert transaction.get_connection().in_atomic_block
            told.extend((each.message_id, each.status, each.error_code) for each in changes)

        messages_settled.connect(hear)
        try:
            assert cancel_stream(stream.pk)
            assert not cancel_stream(stream.pk)
            assert statuses(*waiting) == ["scheduled", "preparing"] + ["queued"] * 3
            assert [attempt.message_id for attempt in take(channel)] == [other.pk]
            assert SWEEPS["streams"].run(timezone.now()) == 6
        finally:
            messages_settled.disconnect(hear)
        assert statuses(*waiting) == ["canceled"] * 5
        assert sorted(told) == [(row.pk, "canceled", "canceled") for row in waiting]
        assert statuses(other) == ["sending"]
        assert state(stream) == "ended"
        assert not resume_stream(stream.pk)
        assert settle_canceling(timezone.now()) == 0

    def test_paused_stream_can_be_canceled(self, channel):
        stream = campaign(channel, *texts(channel, 1))
        pause_stream(stream.pk)
        assert cancel_stream(stream.pk)
        assert not resume_stream(stream.pk)
        settle_canceling(timezone.now())
        assert (statuses(), state(stream)) == (["canceled"], "ended")

    def test_what_is_being_called_ends_by_its_answer(self, channel):
        rows = texts(channel, 3)
        stream = campaign(channel, *rows)
        take(channel)
        cancel_stream(stream.pk)
        settle_canceling(timezone.now())
        assert (statuses(), state(stream)) == (["sending"] * 3, "canceling")
        settle(
            [
                Attempt(rows[0].pk, 1).came_to(Verdict(Outcome.ACCEPTED)),
                Attempt(rows[1].pk, 1).came_to(Verdict(Outcome.BUSY, busy=Busy.MESSAGE)),
                Attempt(rows[2].pk, 1).is_(News.UNCALLED),
            ]
        )
        settle_canceling(timezone.now())
        assert statuses() == ["sent", "canceled", "canceled"]
        assert state(stream) == "ended"

    def test_what_may_have_gone_out_ends_by_a_receipt_or_its_deadline(self, channel):
        rows = texts(channel, 2)
        stream = campaign(channel, *rows)
        take(channel)
        cancel_stream(stream.pk)
        now = timezone.now()
        settle([Change(row.pk, News.UNKNOWN, 1, at=now) for row in rows])
        settle_canceling(now)
        assert (statuses(), state(stream)) == (["unconfirmed"] * 2, "canceling")
        settle([Change(rows[0].pk, News.CONFIRMED)])
        settle_left_behind(now + UNKNOWN)
        settle_canceling(now + UNKNOWN)
        assert statuses() == ["sent", "failed"]
        assert fresh(rows[1]).error_code == "delivery_unknown"
        assert state(stream) == "ended"

    def test_what_could_be_repeated_is_not(self, sandbox):
        """It is queued again already when the cancel comes, or is about to be."""
        rows = texts(sandbox, 2)
        stream = campaign(sandbox, *rows)
        now = timezone.now()
        Message.objects.filter(pk=rows[0].pk).update(unconfirmed_at=now)
        Message.objects.filter(pk=rows[1].pk).update(unconfirmed_at=now, status="unconfirmed")
        cancel_stream(stream.pk)
        settle_left_behind(now)
        settle_canceling(now)
        assert (statuses(), state(stream)) == (["queued", "unconfirmed"], "canceling")
        settle_left_behind(now + UNKNOWN)
        settle_canceling(now + UNKNOWN)
        assert set(Message.objects.values_list("status", "error_code")) == {
            ("failed", "delivery_unknown")
        }
        assert state(stream) == "ended"

    def test_in_chunks_and_a_tick_ends(self, channel, monkeypatch):
        monkeypatch.setattr(streams, "CHUNK", 2)
        monkeypatch.setattr(streams, "MOST", 6)
        stream = campaign(channel, *texts(channel, 7))
        cancel_stream(stream.pk)
        assert settle_canceling(timezone.now()) == 6
        assert (state(stream), statuses().count("queued")) == ("canceling", 1)
        assert settle_canceling(timezone.now()) == 2, "the last one, and the stream"
        assert state(stream) == "ended"

    @pytest.mark.parametrize("kind", ["replies", "api"])
    def test_standing_stream_is_never_ended(self, channel, kind):
        texts(channel, 1, stream_kind=kind)
        stream = Stream.objects.get(kind=kind)
        with pytest.raises(Refused) as refused:
            cancel_stream(stream.pk)
        assert refused.value.code == "conflict"
        assert (state(stream), statuses()) == ("running", ["queued"])

    @pytest.mark.django_db(transaction=True)
    def test_late_writer_of_the_stream_is_waited_for(self, channel):
        if connection.vendor == "sqlite":
            pytest.skip("SQLite has one writer at a time")
        stream = campaign(channel)
        (late,) = texts(channel, 1)
        cancel_stream(stream.pk)
        with transaction.atomic():
            Stream.objects.select_for_update().get(pk=stream.pk)
            ending = Run(partial(settle_canceling, timezone.now()))
            eventually(waits_for_a_lock, "the sweep waits")
            Message.objects.filter(pk=late.pk).update(stream=stream)
        ending.result()
        assert state(stream) == "canceling"
        settle_canceling(timezone.now())
        assert (statuses(late), state(stream)) == (["canceled"], "ended")

    def test_looks_through_the_partial_indexes(self, channel):
        stream = campaign(channel, *texts(channel, 1))
        cancel_stream(stream.pk)
        with Statements() as statements:
            settle_canceling(timezone.now())
        statements.plans()


def waits_for_a_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_locks WHERE NOT granted")
        return cursor.fetchone() is not None


class TestEmpty:
    def test_what_waits_is_canceled_and_the_stream_goes_on(self, channel):
        waiting = texts(channel, 3, stream_kind=StreamKind.API)
        Message.objects.filter(pk=waiting[0].pk).update(status="scheduled")
        Message.objects.filter(pk=waiting[1].pk).update(unconfirmed_at=timezone.now())
        (reply,) = queue(channel, waiting[0].contact, "a reply")
        stream = Stream.objects.get(kind="api")
        assert empty_stream(stream.pk) == 2
        assert statuses(*waiting) == ["canceled", "queued", "canceled"]
        assert (statuses(reply), state(stream)) == (["queued"], "running")
        assert empty_stream(stream.pk) == 0

    def test_story_is_told(self, channel):
        queue(channel, person(channel), "a", "b", story=uuid4())
        assert empty_stream(Stream.objects.get(kind="replies").pk) == 2
        assert statuses() == ["canceled"] * 2

    @pytest.mark.django_db(transaction=True)
    def test_the_pump_goes_on_with_what_comes_later(self, sandbox):
        texts(sandbox, 2)
        empty_stream(Stream.objects.get(kind="replies").pk)
        (later,) = queue(sandbox, Message.objects.latest("pk").contact, "later")
        deliver(sandbox.pk)
        assert statuses(later) == ["delivered"]


class TestDeferral:
    def test_the_lane_comes_later_and_nothing_else(self, channel):
        contact = person(channel)
        first, behind, planned = queue(channel, contact, "a", "b", "c")
        Message.objects.filter(pk=planned.pk).update(status="scheduled")
        (elsewhere,) = queue(channel, contact, "d", stream_kind=StreamKind.API)
        until = timezone.now() + timedelta(hours=9)
        quiet = Verdict(Outcome.BUSY, code="quiet_hours", message="It is night there.")
        (attempt,) = [each for each in take(channel) if each.message_id == first.pk]
        settle([attempt.is_(News.DEFERRED, quiet, until)])
        row = fresh(first)
        assert (row.status, row.due_at, row.attempts) == ("queued", until, 0)
        assert row.error_code == "quiet_hours"
        assert fresh(behind).due_at == until
        assert fresh(planned).due_at == planned.due_at
        assert fresh(elsewhere).due_at == elsewhere.due_at

    def test_one_that_waits_is_deferred_too(self, channel):
        first, behind = queue(channel, person(channel), "a", "b")
        until = timezone.now() + timedelta(hours=9)
        settle([Change(first.pk, News.DEFERRED, 0, until=until)])
        assert fresh(first).due_at == fresh(behind).due_at == until
        assert fresh(first).attempts == 0
