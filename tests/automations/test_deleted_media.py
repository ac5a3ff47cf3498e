"""What becomes of people on their way through a scenario one of whose files is deleted."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from automations.actions import ACTION_TYPES
from automations.engine.runner import Start, continue_executions, start_many
from automations.models import Action, Execution, Step
from media_library.deleting import delete_media_file
from media_library.ingest import ingest_upload
from media_library.models import MediaFile
from messaging.delivery.pump import deliver
from messaging.models import Channel, Contact, Message
from tests.automations.support import message, stored
from tests.automations.test_runner import Sleep
from tests.media_library.files import picture

pytestmark = pytest.mark.usefixtures("transactional_db")


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inro.common.waking._send", lambda *_: None)
    monkeypatch.setitem(ACTION_TYPES._items, "sleep", Sleep())


@pytest.fixture
def file(workspace: Any) -> MediaFile:
    return ingest_upload(workspace, SimpleUploadedFile("a.jpg", picture(), "image/jpeg"))


@pytest.fixture
def scenario(workspace: Any, file: MediaFile) -> Any:
    """A text, a wait, the picture, a text."""
    made = stored(
        workspace,
        message("first", content="before"),
        {"action_key": "s", "action_type": "sleep", "parent_key": "first"},
        {
            "action_key": "photo",
            "action_type": "image",
            "parent_key": "s",
            "media_file": {"id": file.pk},
        },
        message("last", "photo", content="after"),
    )
    Action.objects.filter(action_key="photo").update(media_file=file)
    return made


def begin(scenario: Any, channel: Channel, contact: Contact) -> Execution:
    start = Start(scenario.definition_id, contact.pk, channel.pk, "message")
    [execution] = start_many(channel.workspace_id, [start])
    deliver(channel.pk)
    return execution


def wake_up(execution: Execution, channel: Channel) -> None:
    Execution.objects.filter(pk=execution.pk).update(due_at=execution.created_at)
    continue_executions([execution.pk])
    deliver(channel.pk)


def assert_failed_at_the_picture() -> None:
    texts = Message.objects.order_by("pk").values_list("message_type", "text", "status")
    assert list(texts) == [
        ("text", "before", "delivered"),
        ("image", "", "failed"),
        ("text", "after", "canceled"),
    ]
    failed = Message.objects.get(status="failed")
    assert (failed.error_code, failed.error_message) == (
        "media_deleted",
        "The file of this message was deleted.",
    )
    execution = Execution.objects.get()
    assert (execution.status, execution.reason_code) == ("failed", "media_deleted")
    step = Step.objects.get(action_key="photo")
    assert (step.status, step.error) == ("failed", "The file of this message was deleted.")


def test_deleted_while_somebody_waits_before_it(scenario, channel, contact, file):
    execution = begin(scenario, channel, contact)
    delete_media_file(file)
    wake_up(execution, channel)
    assert_failed_at_the_picture()


def test_deleted_when_its_message_is_queued(scenario, channel, contact, file, monkeypatch):
    execution = begin(scenario, channel, contact)
    with monkeypatch.context() as patched:
        patched.setattr("tests.automations.test_deleted_media.deliver", lambda pk: None)
        wake_up(execution, channel)
    assert Message.objects.filter(status="queued").count() == 2
    delete_media_file(file)
    deliver(channel.pk)
    assert_failed_at_the_picture()


def test_sent_before_it_was_deleted(scenario, channel, contact, file, api):
    execution = begin(scenario, channel, contact)
    wake_up(execution, channel)
    delete_media_file(file)
    deliver(channel.pk)
    assert Execution.objects.get().status == "completed"
    sent = Message.objects.get(message_type="image")
    assert sent.status == "delivered"
    shown = api.get(f"/api/v1/messages/{sent.pk}").json()["media_file"]
    assert (shown["id"], shown["status"], shown["url"]) == (file.pk, "deleted", None)
