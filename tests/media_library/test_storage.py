"""Bytes are kept once, and as long as somebody refers to them; with real threads and commits."""

import threading
from contextlib import suppress
from functools import partial
from io import BytesIO

import pytest
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction

from inro.common.errors import Refused
from media_library import storage
from media_library.content import copied, examine
from media_library.holding import release_blobs
from media_library.ingest import ingest_stream, ingest_upload
from media_library.kinds import TYPES
from media_library.models import Blob, MediaFile
from media_library.storage import deposited
from tests.conftest import client_of
from tests.media_library import files
from tests.media_library.conftest import assert_nothing_left, stored, temporary, upload
from tests.waiting import SECONDS, at_once

pytestmark = pytest.mark.django_db(transaction=True)


def test_same_bytes_uploaded_at_once(workspace):
    clients = [client_of(workspace) for _ in range(6)]
    body = files.noise("PNG", (200, 200))
    answers = at_once(*(partial(upload, client, body) for client in clients))
    assert [answer.status_code for answer in answers] == [201] * 6
    assert len({answer.json()["id"] for answer in answers}) == 6
    assert (MediaFile.objects.count(), Blob.objects.count(), len(stored())) == (6, 1, 1)


def test_second_writer_uses_the_row_of_the_first(workspace, monkeypatch):
    """Both find nothing, both write a file, one comes first."""
    both_wrote = threading.Barrier(2)
    real = storage._write

    def write(name, file):
        written = real(name, file)
        both_wrote.wait(SECONDS)
        return written

    monkeypatch.setattr(storage, "_write", write)
    body = files.picture()
    first, second = at_once(
        *[lambda: ingest_upload(workspace, SimpleUploadedFile("a.jpg", body)) for _ in range(2)]
    )
    assert first.blob == second.blob
    assert (Blob.objects.count(), len(stored())) == (1, 1)


@pytest.mark.parametrize("at_once", [0, 1024 * 1024])
def test_bytes_let_go_while_somebody_stores_them_again(workspace, monkeypatch, at_once):
    monkeypatch.setattr(storage, "_AT_ONCE", at_once)
    old = ingest_upload(workspace, SimpleUploadedFile("a.jpg", files.picture()))
    with (
        copied(ContentFile(files.picture())) as file,
        deposited(workspace, examine(file)) as deposit,
    ):
        written = 1 if at_once else 0  # what is large is not written when it is there already
        assert len(stored()) == 1 + written
        old_blob = Blob.objects.get().pk
        old.delete()
        release_blobs([old_blob])
        assert len(stored()) == written
        with transaction.atomic():
            blob = deposit.blob()
            MediaFile.objects.create(workspace=workspace, blob=blob, media_type="image")
    assert len(stored()) == 1
    assert stored()[0].name == blob.storage_name.rsplit("/")[-1]


def test_released_with_the_last_reference_only(workspace):
    first, second = (
        ingest_upload(workspace, SimpleUploadedFile("a.jpg", files.picture())) for _ in range(2)
    )
    blob = Blob.objects.get().pk
    release_blobs([blob])
    first.delete()
    release_blobs([blob])
    assert (Blob.objects.count(), len(stored())) == (1, 1)
    second.delete()
    release_blobs([blob])
    release_blobs([blob])
    assert_nothing_left()


def test_a_release_that_is_rolled_back_keeps_the_file(workspace):
    media_file = ingest_upload(workspace, SimpleUploadedFile("a.jpg", files.picture()))
    blob = Blob.objects.get().pk
    with suppress(ZeroDivisionError), transaction.atomic():
        media_file.delete()
        release_blobs([blob])
        assert len(stored()) == 1
        raise ZeroDivisionError
    assert (Blob.objects.count(), len(stored())) == (1, 1)


def test_releases_and_uploads_at_once(workspace):
    """Whoever wins, a row has its file and a file its row."""
    media_file = ingest_upload(workspace, SimpleUploadedFile("a.jpg", files.picture()))
    blob = Blob.objects.get().pk
    media_file.delete()
    at_once(
        lambda: release_blobs([blob]),
        *[lambda: ingest_upload(workspace, SimpleUploadedFile("a.jpg", files.picture()))] * 3,
    )
    assert MediaFile.objects.count() == 3
    row = Blob.objects.get()
    assert [path.name for path in stored()] == [row.storage_name.rsplit("/")[-1]]


def test_stream_of_a_provider(workspace):
    media_file = ingest_stream(
        workspace, ContentFile(files.mp4()), "audio/mp4; codecs=opus", name="voice", caption="Hi"
    )
    assert (media_file.media_type, media_file.file_type) == ("audio", TYPES["audio/mp4"])
    assert (media_file.name, media_file.caption, media_file.status) == ("voice", "Hi", "ready")
    assert temporary() == []
    assert ingest_stream(workspace, ContentFile(files.pdf()), "").name == "document.pdf"


@pytest.mark.parametrize(
    ("body", "code"),
    [(b"", "validation_failed"), (files.SVG, "unsupported_media"), (bytes(2001), "too_large")],
    ids=["empty", "svg", "large"],
)
def test_stream_that_is_refused(workspace, settings, body, code):
    settings.MEDIA_MAX_BYTES = 2000
    with pytest.raises(Refused) as caught:
        ingest_stream(workspace, ContentFile(body), "image/png")
    assert caught.value.code == code
    assert_nothing_left()


def test_stream_that_breaks_off(workspace):
    class Broken(BytesIO):
        def read(self, size=-1):
            raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        ingest_stream(workspace, Broken(), "image/png")
    assert_nothing_left()


def test_stored_names_tell_nothing(workspace):
    upload(client_of(workspace), files.picture(), "secret-plan.jpg")
    name = Blob.objects.get().storage_name
    assert len(name.rsplit("/")[-1]) == 32
    assert "secret" not in name
