"""The pump against a provider on loopback, over its public doors: the task and the rows."""

from datetime import timedelta
from types import SimpleNamespace
from uuid import uuid4

import pytest
from django.db import OperationalError
from django.utils import timezone

from messaging.delivery import calling, pump
from messaging.delivery.lease import Lease
from messaging.delivery.settle import settle_each
from messaging.delivery.tasks import pump as pump_task
from messaging.delivery.tasks import stop_calling
from messaging.models import Channel, Message, Pump, StreamKind
from tests.messaging.delivery.conftest import (
    connect,
    fresh,
    person,
    pumping,
    queue,
    statuses,
)
from tests.waiting import eventually

pytestmark = pytest.mark.django_db(transaction=True)


def later(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)


def test_message_goes_out(channel, provider):
    queue(channel, person(channel), "hello")
    pump_task(channel.pk)
    assert provider.texts() == ["hello"]
    message = fresh()
    assert (message.status, message.attempts) == ("sent", 1)
    assert message.provider_message_id == "m_1_9001"
    assert message.attempted_at <= message.sent_at
    assert (message.error_code, message.lease_until) == ("", None)
    row = Pump.objects.get(channel=channel)
    assert (row.lease_until, row.window) == (None, 500), "released for the next one"


def test_story_arrives_in_order_with_three_pumps_at_once(channel, provider):
    people = [person(channel, f"p{n}") for n in range(15)]
    for contact in people:
        queue(channel, contact, "one", "two", "three", story=uuid4())
    with pumping(channel), pumping(channel), pumping(channel):
        pass
    assert {contact.name: provider.texts(contact.name) for contact in people} == {
        contact.name: ["one", "two", "three"] for contact in people
    }
    assert set(statuses()) == {"sent"}


def test_replies_overtake_and_one_is_in_flight_to_a_contact(channel, provider):
    contact = person(channel)
    provider.script["api 1"] = ["hang"]
    queue(channel, contact, "api 1", "api 2", stream_kind=StreamKind.API)
    with pumping(channel):
        eventually(provider.texts, "the first call")
        queue(channel, contact, "reply")
        provider.release.set()
    assert provider.texts() == ["api 1", "reply", "api 2"]


def test_a_slow_call_holds_up_nobody_else(channel, provider):
    provider.script["slow"] = ["hang"]
    queue(channel, person(channel, "1"), "slow", "behind it")
    with pumping(channel):
        eventually(provider.texts, "the slow call")
        for n in range(2, 5):
            queue(channel, person(channel, str(n)), f"to {n}")
            eventually(lambda: provider.texts(str(n)), "the message of another")  # noqa: B023
        assert statuses()[:2] == ["sending", "queued"]
        eventually(lambda: statuses()[2:] == ["sent"] * 3, "their verdicts written")
        provider.release.set()
    assert set(statuses()) == {"sent"}


def test_second_pump_exits(channel, provider):
    provider.script["hello"] = ["hang"]
    queue(channel, person(channel), "hello")
    with pumping(channel):
        eventually(provider.texts, "the call")
        turn = Pump.objects.get(channel=channel).turn
        pumping(channel).result()
        assert Pump.objects.get(channel=channel).turn == turn
        provider.release.set()


def test_channels_do_not_wait_for_each_other(channel, workspace, provider):
    other = connect(workspace, "1784-other")
    Channel.objects.filter(pk=other.pk).update(account_id=channel.account_id + " ")
    Channel.objects.filter(pk=other.pk).update(kind="sandbox")
    provider.script["hello"] = ["hang"]
    queue(channel, person(channel), "hello")
    (elsewhere,) = queue(other, person(other), "elsewhere")
    with pumping(channel):
        eventually(provider.texts, "the call")
        pump.deliver(other.pk)
        assert statuses(elsewhere) == ["delivered"]
        provider.release.set()


def test_wake_up_that_met_the_held_lease_is_not_lost(channel, provider, monkeypatch):
    """A message comes, and its pump exits, between the last look and the release."""
    contact = person(channel)
    release = Lease.release

    def late_message(self: Lease) -> None:
        if not Message.objects.exists():
            queue(channel, contact, "just in time")
            pumping(channel).result()
            assert provider.got == []
        release(self)

    monkeypatch.setattr(Lease, "release", late_message)
    pump.deliver(channel.pk)
    assert statuses() == ["sent"]


