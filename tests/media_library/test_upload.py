import hashlib
import re

import pytest
from django.core.files.storage import FileSystemStorage
from rest_framework.test import APIClient

from media_library import limits
from media_library.models import Blob, MediaFile
from tests.conftest import client_of
from tests.media_library import files
from tests.media_library.conftest import (
    assert_nothing_left,
    details,
    error_code,
    stored,
    temporary,
    upload,
    upload_url,
)

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


def test_the_object_in_full(api, settings):
    body = files.picture()
    answer = upload(api, body, "welcome.jpg", "image/jpeg", caption="Hi", description="For all")
    assert answer.status_code == 201
    shown = {**answer.json()}
    for name in ("created_at", "updated_at"):
        assert TIME.fullmatch(shown.pop(name))
    pk, url = shown.pop("id"), shown.pop("url")
    assert answer["Location"] == f"/api/v1/media_files/{pk}"
    assert re.fullmatch(rf"{settings.PUBLIC_URL}/media/{pk}:[\w-]{{43}}/welcome\.jpg", url)
    assert shown == {
        "status": "ready",
        "media_type": "image",
        "mime_type": "image/jpeg",
        "name": "welcome.jpg",
        "description": "For all",
        "caption": "Hi",
        "size": len(body),
        "width": 64,
        "height": 48,
        "duration": None,
        "sha256": hashlib.sha256(body).hexdigest(),
        "thumbnail_url": None,
        "folder_id": None,
        "source_url": None,
        "error": None,
        "deliverable": {
            kind: {"ok": True, "rendition": None, "reason": None}
            for kind in ("instagram", "whatsapp", "rcs")
        },
    }
    assert api.get(answer["Location"]).json() == answer.json()
    assert temporary() == []


def test_what_get_shows_can_be_sent_again(api):
    shown = upload(api, files.picture(), "a.jpg", caption="Hi").json()
    # A form has no place for nothing, nor for an object.
    fields = {k: v for k, v in shown.items() if v is not None and not isinstance(v, dict)}
    again = upload(api, files.picture(), "a.jpg", **fields)
    assert again.status_code == 201, again.content
    assert again.json()["id"] != shown["id"]
    assert again.json()["caption"] == "Hi"


@pytest.mark.parametrize(
    ("given", "name", "in_url"),
    [
        ("welcome.jpg", "welcome.jpg", "welcome.jpg"),
        ("Grüße aus Köln.PNG", "Grüße aus Köln.PNG", "grue-aus-koln.jpg"),
        ("日本語.jpg", "日本語.jpg", "image.jpg"),
        ("evil.html", "evil.html", "evil.jpg"),
        ("a\u202egpj.exe", "agpj.exe", "agpj.jpg"),
        ("x" * 300 + ".jpg", "x" * 251 + ".jpg", "x" * 60 + ".jpg"),
    ],
)
def test_names(api, given, name, in_url):
    shown = upload(api, files.picture(), given).json()
    assert (shown["name"], shown["url"].rsplit("/")[-1]) == (name, in_url)


def test_a_given_name_wins(api):
    assert upload(api, files.picture(), "a.jpg", name="Our shop").json()["name"] == "Our shop"


@pytest.mark.parametrize("given", [{}, {"caption": "Hi"}])
@pytest.mark.parametrize("form", ["json", "multipart"])
def test_neither_file_nor_url(api, given, form):
    answer = api.post("/api/v1/media_files", given, format=form)
    assert answer.status_code == 400
    assert details(answer) == {
        "file": ["Give either file or file_url."],
        "file_url": ["Give either file or file_url."],
    }


def test_both_file_and_url(api):
    answer = upload(api, files.picture(), file_url="https://example.com/a.jpg")
    assert set(details(answer)) == {"file", "file_url"}
    assert_nothing_left()


