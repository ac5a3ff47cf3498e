from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from messaging.delivery.claim import claim
from messaging.delivery.pump import deliver
from messaging.models import Channel, Message, Pump, StreamKind
from messaging.pacing import SECOND, Allowance, Pacing
from tests.messaging.delivery.conftest import fresh, person, queue, statuses

pytestmark = pytest.mark.django_db(transaction=True)


def texts(channel: Channel, count: int, **more) -> list[Message]:
    """One to each of as many people."""
    start = Message.objects.count()
    people = [person(channel, f"p{n}") for n in range(start, start + count)]
    return [queue(channel, contact, "hello", **more)[0] for contact in people]


def test_pump_sends_all_and_never_faster_than_the_limit(channel, provider):
    Channel.objects.update(text_per_second=50)
    texts(channel, 35)
    deliver(channel.pk)
    assert set(statuses()) == {"sent"}, "paced is not empty"
    taken: list[Any] = sorted(Message.objects.values_list("attempted_at", flat=True))
    for first in range(len(taken)):
        for last in range(first, len(taken)):
            seconds = (taken[last] - taken[first]).total_seconds()
            assert last - first + 1 <= 50 * (seconds + 0.2) + 1
    assert taken[9] == taken[0] < taken[10], "a window at once, the rest later"


def test_what_another_pump_spent_is_waited_for(channel, provider):
    Channel.objects.update(text_per_second=2)
    texts(channel, 1)
    paced_to = timezone.now() + timedelta(seconds=0.4)
    Pump.objects.update(paced_to=paced_to)
    deliver(channel.pk)
    assert fresh().attempted_at > paced_to
    pump: Any = Pump.objects.get()
    assert pump.paced_to >= paced_to + timedelta(seconds=0.5)


def test_unlimited_channel_is_not_paced(channel, provider):
    Channel.objects.update(text_per_second=10_000)
    texts(channel, 60)
    deliver(channel.pk)
    assert len(set(Message.objects.values_list("attempted_at", flat=True))) == 1


class TestClaim:
    """A message costs by its type; replies spend first."""

    def take(self, channel: Channel, credit: int = SECOND // 5) -> list[int]:
        now = timezone.now()
        allowance = Allowance(Pacing(100, 10), now, credit)
        found = claim(channel.pk, 500, now, now + timedelta(seconds=30), allowance)
        self.left = allowance.credit
        return [each.message_id for each in found]

    def test_texts(self, channel):
        rows = texts(channel, 30)
        assert self.take(channel) == [row.pk for row in rows[:20]]
        assert self.left == 0

    def test_files_cost_ten_times_as_much(self, channel):
        rows = texts(channel, 8)
        Message.objects.filter(pk__in=[row.pk for row in rows[1:]]).update(message_type="image")
        assert self.take(channel) == [row.pk for row in rows[:3]]
        assert self.left == -10_000

    def test_what_the_replies_leave(self, channel):
        behind = texts(channel, 3, stream_kind=StreamKind.API)
        replies = texts(channel, 18)
        assert self.take(channel, 190_000) == [behind[0].pk, *(row.pk for row in replies)]

    def test_nothing_without_credit(self, channel):
        texts(channel, 1)
        assert self.take(channel, 0) == []
        assert statuses() == ["queued"]
