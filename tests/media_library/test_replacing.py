"""`PUT /api/v1/media_files/:id`: other bytes, the same file."""

import threading

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart

from inro.accounts.models import AuditEntry
from media_library.models import Blob, Fetch, MediaFile
from tests.media_library import files
from tests.media_library.conftest import details, refusal, stored, temporary, upload

FILES = "/api/v1/media_files"


@pytest.fixture
def file(api, transactional_db):
    return upload(api, files.picture(), "welcome.jpg", caption="Hi").json()


def put(api, file, body, name="new.png", **headers):
    sent = SimpleUploadedFile(name, body)
    raw = encode_multipart(BOUNDARY, {"file": sent})
    return api.generic("PUT", f"{FILES}/{file['id']}", raw, MULTIPART_CONTENT, headers=headers)


def put_url(api, file, url):
    return api.put(f"{FILES}/{file['id']}", {"file_url": url})


def local(file):
    return file["url"].removeprefix("http://127.0.0.1:8000")


def everything():
    models = (MediaFile, Blob, Fetch, AuditEntry)
    rows = [list(model._default_manager.order_by("pk").values()) for model in models]
    return rows, sorted(stored()), temporary()


def test_by_upload(api, file):
    served = api.get(local(file))
    answer = put(api, file, files.picture("PNG", (20, 10)))
    assert answer.status_code == 200, answer.content
    new = answer.json()
    same = ("id", "caption", "description", "folder_id", "created_at", "media_type")
    assert {name: new[name] for name in same} == {name: file[name] for name in same}
    assert new["name"] == "welcome.png"
    assert (new["mime_type"], new["width"], new["height"]) == ("image/png", 20, 10)
    assert new["sha256"] != file["sha256"]
    assert api.get(f"{FILES}/{file['id']}").json() == new
    assert (Blob.objects.count(), len(stored()), temporary()) == (1, 1, [])
    again = api.get(local(file))  # the address that was given out
    assert (again.status_code, again["Content-Type"]) == (200, "image/png")
    assert again["ETag"] == f'"{new["sha256"]}"' != served["ETag"]
    noted = AuditEntry.objects.get()
    assert (noted.action, noted.target) == ("media file replaced", "welcome.jpg")


@pytest.mark.parametrize(
    ("name", "format", "becomes"),
    [
        ("a.webp", "PNG", "a.png"),
        ("My holiday.WEBP", "JPEG", "My holiday.jpg"),
        ("v1.2.webp", "GIF", "v1.2.gif"),
        ("a.webp", "WEBP", "a.webp"),
        ("a", "PNG", "a"),
        (".webp", "PNG", ".webp"),
        ("Summer 2.0", "PNG", "Summer 2.0"),
        ("picture.jpg", "PNG", "picture.jpg"),
        ("webp", "PNG", "webp"),
    ],
)
def test_the_extension_follows_the_bytes(api, transactional_db, name, format, becomes):
    """Where it was that of the old ones; people's own words stay."""
    file = upload(api, files.picture("WEBP"), "x.webp", name=name).json()
    assert file["name"] == name
    new = put(api, file, files.picture(format, (20, 10)))
    assert (new.status_code, new.json()["name"]) == (200, becomes)
    assert api.get(f"{FILES}?search={becomes}").json()["meta"]["total"] == 1


def test_other_extensions_of_the_same_type(api, transactional_db):
    file = upload(api, files.picture(), "a.jpeg").json()
    assert put(api, file, files.picture(size=(20, 10))).json()["name"] == "a.jpeg"
    assert put(api, file, files.picture("PNG")).json()["name"] == "a.png"


def test_by_url(api, file, workers, serve):
    url = serve(files.picture("PNG", (20, 10)), "/new.png", "image/png")
    answer = put_url(api, file, url)
    assert answer.status_code == 200, answer.content
    assert (answer.json()["width"], answer.json()["source_url"]) == (20, url)
    assert (MediaFile.objects.count(), Fetch.objects.count()) == (1, 0)
    assert (Blob.objects.count(), len(stored()), temporary()) == (1, 1, [])


def test_by_an_address_of_ours(api, file):
    other = upload(api, files.picture("PNG", (20, 10))).json()
    answer = put_url(api, file, other["url"])
    assert answer.json()["sha256"] == other["sha256"]
    assert (MediaFile.objects.count(), Blob.objects.count(), len(stored())) == (2, 1, 1)


