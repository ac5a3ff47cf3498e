"""Stored files without a row: found and removed, and nothing else is."""

import json
import os
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, default_storage
from django.core.management import CommandError, call_command
from django.utils import timezone

from inro.common import cleaning, tasks
from inro.common.bucket import Bucket
from inro.common.cleaning import LEFT_FOR, clean
from inro.common.models import Heartbeat
from media_library.models import Blob
from tests.media_library import files
from tests.media_library.conftest import upload

LATER = timedelta(days=1, seconds=5)


@pytest.fixture(autouse=True)
def elsewhere(stranger) -> Blob:
    """The database is one that is in use: it names a file."""
    facts = {"sha256": "0" * 64, "size": 5, "mime_type": "image/jpeg"}
    return Blob.objects.create(workspace=stranger, storage_name="blobs/zz/elsewhere", **facts)


def stray(number: int = 0, folder: str = "blobs") -> str:
    return default_storage.save(f"{folder}/{number:02x}/{number:032x}", ContentFile(b"12345"))


def lying(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_old_files_without_a_row_go_and_no_others(api, own_files):
    upload(api, files.picture())
    (kept,) = lying(own_files)
    nameless, probe, foreign = stray(), stray(1, "health"), stray(2, "other")
    now = timezone.now()
    cleaned = clean(now + LEFT_FOR - timedelta(minutes=1))
    assert (cleaned.files, cleaned.nameless) == (3, 0)
    cleaned = clean(now + LATER)
    assert (cleaned.files, cleaned.nameless, cleaned.bytes, cleaned.failed) == (3, 2, 10, 0)
    assert set(cleaned.some) == {nameless, probe}
    assert lying(own_files) == {kept, foreign}
    assert clean(now + LATER).nameless == 0


def test_an_empty_storage(db):
    assert clean(timezone.now() + LATER).files == 0


def test_in_a_bucket(api, s3):
    upload(api, files.picture())
    (kept,) = s3.names()
    nameless, foreign = stray(), stray(2, "other")
    now = timezone.now()
    assert clean(now).nameless == 0
    cleaned = clean(now + LATER)
    assert (cleaned.files, cleaned.some) == (2, [nameless])
    assert set(s3.names()) == {kept, foreign}


def test_more_than_a_page(db, s3, monkeypatch):
    for number in range(5):
        stray(number)
    real = Bucket.pages

    def small(self, folder):
        for page in real(self, folder):
            yield from ([each] for each in page)

    monkeypatch.setattr(Bucket, "pages", small)
    assert clean(timezone.now() + LATER).nameless == 5
    assert s3.names() == []


def test_pages_of_a_folder(db, own_files, monkeypatch):
    monkeypatch.setattr("inro.common.storing._PAGE", 2)
    for number in range(5):
        stray(number)
    queries: list[int] = []
    assert clean(timezone.now() + LATER, each_page=lambda: queries.append(1)).nameless == 5
    assert (len(queries), lying(own_files)) == (3, set())


def test_uploads_that_never_ended(db, s3):
    from tests.object_storage import BUCKET, PREFIX

    for key in (f"{PREFIX}/blobs/aa/old", f"{PREFIX}/other/x"):
        s3.client.create_multipart_upload(Bucket=BUCKET, Key=key)
    began = s3.client.list_multipart_uploads(Bucket=BUCKET)["Uploads"][0]["Initiated"]
    assert clean(timezone.now(), dry_run=True).uploads == 0
    assert clean(began + LEFT_FOR, dry_run=True).uploads == 0
    assert clean(began + LEFT_FOR).uploads == 0
    assert clean(began + LATER).uploads == 1
    assert [key for key, _ in s3.uploads()] == [f"{PREFIX}/other/x"]


class TestTheWrongDatabase:
    @pytest.fixture
    def foreign(self, db) -> None:
        for number in range(11):
            stray(number)

    def test_the_daily_run_removes_nothing(self, foreign, own_files):
        for path in own_files.rglob("*"):
            os.utime(path, (0, 0))
        assert cleaning.clean_daily().suspicious is True
        assert len(lying(own_files)) == 11

    def test_by_hand_it_wants_force(self, foreign, own_files):
        for path in own_files.rglob("*"):
            os.utime(path, (0, 0))
        with pytest.raises(CommandError, match="right database"):
            call_command("clean_media", stdout=StringIO())
        assert len(lying(own_files)) == 11
        call_command("clean_media", "--force", stdout=StringIO())
        assert lying(own_files) == set()

    def test_one_that_names_no_file_is_new(self, elsewhere, own_files):
        elsewhere.delete()
        name = stray()
        assert clean(timezone.now() + LATER).suspicious is True
        assert lying(own_files) == {name}
        assert clean(timezone.now() + LATER, although_many=True).suspicious is False
        assert lying(own_files) == set()

    def test_ten_are_no_suspicion(self, foreign, own_files):
        default_storage.delete(f"blobs/00/{0:032x}")
        assert clean(timezone.now() + LATER).suspicious is False
        assert lying(own_files) == set()


def test_dry_run_counts_names_and_removes_nothing(db, own_files):
    name = stray()
    os.utime(own_files / name, (0, 0))
    out = StringIO()
    call_command("clean_media", "--dry-run", stdout=out)
    assert out.getvalue() == (
        f"1 files; 1 of them without a row (5 bytes); 0 uploads that never ended\n{name}\n"
    )
    out = StringIO()
    call_command("clean_media", "--dry-run", "--json", stdout=out)
    assert json.loads(out.getvalue())["nameless"] == 1
    assert lying(own_files) == {name}


def test_what_cannot_be_removed_is_told(db, own_files, monkeypatch):
    name = stray()
    os.utime(own_files / name, (0, 0))

    def fail(self, name):
        raise PermissionError

    monkeypatch.setattr(FileSystemStorage, "delete", fail)
    with pytest.raises(CommandError, match="1 could not be removed"):
        call_command("clean_media", stdout=StringIO())


@pytest.mark.django_db(transaction=True)
def test_once_a_day_by_the_clock(own_files, monkeypatch, time_machine):
    time_machine.move_to("2026-01-01T12:00:00+00:00", tick=False)
    sent: list[object] = []
    monkeypatch.setattr(tasks.clean_files, "apply_async", lambda *args, **more: sent.append(args))
    monkeypatch.setattr(tasks.remove_old, "apply_async", lambda *args, **more: None)
    tasks.tick()
    tasks.tick()
    assert len(sent) == 1
    tasks.clean_files()
    time_machine.shift(timedelta(hours=23))
    tasks.tick()
    assert len(sent) == 1
    time_machine.shift(timedelta(hours=2))
    tasks.tick()
    assert len(sent) == 2
    # It died: ten minutes later another begins.
    time_machine.shift(timedelta(minutes=11))
    tasks.tick()
    assert len(sent) == 3
    assert Heartbeat.objects.filter(name=cleaning._BEAT).count() == 1