def test_two_files(api):
    body = b""
    for name in ("a.jpg", "b.jpg"):
        head = f'--x\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
        body += head.encode() + b"Content-Type: image/jpeg\r\n\r\n" + files.picture() + b"\r\n"
    answer = api.generic(
        "POST", "/api/v1/media_files", body + b"--x--\r\n", "multipart/form-data; boundary=x"
    )
    assert list(details(answer)) == ["file"]
    assert_nothing_left()


def test_every_fault_at_once(api):
    answer = upload(
        api,
        files.picture(),
        captoin="typo",
        caption="x" * (limits.MAX_CAPTION + 1),
        name="x" * 256,
        folder_id="7",
        media_type="hologram",
        on_duplicate="perhaps",
    )
    assert answer.status_code == 400
    assert set(details(answer)) == {
        "captoin",
        "caption",
        "name",
        "folder_id",
        "media_type",
        "on_duplicate",
    }
    assert details(answer)["folder_id"] == ["No folder has the id 7."]
    assert_nothing_left()


def test_longest_caption_is_taken(api):
    caption = "ü" * limits.MAX_CAPTION
    assert upload(api, files.picture(), caption=caption).json()["caption"] == caption


def test_empty_file(api):
    answer = upload(api, b"")
    assert (answer.status_code, error_code(answer)) == (400, "validation_failed")
    assert list(details(answer)) == ["file"]
    assert_nothing_left()


def test_too_large_by_one_byte(api, settings):
    body = files.picture()
    settings.MEDIA_MAX_BYTES = len(body)
    assert upload(api, body).status_code == 201
    answer = upload(api, body + b"\0")
    assert (answer.status_code, error_code(answer)) == (413, "too_large")
    assert list(details(answer)) == ["file"]
    assert (MediaFile.objects.count(), len(stored())) == (1, 1)


def test_a_file_in_json_is_not_a_file(api):
    answer = api.post("/api/v1/media_files", {"file": "aGVsbG8="})
    assert "file" in details(answer)


@pytest.mark.parametrize("body", ["{", '{"file_url": ', "[1"])
def test_malformed_json(api, body):
    answer = api.generic("POST", "/api/v1/media_files", body, "application/json")
    assert (answer.status_code, error_code(answer)) == (400, "malformed_json")


def test_another_content_type(api):
    answer = api.generic("POST", "/api/v1/media_files", "x", "text/plain")
    assert (answer.status_code, error_code(answer)) == (415, "unsupported_media_type")


def test_cut_form(api):
    body = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n\xff\xd8'
    answer = api.generic("POST", "/api/v1/media_files", body, "multipart/form-data; boundary=x")
    assert answer.status_code == 400
    assert_nothing_left()