def test_shared_bytes_stay_for_the_other(api, file):
    twin = upload(api, files.picture()).json()
    assert put(api, file, files.picture("PNG")).status_code == 200
    assert api.get(f"{FILES}/{twin['id']}").json() == twin
    assert api.get(local(twin)).status_code == 200
    assert (Blob.objects.count(), len(stored())) == (2, 2)


def test_the_same_bytes_change_nothing_of_them(api, file):
    answer = put(api, file, files.picture())
    assert (answer.status_code, answer.json()["sha256"]) == (200, file["sha256"])
    assert (Blob.objects.count(), len(stored())) == (1, 1)
    assert api.get(local(file)).status_code == 200


def test_another_kind_is_refused(api, file, workers, serve):
    before = everything()
    answer = put(api, file, files.mp3(), "a.mp3")
    assert refusal(answer) == (400, "validation_failed", ["file"])
    message = "The new file is of the type audio; this one is image."
    assert details(answer) == {"file": [message]}
    answer = put_url(api, file, serve(files.mp3(), "/a.mp3", "audio/mpeg"))
    assert details(answer) == {"file_url": [message]}
    workers.finish()
    assert everything() == before


def test_what_holds_sound_or_pictures_stays_what_it_was(api, transactional_db):
    video = upload(api, files.mp4(), "tour.mp4").json()
    assert video["media_type"] == "video"
    answer = put(api, video, files.mp4(), "tour.mp4")
    assert (answer.status_code, answer.json()["media_type"]) == (200, "video")


@pytest.mark.parametrize("body", [b"", b"<svg xmlns='x'/>", files.picture()[:200]])
def test_bytes_that_are_refused_leave_the_old_ones(api, file, body):
    before = everything()
    answer = put(api, file, body)
    assert (answer.status_code, list(details(answer))) == (400, ["file"])
    assert everything() == before


def test_a_download_that_fails_leaves_the_old_bytes(api, file, workers, serve):
    before = everything()
    answer = put_url(api, file, serve(b"gone", "/gone", status=404))
    assert refusal(answer) == (400, "validation_failed", ["file_url"])
    workers.finish()
    assert everything() == before


def test_a_slow_download_leaves_the_old_bytes(api, file, workers, serve, settings):
    settings.MEDIA_DOWNLOAD_WAIT = 0
    before, go_on = everything(), threading.Event()
    answer = put_url(api, file, serve(files.picture("PNG"), "/slow", hold=go_on))
    assert refusal(answer) == (502, "download_failed", ["file_url"])
    go_on.set()
    workers.finish()
    assert everything() == before
    assert api.get(local(file)).status_code == 200


def test_a_storage_that_is_down_leaves_the_old_bytes(api, file, monkeypatch):
    before = everything()

    def fail(*args):
        raise OSError("down")

    monkeypatch.setattr(default_storage, "save", fail)
    answer = put(api, file, files.picture("PNG"))
    assert (answer.status_code, answer["Retry-After"]) == (502, "10")
    assert everything() == before


@pytest.mark.parametrize("status", ["pending", "failed"])
def test_a_file_without_bytes_comes_to_some(api, workspace, transactional_db, status):
    row = MediaFile.objects.create(
        workspace=workspace, status=status, error_code="too_large", error_message="!"
    )
    if status == "pending":
        Fetch.objects.create(workspace=workspace, url="https://a.example/", media_file=row)
    answer = put(api, {"id": row.pk}, files.picture())
    assert answer.status_code == 200, answer.content
    shown = answer.json()
    assert (shown["status"], shown["error"], shown["media_type"]) == ("ready", None, "image")
    assert Fetch.objects.count() == 0


def test_of_two_writers_the_second_is_told(api, file, workers, serve):
    tag = api.get(f"{FILES}/{file['id']}")["ETag"]
    first = put(api, file, files.picture("PNG"), **{"If-Match": tag})
    assert (first.status_code, first["ETag"] != tag) == (200, True)
    before = everything()
    answer = put(api, file, files.picture("GIF"), **{"If-Match": tag})
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "stale_edit")
    headers = {"If-Match": tag}
    address = f"{FILES}/{file['id']}"
    answer = api.put(address, {"file_url": serve(files.picture("GIF"))}, headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "stale_edit")
    workers.finish()
    assert everything() == before


def test_one_of_both_and_nothing_else(api, file):
    before = everything()
    for body in ({}, {"name": "x"}):
        assert set(details(api.put(f"{FILES}/{file['id']}", body))) == {"file", "file_url"}
    answer = api.put(f"{FILES}/{file['id']}", {"file_url": "ftp://a/b", "colour": 1})
    assert list(details(answer)) == ["colour"]
    assert everything() == before
