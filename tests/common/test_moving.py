"""Moving every stored file to another storage, and back, with whatever comes in between."""

import re
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, default_storage
from django.core.management import CommandError, call_command

from inro.common.bucket import Bucket
from media_library.holding import release_blobs
from media_library.models import Blob, MediaFile
from tests.common.test_cleaning import lying
from tests.conftest import keep_files_at
from tests.media_library import files
from tests.media_library.conftest import stored, upload

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.once]


@pytest.fixture
def bucket(s3, settings, own_files):
    """An empty one, while files are still kept in the folder."""
    settings.DATA_DIR = own_files.parent
    keep_files_at(settings, "local")
    return s3


@pytest.fixture
def library(api) -> dict[str, bytes]:
    bodies = [files.noise("JPEG", (40 + n, 40)) for n in range(5)] + [files.pdf()]
    for body in bodies:
        assert upload(api, body).status_code == 201
    names = Blob.objects.order_by("pk").values_list("storage_name", flat=True)
    return dict(zip(names, bodies, strict=True))


def move(*arguments: str) -> str:
    out = StringIO()
    call_command("move_media", *arguments, stdout=out)
    return out.getvalue()


def counts(out: str) -> tuple[int, ...]:
    """Files, copied, there, removed, failed."""
    found = re.fullmatch(
        r"([\d,]+) files \(.*\): (\d+) copied, (\d+) were there, (\d+) removed, (\d+) failed\n", out
    )
    assert found, out
    return tuple(map(int, found.groups()))


def held(s3) -> dict[str, bytes]:
    return {name: s3.body(name) for name in s3.names()}


def saves(monkeypatch, storage: Any, *, fail_from: int = 10**6, error: type = OSError) -> list:
    """What is saved from now on; from one on it fails."""
    saved: list[str] = []
    real = storage._save

    def save(self, name, content):
        saved.append(name)
        if len(saved) >= fail_from:
            raise error
        return real(self, name, content)

    monkeypatch.setattr(storage, "_save", save)
    return saved


def test_there_and_back(api, bucket, library, settings, own_files):
    assert counts(move("--to", bucket.url())) == (6, 6, 0, 0, 0)
    assert held(bucket) == library
    assert len(stored()) == 6, "nothing was removed"

    upload(api, files.aac())
    keep_files_at(settings, bucket.url())
    upload(api, files.mp3())
    *_, before, after = Blob.objects.order_by("pk").values_list("storage_name", flat=True)
    assert set(bucket.names()) == {*library, after}, "one is left behind in the folder"
    assert counts(move("--from", "local", "--delete")) == (8, 1, 7, 7, 0)
    assert set(bucket.names()) == {*library, before, after}
    assert lying(own_files) == set()

    keep_files_at(settings, "local")
    assert counts(move("--from", bucket.url(), "--delete")) == (8, 8, 0, 8, 0)
    assert bucket.names() == []
    assert lying(own_files) == {*library, before, after}
    for name, body in library.items():
        assert (own_files / name).read_bytes() == body


def test_interrupted_and_started_again(bucket, library, monkeypatch):
    with monkeypatch.context() as patched:
        saves(patched, Bucket, fail_from=4, error=KeyboardInterrupt)
        with pytest.raises(KeyboardInterrupt):
            move("--to", bucket.url())
    arrived = set(bucket.names())
    assert 0 < len(arrived) < 6
    saved = saves(monkeypatch, Bucket)
    assert counts(move("--to", bucket.url())) == (6, 6 - len(arrived), len(arrived), 0, 0)
    assert set(saved) == set(library) - arrived
    assert held(bucket) == library


def test_half_a_file_is_replaced(bucket, library, settings, own_files):
    move("--to", bucket.url())
    first, second, third, *_ = library
    (own_files / first).write_bytes(library[first][:-1])
    (own_files / second).write_bytes(bytes(len(library[second])))
    (own_files / third).unlink()
    assert counts(move("--from", bucket.url(), "--to", "local")) == (6, 3, 3, 0, 0)
    for name, body in library.items():
        assert (own_files / name).read_bytes() == body