@pytest.mark.parametrize(
    ("body", "asked", "mime_type"),
    [
        (files.picture(), "image", "image/jpeg"),
        (files.mp4(), "video", "video/mp4"),
        (files.mp4(), "audio", "audio/mp4"),
        (files.webm(b"V_VP9"), "audio", "audio/webm"),
        (files.ogg(), "video", "video/ogg"),
        (files.pdf(), "document", "application/pdf"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_media_type_that_agrees(api, body, asked, mime_type):
    shown = upload(api, body, media_type=asked).json()
    assert (shown["media_type"], shown["mime_type"]) == (asked, mime_type)


@pytest.mark.parametrize(
    ("body", "asked"),
    [(files.picture(), "video"), (files.mp4(), "image"), (files.mp3(), "video")],
    ids=["picture", "mp4", "mp3"],
)
def test_media_type_that_contradicts(api, body, asked):
    answer = upload(api, body, media_type=asked)
    assert (answer.status_code, error_code(answer)) == (400, "validation_failed")
    assert list(details(answer)) == ["media_type"]
    assert_nothing_left()


def test_type_of_the_part_decides_for_containers(api):
    shown = upload(api, files.webm(b"V_VP9"), "a.webm", "audio/webm;codecs=opus").json()
    assert (shown["media_type"], shown["mime_type"]) == ("audio", "audio/webm")


def test_same_bytes_as_sound_and_as_video_are_stored_once(api):
    sound = upload(api, files.mp4(), media_type="audio").json()
    video = upload(api, files.mp4(), media_type="video").json()
    assert (sound["mime_type"], video["mime_type"]) == ("audio/mp4", "video/mp4")
    assert sound["url"].endswith(".m4a")
    assert video["url"].endswith(".mp4")
    assert (Blob.objects.count(), len(stored())) == (1, 1)


def test_each_workspace_keeps_bytes_of_its_own(api, stranger):
    for client in (api, client_of(stranger)):
        upload(client, files.picture())
        upload(client, files.picture())
    assert (MediaFile.objects.count(), Blob.objects.count(), len(stored())) == (4, 2, 2)


def test_storage_that_fails(api, settings, monkeypatch):
    real = FileSystemStorage.save

    def fail(self, *args):
        real(self, *args)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(FileSystemStorage, "save", fail)
    answer = upload(api, files.picture())
    assert (answer.status_code, error_code(answer)) == (502, "storage_unavailable")
    assert answer["Retry-After"] == "10"
    assert "space" not in answer.content.decode()
    assert_nothing_left()


def test_row_that_cannot_be_written_leaves_no_file(api, monkeypatch):
    def fail(*args, **kwargs):
        raise RuntimeError("the database went away")

    monkeypatch.setattr("media_library.ingest.insert", fail)
    assert upload(api, files.picture()).status_code == 500
    assert_nothing_left()


def test_abilities(workspace):
    reader, writer = client_of(workspace, ["media.read"]), client_of(workspace, ["media.write"])
    answer = upload(reader, files.picture())
    assert (answer.status_code, error_code(answer)) == (403, "missing_ability")
    assert "media.write" in answer.json()["error"]["message"]
    assert upload(writer, files.picture()).status_code == 201
    assert writer.get("/api/v1/media_files").status_code == 403
    assert reader.get("/api/v1/media_files").json()["meta"]["total"] == 1
    assert upload(APIClient(), files.picture()).status_code == 401


def test_methods_that_are_not_there(api):
    pk = upload(api, files.picture()).json()["id"]
    assert api.post(f"/api/v1/media_files/{pk}", {}).status_code == 405
    assert api.put("/api/v1/media_files", {}).status_code == 405


def test_query_parameters_of_a_post_are_refused(api):
    answer = api.post("/api/v1/media_files?file_url=x", {"file_url": "https://example.com/a"})
    assert list(details(answer)) == ["file_url"]
    assert upload_url(api, "").status_code == 400


def test_schema_documents_the_upload(api):
    paths = api.get("/api/schema/?format=json").json()["paths"]
    post = paths["/api/v1/media_files"]["post"]
    assert post["summary"] == "Upload a media file"
    assert {"201", "202", "400", "413", "502"} <= set(post["responses"])
    assert set(post["requestBody"]["content"]) == {
        "application/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
    }
    names = {each["name"] for each in paths["/api/v1/media_files"]["get"]["parameters"]}
    assert {"media_type", "search", "created_since", "cursor", "folder_id"} <= names


@pytest.mark.parametrize(
    ("name", "content_type", "mime_type"),
    [
        ("a.csv", "application/octet-stream", "text/csv"),
        ("A.CSV", "text/csv", "text/csv"),
        ("a.csv", "text/plain", "text/plain"),
        ("a.txt", "application/octet-stream", "text/plain"),
    ],
)
def test_a_table_is_told_from_text_by_what_its_sender_says(api, name, content_type, mime_type):
    answer = upload(api, b"a,b\n1,2\n", name, content_type)
    assert (answer.status_code, answer.json()["mime_type"]) == (201, mime_type)


def test_a_name_does_not_make_a_table_of_other_bytes(api):
    answer = upload(api, files.picture(), "a.csv", "application/octet-stream").json()
    assert answer["mime_type"] == "image/jpeg"
