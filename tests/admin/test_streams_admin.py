from datetime import timedelta

import pytest
from django.utils import timezone

from inro.accounts.models import AuditEntry
from messaging.connecting import connect_channel
from messaging.models import Channel, Contact, Message, Pump, Stream
from messaging.models.messages import MessageType
from messaging.queueing import Draft, queue_messages
from tests.admin.test_scoping import address


@pytest.fixture
def channel(workspace) -> Channel:
    return connect_channel(workspace, "sandbox", "Try", {})


def act(browser, action, *streams):
    data = {"action": action, "_selected_action": [stream.pk for stream in streams]}
    return browser.post(address(Stream, "changelist"), data, follow=True)


def states() -> set[str]:
    return set(Stream.objects.values_list("state", flat=True))


def test_pausing_and_resuming(browser, channel):
    streams = Stream.objects.all()
    assert "2 of 2: stream paused." in act(browser, "pause", *streams).text
    assert states() == {"paused"}
    assert "0 of 2: stream paused." in act(browser, "pause", *streams).text
    assert "2 of 2: stream resumed." in act(browser, "resume", *streams).text
    assert states() == {"running"}
    done = list(AuditEntry.objects.order_by("pk").values_list("action", flat=True))
    assert done == ["stream paused"] * 2 + ["stream resumed"] * 2


def test_standing_stream_is_not_canceled_and_nothing_is_half_done(browser, channel):
    campaign = Stream.objects.create(channel=channel, kind="campaign", rank=2)
    page = act(browser, "cancel", *Stream.objects.all())
    assert "empty it instead" in page.text
    assert states() == {"running"}
    assert not AuditEntry.objects.exists()
    assert "1 of 1: stream canceled." in act(browser, "cancel", campaign).text
    campaign.refresh_from_db()
    assert campaign.state == "canceling"


def test_emptying(browser, channel):
    contact = Contact.objects.create(workspace=channel.workspace, name="Jane")
    queue_messages(
        channel.workspace_id, [Draft(contact.pk, channel.pk, MessageType.TEXT, text="hello")] * 2
    )
    page = act(browser, "empty", Stream.objects.get(kind="replies"))
    assert "2 messages canceled." in page.text
    assert set(Message.objects.values_list("status", flat=True)) == {"canceled"}


def test_foreign_stream_is_out_of_reach(browser, stranger):
    connect_channel(stranger, "sandbox", "Theirs", {})
    act(browser, "pause", *Stream.objects.all())
    assert states() == {"running"}


def test_channel_shows_its_limits_and_why_it_waits(browser, channel):
    page = browser.get(address(Channel, "change", channel.pk)).text
    assert "Waits until" in page
    Pump.objects.update(
        pauses=1,
        paused_until=timezone.now() + timedelta(hours=1),
        pause_reason="The provider could not be reached.",
    )
    page = browser.get(address(Channel, "change", channel.pk)).text
    assert "The provider could not be reached." in page
    data = {"name": "Try", "status": "connected", "text_per_second": "30"}
    assert browser.post(address(Channel, "change", channel.pk), data).status_code == 302
    channel.refresh_from_db()
    assert (channel.text_per_second, channel.media_per_second) == (30, None)


@pytest.mark.parametrize("per_second", ["0", "-1", "10001"])
def test_what_is_no_limit(browser, channel, per_second):
    data = {"name": "Try", "status": "connected", "text_per_second": per_second}
    page = browser.post(address(Channel, "change", channel.pk), data)
    assert set(page.context["adminform"].form.errors) == {"text_per_second"}
    channel.refresh_from_db()
    assert channel.text_per_second is None
