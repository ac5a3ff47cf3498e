"""A file on its whole way: uploaded, made fit for the channel, sent, fetched by the provider."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import Client
from django.utils import timezone

from media_library import making
from media_library.models import MediaFile
from media_library.rendition_tasks import make_renditions
from media_library.transcoding import Job
from messaging.delivery.pump import deliver
from messaging.models import Message, MessageType
from messaging.queueing import Draft, queue_messages
from tests.media_library import files
from tests.media_library.conftest import upload
from tests.messaging.delivery.conftest import fresh, person, statuses

pytestmark = pytest.mark.django_db(transaction=True)
JPEG = files.noise("JPEG")


def transcode(source: Path, target: Path, job: Job, **_: Any) -> None:
    target.write_bytes(JPEG if job.form == "jpeg" else files.picture())


def test_provider_is_given_what_it_takes(api, channel, provider, monkeypatch):
    monkeypatch.setattr(making, "transcode", transcode)
    upload(api, files.picture("WEBP"), "Welcome.webp")
    file = MediaFile.objects.get()
    draft = Draft(person(channel).pk, channel.pk, MessageType.IMAGE, "", media_file_id=file.pk)
    queue_messages(channel.workspace_id, [draft])
    deliver(channel.pk)
    assert (fresh().status, fresh().error_code, provider.got) == ("queued", "media_pending", [])
    make_renditions()
    Message.objects.update(due_at=timezone.now())
    deliver(channel.pk)
    assert statuses() == ["sent"]
    [url] = provider.texts()
    assert url.endswith("/welcome.jpg")
    fetched = Client().get(urlsplit(url).path)
    assert (fetched.status_code, fetched.getvalue()) == (200, JPEG)
    assert fetched["Content-Type"] == "image/jpeg"
    assert fetched["Content-Length"] == str(len(JPEG))
    part = Client(headers={"range": "bytes=2-5"}).get(urlsplit(url).path)
    assert (part.status_code, part.getvalue()) == (206, JPEG[2:6])