def test_pump_hands_over_after_its_time(channel, provider, monkeypatch, no_broker):
    """The old one waits for its last answer while the new one is at work."""
    monkeypatch.setattr(pump, "LIFETIME_SECONDS", 0.1)
    provider.script["slow"] = ["hang"]
    queue(channel, person(channel, "1"), "slow")
    no_broker.clear()
    with pumping(channel):
        eventually(lambda: no_broker == [("messaging.pump", (channel.pk,))], "the wake-up")
        monkeypatch.setattr(pump, "LIFETIME_SECONDS", 30)
        (other,) = queue(channel, person(channel, "2"), "to another")
        pump.deliver(channel.pk)
        assert statuses(other) == ["sent"]
        provider.release.set()
    assert set(statuses()) == {"sent"}


@pytest.fixture
def asked(monkeypatch) -> list[int]:
    """For how many messages there was room in each round."""
    rooms: list[int] = []

    def note(room: int) -> int:
        rooms.append(room)
        return room

    monkeypatch.setattr(pump, "slots", note)
    return rooms


def test_window_doubles_after_a_lease_ran_out(channel, provider, asked):
    for n in range(20):
        queue(channel, person(channel, f"p{n}"), "hello")
    Pump.objects.update(window=500, turn=3, lease_until=timezone.now() - later(1))
    pump.deliver(channel.pk)
    assert len(provider.got) == 20
    assert asked[0] == 1
    assert all(room <= 2**n for n, room in enumerate(asked))
    assert Pump.objects.get().window >= 16


def test_window_is_kept_after_a_release(channel, provider, asked):
    Pump.objects.update(window=7, turn=3)
    pump.deliver(channel.pk)
    assert asked == [7]


def test_overtaken_pump_claims_no_more_and_writes_what_it_knows(channel, provider):
    provider.script["hello"] = ["hang"]
    queue(channel, person(channel, "1"), "hello")
    with pumping(channel):
        eventually(provider.texts, "the call")
        Pump.objects.update(turn=9, lease_until=timezone.now() + later(60))
        queue(channel, person(channel, "2"), "for the next pump")
        provider.release.set()
    assert statuses() == ["sent", "queued"]
    assert Pump.objects.get().turn == 9
    assert Pump.objects.get().lease_until, "not its lease to release"


def test_claim_that_became_too_old_is_handed_back_uncalled(channel, provider, monkeypatch):
    """As after a machine was suspended between the claim and the call."""
    clock = iter([timezone.now() + later(3)])
    slept = SimpleNamespace(now=lambda: next(clock, None) or timezone.now())
    monkeypatch.setattr(calling, "timezone", slept)
    queue(channel, person(channel), "hello")
    pump.deliver(channel.pk)
    message = Message.objects.get()
    assert provider.texts() == ["hello"]
    assert (message.status, message.attempts) == ("sent", 1), "the first claim was no attempt"
    assert message.turn == 3, "claimed, handed back, claimed"


def test_stopping_worker_hands_back_and_claims_no_more(channel, provider, monkeypatch, no_broker):
    monkeypatch.setattr(calling, "SLOTS", 1)
    monkeypatch.setattr(calling, "_caller", None)
    monkeypatch.setattr(pump, "slots", lambda room: room)
    provider.script["one"] = ["hang"]
    for n, text in enumerate(("one", "two", "three")):
        queue(channel, person(channel, str(n)), text)
    no_broker.clear()
    with pumping(channel):
        eventually(lambda: statuses() == ["sending"] * 3, "three claimed")
        eventually(provider.texts, "the only call")
        stop_calling()
        provider.release.set()
    assert provider.texts() == ["one"]
    assert statuses() == ["sent", "queued", "queued"]
    assert set(Message.objects.filter(status="queued").values_list("attempts", flat=True)) == {0}
    assert no_broker == [("messaging.pump", (channel.pk,))], "another worker goes on"
    assert Pump.objects.get().lease_until is None
    calling.caller().close()


def test_busy_provider_moves_the_whole_lane(channel, provider):
    contact, other = person(channel, "1"), person(channel, "2")
    provider.script["one"] = ["busy"]
    queue(channel, contact, "one", "two")
    queue(channel, other, "to another")
    before = timezone.now()
    pump.deliver(channel.pk)
    one, two = map(fresh, Message.objects.filter(contact=contact).order_by("pk"))
    assert provider.texts() == ["one", "to another"] or provider.texts() == ["to another", "one"]
    assert (one.status, one.error_code, one.attempts) == ("queued", "provider_busy", 1)
    assert before + later(2) <= one.due_at <= timezone.now() + later(2)
    assert (two.status, two.due_at) == ("queued", one.due_at)
    Message.objects.update(due_at=timezone.now())
    pump.deliver(channel.pk)
    assert provider.texts("1") == ["one", "one", "two"]
    assert set(statuses()) == {"sent"}
    assert Message.objects.exclude(error_code="").count() == 0


