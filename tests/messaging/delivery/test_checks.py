"""What a message must pass between its claim and its call, seen from the outside."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from media_library.deleting import delete_media_file
from media_library.kinds import TYPES
from media_library.models import Blob, MediaFile
from media_library.serving import address_of, url_of
from messaging.buttons import Button
from messaging.channels import CHANNELS
from messaging.connecting import connect_channel, open_account
from messaging.delivery import checks
from messaging.delivery.calling import Call
from messaging.delivery.claim import claim
from messaging.delivery.pump import deliver
from messaging.models import Channel, Contact, Identity, Message, MessageType
from messaging.queueing import Draft, queue_messages
from tests.messaging.delivery.conftest import Statements, fresh, person, queue, statuses

pytestmark = pytest.mark.django_db(transaction=True)


def picture(channel: Channel, mime_type: str = "image/jpeg", size: int = 1000) -> MediaFile:
    name = f"{mime_type}{size}{Blob.objects.count()}"
    blob = Blob.objects.create(
        workspace_id=channel.workspace_id,
        sha256=name,
        size=size,
        mime_type=mime_type,
        storage_name=name,
    )
    return MediaFile.objects.create(
        workspace_id=channel.workspace_id, media_type="image", blob=blob, name="welcome.jpg"
    )


def queue_picture(channel: Channel, contact: Contact, file: MediaFile, text: str = "") -> Message:
    draft = Draft(contact.pk, channel.pk, MessageType.IMAGE, text, media_file_id=file.pk)
    return queue_messages(channel.workspace_id, [draft])[0]


def outcome() -> tuple[str, str]:
    message = fresh()
    return message.status, message.error_code


def test_picture_goes_out(channel, provider):
    file = picture(channel)
    queue_picture(channel, person(channel), file, "a caption")
    deliver(channel.pk)
    assert provider.texts() == [url_of(file), "a caption"]
    assert set(statuses()) == {"sent"}


def judged(channel: Channel) -> list[dict]:
    now = timezone.now()
    with transaction.atomic():
        attempts = claim(channel.pk, 10, now, now + timedelta(seconds=30))
    calls, changes, _ = checks.judge(channel, open_account(channel), attempts, now)
    assert not changes
    return [json.loads(call.body)["message"] for call in calls]


def test_buttons_go_out_as_the_channel_shows_them(channel):
    yes, long = Button.reply("Yes", "y"), Button.reply("Nothing of all this, ever", "n")
    for n, buttons in enumerate([(yes,), (yes, long)]):
        text = Draft(person(channel, f"9{n}").pk, channel.pk, MessageType.TEXT, "Well?")
        queue_messages(channel.workspace_id, [replace(text, buttons=buttons)])
    assert judged(channel) == [
        {
            "text": "Well?",
            "quick_replies": [{"content_type": "text", "title": "Yes", "payload": "y"}],
        },
        {"text": "Well?\n1. Yes\n2. Nothing of all this, ever"},
    ]
    assert set(Message.objects.values_list("text", flat=True)) == {"Well?"}


def test_buttons_without_room_are_refused_uncalled(channel, provider):
    long = Button.reply("x" * 21, "y")
    draft = Draft(person(channel).pk, channel.pk, MessageType.TEXT, "x" * 990, buttons=(long,))
    queue_messages(channel.workspace_id, [draft])
    deliver(channel.pk)
    assert outcome() == ("failed", "buttons_do_not_fit")
    assert provider.got == []


@pytest.mark.parametrize(
    ("status", "code"), [("inactive", "contact_inactive"), ("blocked", "contact_blocked")]
)
def test_contact_must_be_active(channel, provider, status, code):
    contact = person(channel)
    queue(channel, contact, "hello")
    Contact.objects.update(status=status)
    deliver(channel.pk)
    assert outcome() == ("failed", code)
    assert provider.got == []


def test_contact_must_be_known_on_the_channel(channel, provider):
    queue(channel, person(channel), "hello")
    Identity.objects.all().delete()
    deliver(channel.pk)
    assert outcome() == ("failed", "no_identity")


@pytest.mark.parametrize(
    ("hours", "expected"), [(23.9, ("sent", "")), (24.1, ("failed", "outside_window"))]
)
def test_window_of_the_channel(channel, provider, hours, expected):
    queue(channel, person(channel, wrote=timedelta(hours=hours)), "hello")
    deliver(channel.pk)
    assert outcome() == expected


def test_window_never_opened(channel, provider):
    queue(channel, person(channel), "hello")
    Identity.objects.update(last_inbound_at=None)
    deliver(channel.pk)
    assert outcome() == ("failed", "outside_window")


def test_latest_identity_counts(channel, provider):
    contact = person(channel, "old", wrote=timedelta(days=9))
    Identity.objects.create(
        workspace_id=channel.workspace_id,
        channel=channel,
        contact=contact,
        external_id="new",
        last_inbound_at=timezone.now(),
    )
    queue(channel, contact, "hello")
    deliver(channel.pk)
    assert provider.texts("new") == ["hello"]


def test_sandbox_has_no_window_and_delivers_by_recording(workspace):
    sandbox = connect_channel(workspace, "sandbox", "", {})
    queue(sandbox, person(sandbox, wrote=timedelta(days=99)), "hello")
    deliver(sandbox.pk)
    message = Message.objects.get()
    assert message.status == "delivered"
    assert message.sent_at
    assert message.delivered_at


def test_media_that_is_not_ready_is_waited_for(channel, provider):
    file = MediaFile.objects.create(workspace_id=channel.workspace_id, status="pending")
    contact = person(channel)
    queue_picture(channel, contact, file)
    queue(channel, contact, "behind it")
    deliver(channel.pk)
    first, second = map(fresh, Message.objects.order_by("pk"))
    assert (first.status, first.error_code, first.attempts) == ("queued", "media_pending", 0)
    assert first.due_at > timezone.now() + timedelta(seconds=1)
    assert second.due_at == first.due_at
    ready = picture(channel)
    MediaFile.objects.filter(pk=file.pk).update(status="ready", blob=ready.blob)
    Message.objects.update(due_at=timezone.now())
    deliver(channel.pk)
    assert set(statuses()) == {"sent"}


def test_media_that_failed(channel, provider):
    file = MediaFile.objects.create(
        workspace_id=channel.workspace_id, status="failed", error_message="It answered 404."
    )
    queue_picture(channel, person(channel), file)
    deliver(channel.pk)
    assert outcome() == ("failed", "media_failed")
    assert Message.objects.get().error_message == "It answered 404."


def test_media_that_was_deleted(channel, provider):
    file = picture(channel)
    queue_picture(channel, person(channel), file)
    file.delete()
    deliver(channel.pk)
    assert outcome() == ("failed", "media_deleted")


def test_media_of_which_a_tombstone_is_left(channel, provider):
    file = picture(channel)
    queue_picture(channel, person(channel), file)
    delete_media_file(file)
    deliver(channel.pk)
    assert outcome() == ("failed", "media_deleted")
    assert Message.objects.get().error_message == "The file of this message was deleted."


def document(channel: Channel, mime_type: str, size: int = 1000) -> MediaFile:
    file = picture(channel, mime_type, size)
    MediaFile.objects.filter(pk=file.pk).update(media_type="document")
    return file


@pytest.mark.parametrize(
    ("mime_type", "size", "code", "message"),
    [
        (
            "text/plain",
            10,
            "media_not_supported",
            "Instagram takes documents as PDF; this file is TXT.",
        ),
        (
            "application/pdf",
            26 * 1024 * 1024 + 1,
            "media_too_large",
            "Instagram takes documents up to 25 MB; this file has 26.1 MB.",
        ),
    ],
)
def test_what_the_channel_cannot_carry_is_refused_without_a_call(
    channel, provider, mime_type, size, code, message
):
    file = document(channel, mime_type, size)
    draft = Draft(person(channel).pk, channel.pk, MessageType.FILE, media_file_id=file.pk)
    queue_messages(channel.workspace_id, [draft])
    deliver(channel.pk)
    assert outcome() == ("failed", code)
    assert fresh().error_message == message
    assert provider.got == []


def made(file: MediaFile, **entry: object) -> None:
    assert file.blob
    Blob.objects.filter(pk=file.blob.pk).update(made={"jpeg-5mb": entry})


def test_file_waits_for_its_rendition(channel, provider, no_broker):
    file = picture(channel, "image/webp")
    for name in ("1", "2"):
        queue_picture(channel, person(channel, name), file)
    no_broker.clear()
    deliver(channel.pk)
    waiting = fresh()
    assert (waiting.status, waiting.error_code, waiting.attempts) == ("queued", "media_pending", 0)
    assert waiting.error_message == (
        "Instagram takes images as GIF, JPG or PNG; this file is WEBP. "
        "A JPEG of up to 5 MB is yet to be made."
    )
    orders = [args for name, args in no_broker if name == "media_library.order_renditions"]
    assert orders == [(file.pk,)], "once, however many messages carry it"
    made(file, status="running", progress=40)
    Message.objects.update(due_at=timezone.now())
    deliver(channel.pk)
    assert fresh().error_message.endswith("A JPEG of up to 5 MB is being made: 40 % done.")
    made(file, status="ready", size=777)
    Message.objects.update(due_at=timezone.now())
    deliver(channel.pk)
    jpeg = address_of(file.pk, "welcome.jpg", TYPES["image/jpeg"], "jpeg-5mb")
    assert provider.texts("1") == provider.texts("2") == [jpeg]
    assert jpeg != url_of(file)
    assert set(statuses()) == {"sent"}


@pytest.mark.parametrize(
    ("mime_type", "size", "code"),
    [
        ("image/webp", 10, "media_not_supported"),
        ("image/jpeg", 9 * 1024 * 1024, "media_too_large"),
    ],
)
def test_rendition_that_failed_fails_its_messages(channel, provider, mime_type, size, code):
    file = picture(channel, mime_type, size)
    made(file, status="failed", message="It is damaged.")
    queue_picture(channel, person(channel), file)
    deliver(channel.pk)
    assert outcome() == ("failed", code)
    assert fresh().error_message.endswith(
        "A JPEG of up to 5 MB could not be made of it: It is damaged."
    )
    assert provider.got == []


def test_sandbox_shows_the_file_as_it_is(workspace, no_broker):
    sandbox = connect_channel(workspace, "sandbox", "", {})
    queue_picture(sandbox, person(sandbox), picture(sandbox, "image/webp"))
    deliver(sandbox.pk)
    assert outcome() == ("delivered", "")
    assert "media_library.order_renditions" not in {name for name, _ in no_broker}


def test_text_that_is_too_long(channel, provider):
    queue(channel, person(channel), "é" * 501)
    deliver(channel.pk)
    assert outcome() == ("failed", "text_too_long")


def test_message_that_cannot_be_built_holds_up_no_other(channel, provider, monkeypatch):
    kind = type(CHANNELS[channel.kind])
    build = kind.request

    def flawed(self, account, outgoing):
        if outgoing.text == "poison":
            raise KeyError
        return build(self, account, outgoing)

    monkeypatch.setattr(kind, "request", flawed)
    queue(channel, person(channel, "1"), "poison")
    queue(channel, person(channel, "2"), "hello")
    deliver(channel.pk)
    assert statuses() == ["failed", "sent"]
    assert outcome() == ("failed", "request_invalid")


def test_queries_do_not_grow_with_the_messages(channel):
    def cost(count: int) -> int:
        for n in range(count):
            file = picture(channel, "image/webp" if n % 2 else "image/jpeg")
            made(file, status="ready", size=10)
            queue_picture(channel, person(channel, f"{count} {n}"), file)
        now = timezone.now()
        attempts = claim(channel.pk, 500, now, now + timedelta(seconds=30))
        with Statements() as statements:
            judged = checks.judge(channel, open_account(channel), attempts, now)
        assert (len(judged.calls), judged.changes) == (count, [])
        assert isinstance(judged.calls[0], Call)
        statements.plans()
        return len(statements)

    assert cost(1) == cost(20) == 3
