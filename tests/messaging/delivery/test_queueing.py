from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from media_library.models import MediaFile
from messaging.buttons import Button, as_rows
from messaging.connecting import connect_channel
from messaging.models import Message, MessageType, Stream, StreamKind
from messaging.queueing import Draft, queue_messages
from tests.messaging.delivery.conftest import Statements, fresh, person

pytestmark = pytest.mark.django_db


def rows() -> list[tuple]:
    found = Message.objects.order_by("pk")
    return list(found.values_list("message_type", "text", "media_file_id", "position"))


@pytest.fixture
def file(workspace) -> MediaFile:
    return MediaFile.objects.create(workspace=workspace, status="pending")


def test_rows_are_due_in_the_order_of_the_drafts(channel, workspace):
    contact, story = person(channel), uuid4()
    before = timezone.now()
    made = queue_messages(
        workspace.pk,
        [
            Draft(contact.pk, channel.pk, MessageType.TEXT, f"t{n}", story=story, position=n)
            for n in range(40)
        ],
    )
    assert [row.text for row in made] == [f"t{n}" for n in range(40)]
    assert [row.pk for row in made] == sorted(row.pk for row in made)
    first = fresh(made[0])
    assert (first.status, first.direction, first.story) == ("queued", "outbound", story)
    assert before <= first.due_at <= timezone.now()
    assert (first.stream.kind, first.stream.channel_id) == ("replies", channel.pk)


def test_caption_becomes_a_text_of_its_own_where_the_channel_carries_none(channel, workspace, file):
    contact, story = person(channel), uuid4()
    drafts = [
        Draft(contact.pk, channel.pk, MessageType.IMAGE, "look", file.pk, story, 0),
        Draft(contact.pk, channel.pk, MessageType.IMAGE, "", file.pk, story, 1),
        Draft(contact.pk, channel.pk, MessageType.TEXT, "bye", None, story, 2),
    ]
    queue_messages(workspace.pk, drafts)
    assert rows() == [
        ("image", "", file.pk, 0),
        ("text", "look", None, 1),
        ("image", "", file.pk, 2),
        ("text", "bye", None, 4),
    ]


def rows_with_buttons() -> list[tuple]:
    found = Message.objects.order_by("pk")
    return list(found.values_list("message_type", "text", "position", "buttons"))


def test_answers_stay_under_a_picture_that_can_show_them(channel, workspace, file):
    contact, story = person(channel), uuid4()
    yes = Button.reply("Yes", "y")
    draft = Draft(contact.pk, channel.pk, MessageType.IMAGE, "", file.pk, story, 0, (yes,))
    queue_messages(workspace.pk, [draft])
    assert rows_with_buttons() == [
        ("image", "", 0, [{"type": "reply", "title": "Yes", "payload": "y"}])
    ]


@pytest.mark.parametrize(
    "button", [Button.link("Shop", "https://s.example"), Button.reply("x" * 21, "y")]
)
def test_buttons_that_no_picture_shows_follow_it(channel, workspace, file, button):
    contact, story = person(channel), uuid4()
    draft = Draft(contact.pk, channel.pk, MessageType.IMAGE, "", file.pk, story, 3, (button,))
    queue_messages(workspace.pk, [draft])
    assert rows_with_buttons() == [
        ("image", "", 6, []),
        ("text", "", 7, as_rows([button])),
    ]


def test_buttons_go_with_the_caption(channel, workspace, file):
    contact, yes = person(channel), Button.reply("Yes", "y")
    draft = Draft(contact.pk, channel.pk, MessageType.IMAGE, "look", file.pk, buttons=(yes,))
    queue_messages(workspace.pk, [draft])
    assert rows_with_buttons() == [
        ("image", "", None, []),
        ("text", "look", None, as_rows([yes])),
    ]


def test_caption_stays_where_the_channel_carries_it(workspace, file):
    sandbox = connect_channel(workspace, "sandbox", "", {})
    draft = Draft(person(sandbox).pk, sandbox.pk, MessageType.IMAGE, "look", file.pk)
    queue_messages(workspace.pk, [draft])
    assert rows() == [("image", "look", file.pk, None)]


def test_same_story_and_position_are_never_written_twice(channel, workspace):
    draft = Draft(person(channel).pk, channel.pk, MessageType.TEXT, "a", story=uuid4(), position=3)
    queue_messages(workspace.pk, [draft])
    with pytest.raises(IntegrityError), transaction.atomic():
        queue_messages(workspace.pk, [draft])
    assert len(rows()) == 1


def test_streams(channel, workspace):
    contact = person(channel)
    Stream.objects.filter(kind="api").delete()
    for kind in (StreamKind.API, StreamKind.API, StreamKind.REPLIES):
        draft = Draft(contact.pk, channel.pk, MessageType.TEXT, "a")
        queue_messages(workspace.pk, [draft], stream_kind=kind)
    found = Message.objects.order_by("pk").values_list("stream__kind", "stream__rank")
    assert list(found) == [("api", 1), ("api", 1), ("replies", 0)]
    assert Stream.objects.filter(channel=channel).count() == 2


def test_foreign_channel_is_refused(channel, stranger):
    draft = Draft(person(channel).pk, channel.pk, MessageType.TEXT, "a")
    with pytest.raises(ValueError, match="channel"):
        queue_messages(stranger.pk, [draft])
    assert queue_messages(stranger.pk, []) == []


def test_each_channel_is_woken_once_when_the_transaction_commits(
    channel, workspace, no_broker, django_capture_on_commit_callbacks
):
    sandbox = connect_channel(workspace, "sandbox", "", {})
    drafts = [
        Draft(person(c, str(n)).pk, c.pk, MessageType.TEXT, "a")
        for n, c in enumerate((sandbox, channel, sandbox))
    ]
    with django_capture_on_commit_callbacks(execute=True):
        queue_messages(workspace.pk, drafts)
        assert no_broker == []
    assert no_broker == [("messaging.pump", (each.pk,)) for each in (channel, sandbox)]


def test_statements_do_not_grow_with_the_drafts(channel, workspace):
    contact = person(channel)

    def cost(count: int) -> int:
        drafts = [Draft(contact.pk, channel.pk, MessageType.TEXT, "a") for _ in range(count)]
        with Statements() as statements:
            queue_messages(workspace.pk, drafts)
        return len(statements)

    assert cost(1) == cost(20)
