"""Limits of a whole account, and providers out of reach: the channel waits as one."""

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.utils import timezone

from messaging.channels import CHANNELS
from messaging.channels.base import Busy, Outcome, Verdict
from messaging.delivery.claim import channels_waiting
from messaging.delivery.news import Attempt, Change
from messaging.delivery.pump import deliver
from messaging.delivery.settle import settle
from messaging.delivery.sweeping import wake_pumps
from messaging.models import Channel, Message, Pump
from tests.messaging.delivery.conftest import fresh, person, queue, statuses

pytestmark = pytest.mark.django_db

LIMITED = Verdict(Outcome.BUSY, code="rate_limited", message="Too many calls.", busy=Busy.ACCOUNT)


def in_seconds(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)


def texts(channel: Channel, count: int) -> list[Message]:
    return [queue(channel, person(channel, f"p{n}"), f"text {n}")[0] for n in range(count)]


def limited(
    message: Message, at: datetime, attempted: datetime, asked: float | None = None, **more: Any
) -> None:
    """The answer at `at` to the call of `attempted`."""
    Message.objects.filter(pk=message.pk).update(
        status="sending", turn=1, attempts=3, attempted_at=attempted, lease_until=at
    )
    wait = None if asked is None else in_seconds(asked)
    verdict = Verdict(**{**LIMITED.__dict__, "retry_after": wait, **more})
    settle([Change(message.pk, Attempt(message.pk, 1).came_to(verdict).news, 1, verdict, at=at)])


def pause(pump: Pump, at: datetime) -> tuple[int, float]:
    pump.refresh_from_db()
    assert pump.paused_until
    return pump.pauses, (pump.paused_until - at).total_seconds()


class TestPause:
    def test_the_message_goes_back_uncounted_and_first_in_line(self, channel):
        first, second = queue(channel, person(channel), "one", "two")
        due = fresh(first).due_at
        now = timezone.now()
        limited(first, now, now)
        row = fresh(first)
        assert (row.status, row.attempts, row.due_at) == ("queued", 2, due)
        assert (row.error_code, row.error_message) == ("rate_limited", "Too many calls.")
        assert fresh(second).due_at == due
        pump = Pump.objects.get()
        assert pause(pump, now) == (1, 2)
        assert pump.pause_reason == "Too many calls."

    def test_each_probe_that_fails_doubles_it(self, channel):
        (message,) = texts(channel, 1)
        pump, at, waits = Pump.objects.get(), timezone.now(), []
        for n in range(10):
            limited(message, at, at)
            pauses, wait = pause(pump, at)
            assert pauses == n + 1
            waits.append(wait)
            at += in_seconds(wait + 1)
        assert waits == [2, 4, 8, 16, 32, 64, 128, 256, 300, 300]

    def test_calls_under_way_when_it_began_are_one_limit(self, channel):
        rows = texts(channel, 3)
        now = timezone.now()
        for n, message in enumerate(rows):
            limited(message, now + in_seconds(n / 2), now - in_seconds(1))
        assert pause(Pump.objects.get(), now) == (1, 2)
        # It is over, and one of those calls is answered only now.
        limited(rows[0], now + in_seconds(9), now + in_seconds(1.9))
        assert pause(Pump.objects.get(), now) == (1, 2)
        limited(rows[0], now + in_seconds(9), now + in_seconds(1.9), asked=5)
        assert pause(Pump.objects.get(), now) == (1, 14)

    @pytest.mark.parametrize(("asked", "waits"), [(1, 2), (90, 90), (86_400, 3600)])
    def test_what_the_provider_asks_for_within_reason(self, channel, asked, waits):
        (message,) = texts(channel, 1)
        now = timezone.now()
        limited(message, now, now, asked)
        assert pause(Pump.objects.get(), now) == (1, waits)

    def test_nothing_is_claimed_until_it_is_over(self, channel, no_broker):
        (message,) = texts(channel, 1)
        now = timezone.now()
        limited(message, now, now)
        no_broker.clear()
        assert channels_waiting(now + in_seconds(1.9)) == []
        assert wake_pumps(now + in_seconds(1.9)) == 0
        assert wake_pumps(now + in_seconds(2.1)) == 1
        deliver(channel.pk)
        assert fresh().status == "queued"
        assert Pump.objects.get().lease_until is None, "nobody waits on a worker's thread"

    def test_other_channels_go_on(self, channel, workspace):
        other = Channel.objects.create(workspace=workspace, kind="sandbox", name="x")
        Pump.objects.create(channel=other)
        (message,) = texts(channel, 1)
        now = timezone.now()
        limited(message, now, now)
        assert Pump.objects.get(channel=other).paused_until is None

    def test_error_of_the_channel_is_not_timed(self, channel):
        (message,) = texts(channel, 1)
        now = timezone.now()
        limited(message, now, now, channel_error="Connect again.")
        assert Pump.objects.get().paused_until is None
        assert Channel.objects.get().status == "error"

    def test_people_see_it(self, channel, api):
        shown = f"/api/v1/channels/{channel.pk}"
        (message,) = texts(channel, 1)
        now = timezone.now()
        limited(message, now, now, asked=600)
        answer = api.get(shown).json()
        assert (
            answer["paused_until"]
            == api.get("/api/v1/channels").json()["channels"][0]["paused_until"]
        )
        assert answer["status"] == "connected"
        assert answer["status_reason"] == "Too many calls."
        Pump.objects.update(paused_until=now - in_seconds(1))
        assert (api.get(shown).json()["paused_until"], api.get(shown).json()["status_reason"]) == (
            None,
            "",
        )


