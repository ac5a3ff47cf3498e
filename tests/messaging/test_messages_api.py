from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from media_library.models import Blob, MediaFile
from messaging.connecting import connect_channel
from messaging.models import Contact, Message, Stream
from tests.conftest import client_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def channel(workspace):
    return connect_channel(workspace, "sandbox", "", {})


def make(channel, text="hello", *, contact=None, **fields) -> Message:
    contact = contact or Contact.objects.create(workspace_id=channel.workspace_id, name="Jane")
    given = {"direction": "outbound", "message_type": "text", "status": "queued"} | fields
    return Message.objects.create(
        workspace_id=channel.workspace_id,
        channel=channel,
        contact=contact,
        stream=Stream.objects.get(channel=channel, kind="replies"),
        text=text,
        **given,
    )


def listed(api, query: str = "") -> list[str]:
    answer = api.get(f"/api/v1/messages{query}")
    assert answer.status_code == 200, answer.json()
    return [message["text"] for message in answer.json()["messages"]]


BUTTONS = [
    {"type": "reply", "title": "Yes", "payload": "y"},
    {"type": "url", "title": "Shop", "url": "https://shop.example/"},
]


def test_object(api, channel):
    message = make(channel, buttons=BUTTONS)
    answer = api.get(f"/api/v1/messages/{message.pk}")
    body = dict(answer.json())
    assert body.pop("created_at").endswith("Z")
    assert body == {
        "id": message.pk,
        "direction": "outbound",
        "channel_id": channel.pk,
        "contact_id": message.contact_id,
        "batch_task_id": None,
        "message_type": "text",
        "text": "hello",
        "media_file": None,
        "buttons": BUTTONS,
        "status": "queued",
        "error": None,
        "provider_message_id": None,
        "scheduled_at": None,
        "sent_at": None,
        "delivered_at": None,
        "read_at": None,
    }
    assert api.get("/api/v1/messages").json()["messages"] == [answer.json()]


def test_error_says_what_and_whether_to_try_again(api, channel):
    message = make(
        channel,
        status="failed",
        error_code="outside_window",
        provider_code="10/2534022",
        error_message="Wait for a message of theirs.",
        error_retryable=True,
    )
    assert api.get(f"/api/v1/messages/{message.pk}").json()["error"] == {
        "code": "outside_window",
        "provider_code": "10/2534022",
        "message": "Wait for a message of theirs.",
        "retryable": True,
    }


def test_media_file_is_shown(api, channel):
    blob = Blob.objects.create(
        workspace_id=channel.workspace_id,
        sha256="0" * 64,
        size=1,
        mime_type="image/jpeg",
        storage_name="x",
    )
    file = MediaFile.objects.create(
        workspace_id=channel.workspace_id, media_type="image", blob=blob, name="welcome.jpg"
    )
    message = make(channel, "", message_type="image", media_file=file)
    shown = api.get(f"/api/v1/messages/{message.pk}").json()["media_file"]
    assert (shown["id"], shown["media_type"]) == (file.pk, "image")
    assert shown == api.get(f"/api/v1/media_files/{file.pk}").json()


def test_filters(api, channel, workspace):
    now = timezone.now()
    other = connect_channel(workspace, "sandbox", "Other", {})
    first = make(channel, "old", created_at=now - timedelta(days=2), status="sent")
    make(channel, "from Jane", contact=first.contact, direction="inbound", status="received")
    elsewhere = make(other, "elsewhere", status="failed")
    assert listed(api) == ["elsewhere", "from Jane", "old"]
    assert listed(api, f"?contact_id={first.contact_id}") == ["from Jane", "old"]
    assert listed(api, f"?channel_id={other.pk}") == ["elsewhere"]
    assert listed(api, "?status=failed") == ["elsewhere"]
    assert listed(api, "?direction=inbound") == ["from Jane"]
    yesterday = (now - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert listed(api, f"?since={yesterday}") == ["elsewhere", "from Jane"]
    assert listed(api, f"?until={yesterday}") == ["old"]
    assert listed(api, f"?contact_id={elsewhere.contact_id}&status=sent") == []


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("?stats=sent", "stats"),
        ("?batch_task_id=1", "batch_task_id"),
        ("?status=gone", "status"),
        ("?direction=up", "direction"),
        ("?since=yesterday", "since"),
        ("?contact_id=abc", "contact_id"),
        ("?channel_id=99999999999999999999", "channel_id"),
        ("?since=0001-01-01T00:00:00%2B23:59", "since"),
        ("?until=9999-12-31T23:59:59-23:59", "until"),
        ("?status=sent&status=failed", "status"),
    ],
)
def test_unknown_filters_and_values_are_refused_by_name(api, query, name):
    answer = api.get(f"/api/v1/messages{query}")
    assert answer.status_code == 400
    assert list(answer.json()["error"]["details"]) == [name]


def test_cursor_walks_to_the_end(api, channel):
    contact = make(channel, "0").contact
    for n in range(1, 5):
        make(channel, str(n), contact=contact)
    page = api.get("/api/v1/messages?per_page=2").json()
    seen = [message["text"] for message in page["messages"]]
    while cursor := page["meta"]["next_cursor"]:
        page = api.get(f"/api/v1/messages?per_page=2&cursor={cursor}").json()
        seen += [message["text"] for message in page["messages"]]
    assert seen == ["4", "3", "2", "1", "0"]


def test_another_workspaces_messages_do_not_show(channel, stranger):
    message = make(channel)
    theirs = client_of(stranger)
    assert listed(theirs) == []
    missing = theirs.get("/api/v1/messages/999999").json()
    assert theirs.get(f"/api/v1/messages/{message.pk}").json() == missing
    refused = theirs.get(f"/api/v1/messages?contact_id={message.contact_id}")
    assert refused.status_code == 400
    assert theirs.get(f"/api/v1/messages?channel_id={channel.pk}").status_code == 400


def test_ability(workspace, channel):
    make(channel)
    assert client_of(workspace, ["messages.read"]).get("/api/v1/messages").status_code == 200
    answer = client_of(workspace, ["messages.send"]).get("/api/v1/messages")
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "missing_ability")


def test_queries_do_not_grow(api, channel):
    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert api.get("/api/v1/messages?per_page=100").status_code == 200
        return len(queries)

    make(channel)
    cost()
    few = cost()
    for n in range(30):
        file = MediaFile.objects.create(workspace_id=channel.workspace_id, status="pending")
        make(channel, str(n), media_file=file, message_type="image")
    assert cost() == few