@pytest.mark.parametrize("behaviour", ["drop", "reset", "cut", "bare500", "redirect", "garbage"])
def test_what_may_have_gone_out_is_not_sent_again(channel, provider, behaviour):
    provider.script["one"] = [behaviour]
    queue(channel, person(channel), "one", "two")
    pump.deliver(channel.pk)
    assert statuses() == ["unconfirmed", "queued"]
    pump.deliver(channel.pk)
    assert provider.texts() == ["one"]


def test_provider_that_is_not_there_is_tried_later(channel, settings):
    settings.INSTAGRAM_API_URL = "http://127.0.0.1:9"
    queue(channel, person(channel), "hello")
    pump.deliver(channel.pk)
    message = fresh()
    assert (message.status, message.error_code) == ("queued", "provider_busy")
    assert message.due_at > timezone.now()


def test_failure_for_good_cancels_the_rest_of_the_story(channel, provider):
    contact = person(channel)
    provider.script["one"] = ["refused"]
    story, other = uuid4(), uuid4()
    queue(channel, contact, "zero", "one", "two", "three", story=story)
    queue(channel, contact, "of another story", story=other)
    pump.deliver(channel.pk)
    assert provider.texts() == ["zero", "one", "of another story"]
    assert statuses() == ["sent", "failed", "canceled", "canceled", "sent"]
    failed = Message.objects.get(status="failed")
    assert (failed.error_code, failed.provider_code) == ("recipient_not_found", "100/2534014")
    assert set(Message.objects.filter(status="canceled").values_list("error_code", flat=True)) == {
        "earlier_failed"
    }


def test_error_of_the_channel_stops_it_and_keeps_the_rest(channel, provider):
    provider.script["one"] = ["token"]
    Pump.objects.update(window=1, turn=3)
    for n, text in enumerate(("one", "two", "three")):
        queue(channel, person(channel, str(n)), text)
    pump.deliver(channel.pk)
    channel.refresh_from_db()
    assert channel.status == "error"
    assert "token" in channel.status_reason
    assert provider.texts() == ["one"]
    assert statuses() == ["queued"] * 3
    assert Message.objects.get(text="one").error_code == "token_invalid"
    pump.deliver(channel.pk)
    assert provider.texts() == ["one"]
    Channel.objects.update(status="connected")
    pump.deliver(channel.pk)
    assert sorted(provider.texts()) == ["one", "one", "three", "two"]
    assert statuses() == ["sent"] * 3


def test_verdict_survives_a_database_that_is_away(channel, provider, monkeypatch):
    failures = iter([OperationalError("gone"), OperationalError("deadlock detected")])

    def flaky(news, stories):
        for error in failures:
            raise error
        return settle_each(news, stories)

    monkeypatch.setattr(pump, "settle_each", flaky)
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    queue(channel, person(channel), "hello")
    pump.deliver(channel.pk)
    assert statuses() == ["sent"]


def test_adapter_that_fails_over_an_answer_leaves_it_open(channel, provider, monkeypatch):
    monkeypatch.setattr("messaging.channels.meta.MetaChannelType.verdict", lambda *_: 1 / 0)
    queue(channel, person(channel), "hello")
    pump.deliver(channel.pk)
    assert statuses() == ["unconfirmed"]


def test_claimed_messages_are_handed_back_when_the_account_cannot_be_opened(
    channel, provider, monkeypatch
):
    monkeypatch.setattr(pump, "open_account", lambda channel: 1 / 0)
    queue(channel, person(channel), "hello")
    with pytest.raises(ZeroDivisionError):
        pump.deliver(channel.pk)
    assert statuses() == ["queued"]


def test_call_that_was_lost_is_left_to_its_lease(channel, provider, monkeypatch):
    monkeypatch.setattr(pump, "LIFETIME_SECONDS", 0.05)
    monkeypatch.setattr(pump, "TOTAL_SECONDS", -5)
    monkeypatch.setattr(calling.Caller, "submit", lambda *args: None)
    queue(channel, person(channel), "hello")
    pump.deliver(channel.pk)
    assert statuses() == ["sending"]


def test_channel_that_is_gone_is_nothing_to_do():
    pump.deliver(999_999)