def test_what_fails_is_listed_and_the_rest_moved(bucket, library, own_files):
    first, second, third, *rest = library
    (own_files / first).unlink()
    (own_files / second).write_bytes(bytes(len(library[second])))
    (own_files / third).write_bytes(b"")
    with pytest.raises(CommandError) as caught:
        move("--to", bucket.url())
    assert sorted(str(caught.value).splitlines()) == sorted(
        [f"{first} is missing", f"{second} was damaged before", f"{third} was damaged before"]
    )
    assert set(bucket.names()) == set(rest)


def test_storage_that_fails_is_told_without_its_secret(bucket, library):
    bucket.client.delete_bucket(Bucket="inro-files")
    with pytest.raises(CommandError) as caught:
        move("--to", bucket.url())
    lines = str(caught.value).splitlines()
    assert len(lines) == 6
    assert all(each.endswith("could not be moved (NoSuchBucket)") for each in lines), lines
    assert "secret" not in str(caught.value)
    bucket.clear()


def test_stored_meanwhile_is_found_by_another_pass(api, bucket, library, monkeypatch):
    came: list[str] = []
    real = Bucket._save

    def save(self, name, content):
        if not came:
            came.append(name)
            upload(api, files.mp3())
        return real(self, name, content)

    monkeypatch.setattr(Bucket, "_save", save)
    assert counts(move("--to", bucket.url())) == (7, 7, 0, 0, 0)
    assert len(bucket.names()) == 7


def test_deleted_meanwhile_is_not_missed(bucket, library, monkeypatch):
    real: Any = vars(FileSystemStorage)["_open"]
    gone = Blob.objects.latest("pk")

    def opened(self, name, mode="rb"):
        if name == gone.storage_name and MediaFile.objects.filter(blob=gone).exists():
            MediaFile.objects.filter(blob=gone).delete()
            release_blobs([gone.pk])
        return real(self, name, mode)

    monkeypatch.setattr(FileSystemStorage, "_open", opened)
    assert counts(move("--to", bucket.url()))[4] == 0
    assert len(bucket.names()) == 5


def test_foreign_files_stay(bucket, library, own_files):
    default_storage.save("other/file", ContentFile(b"x"))
    move("--to", bucket.url())
    assert set(bucket.names()) == set(library)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "Name two storages"),
        (["--to", "local"], "Name two storages"),
        (["--to", "ftp://x"], "--to must look like s3://"),
        (["--from", "s3:///files"], "--from must name the region"),
        (["--to", "s3://k:s@127.0.0.1:1/files", "--delete"], "away from the storage in use"),
    ],
)
def test_what_makes_no_sense(bucket, library, arguments, words):
    with pytest.raises(CommandError, match=words):
        move(*arguments)
    assert len(stored()) == 6


def test_one_bucket_under_two_keys_is_one(bucket, settings):
    keep_files_at(settings, bucket.url())
    with pytest.raises(CommandError, match="Name two storages"):
        move("--to", bucket.url().replace("an-access-key", "another-key"))


def test_one_bucket_under_two_names_loses_nothing(bucket, library, settings):
    """It would be found to have arrived, and be removed."""
    move("--to", bucket.url())
    keep_files_at(settings, bucket.url())
    with pytest.raises(CommandError, match="same place"):
        move("--from", bucket.url().replace("127.0.0.1", "localhost"), "--delete")
    assert held(bucket) == library


def test_progress_on_a_terminal_only(bucket, library):
    class Terminal(StringIO):
        def isatty(self) -> bool:
            return True

    out = Terminal()
    call_command("move_media", "--to", bucket.url(), stdout=out)
    assert "6 of 6 files, 0.0 MiB, 100 %" in out.getvalue()
    assert "\r" not in move("--to", bucket.url())


def test_large_files_go_in_parts(api, bucket, own_files, monkeypatch):
    body = files.iso_media(b"mp42", b"vide", media=bytes(17 * 1024 * 1024))
    assert upload(api, body).status_code == 201
    move("--to", bucket.url())
    (name,) = bucket.names()
    assert bucket.body(name) == body
    assert Path(own_files / name).stat().st_size == len(body)