@pytest.mark.django_db(transaction=True)
class TestPump:
    def over(self) -> None:
        """As if the time had passed."""
        past = timezone.now() - in_seconds(1)
        Message.objects.filter(attempted_at__isnull=False).update(attempted_at=past)
        Pump.objects.update(paused_until=past + in_seconds(0.1))

    def test_an_account_limit_ends_the_round_and_costs_no_attempts(self, channel, provider):
        rows = texts(channel, 30)
        for row in rows:
            provider.script[row.text] = ["limited"] * 5
        asked = [0]
        for pauses in range(1, 5):
            deliver(channel.pk)
            assert Pump.objects.get().pauses == pauses
            asked.append(len(provider.got))
            self.over()
        assert [after - before for before, after in pairwise(asked)][1:] == [1, 1, 1]
        assert set(statuses()) == {"queued"}
        assert set(Message.objects.values_list("attempts", flat=True)) == {0}
        provider.script.clear()
        deliver(channel.pk)
        pump = Pump.objects.get()
        assert set(statuses()) == {"sent"}
        assert (pump.pauses, pump.pause_reason) == (0, "")
        assert len(provider.got) == asked[-1] + 30

    def test_one_call_tries_it_again(self, channel, provider):
        rows = texts(channel, 10)
        provider.script |= {row.text: ["limited"] for row in rows[:1]}
        Pump.objects.update(pauses=3, window=500, turn=2)
        deliver(channel.pk)
        assert provider.texts() == ["text 0"]
        assert Pump.objects.get().pauses == 4

    def test_any_clear_answer_ends_it(self, channel, provider):
        rows = texts(channel, 2)
        provider.script[rows[0].text] = ["refused"]
        Pump.objects.update(pauses=3, window=500, turn=2)
        deliver(channel.pk)
        assert statuses() == ["failed", "sent"]
        assert Pump.objects.get().pauses == 0

    @pytest.mark.parametrize("behaviour", ["drop", "bare500", "busy"])
    def test_no_other_answer_does(self, channel, provider, behaviour):
        (row,) = texts(channel, 1)
        provider.script[row.text] = [behaviour]
        Pump.objects.update(pauses=3, window=500, turn=2)
        deliver(channel.pk)
        assert Pump.objects.get().pauses == 3

    def test_refusal_of_our_own_is_no_sign_of_the_provider(self, channel, provider):
        queue(channel, person(channel, wrote=timedelta(days=9)), "too late")
        Pump.objects.update(pauses=3, window=500, turn=2)
        deliver(channel.pk)
        assert statuses() == ["failed"]
        assert Pump.objects.get().pauses == 3

    def test_provider_out_of_reach(self, channel, settings, provider):
        url = settings.INSTAGRAM_API_URL
        settings.INSTAGRAM_API_URL = "http://127.0.0.1:9"
        rows = texts(channel, 3)
        deliver(channel.pk)
        pump = Pump.objects.get()
        assert (pump.pauses, pump.pause_reason) == (1, "The provider could not be reached.")
        assert {(fresh(row).status, fresh(row).attempts) for row in rows} == {("queued", 1)}
        assert fresh(rows[0]).due_at > timezone.now()
        settings.INSTAGRAM_API_URL = url
        Message.objects.update(due_at=timezone.now())
        self.over()
        deliver(channel.pk)
        assert set(statuses()) == {"sent"}
        assert Pump.objects.get().pauses == 0

    def test_retry_after_of_an_answer_is_honoured(self, channel, provider):
        (row,) = texts(channel, 1)
        provider.script[row.text] = ["limited"]
        provider.headers = {"Retry-After": "77"}
        before = timezone.now()
        deliver(channel.pk)
        assert 77 <= pause(Pump.objects.get(), before)[1] < 80


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": "30"}, 30),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-1"}, None),
        ({"Retry-After": "9" * 40}, None),
        ({"X-Business-Use-Case-Usage": "no JSON"}, None),
        ({"X-Business-Use-Case-Usage": '{"1": 5, "2": [7, {"call_count": 9}]}'}, None),
        (
            {
                "X-Business-Use-Case-Usage": '{"1": [{"estimated_time_to_regain_access": 3}, '
                '{"estimated_time_to_regain_access": 7}]}',
                "Retry-After": "30",
            },
            420,
        ),
        (
            {"X-Business-Use-Case-Usage": '{"1": [{"estimated_time_to_regain_access": 1e99}]}'},
            None,
        ),
        (
            {"X-Business-Use-Case-Usage": '{"1": [{"estimated_time_to_regain_access": 99999}]}'},
            86_400,
        ),
    ],
)
def test_what_an_answer_asks_for(headers, seconds):
    asked = CHANNELS["instagram"].retry_after(headers, b"")
    assert asked == (None if seconds is None else in_seconds(seconds))
