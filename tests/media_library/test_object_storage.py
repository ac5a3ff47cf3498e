"""Files in a bucket, over the real protocol: kept, served, and what an outage leaves behind."""

from urllib.parse import urlsplit

import httpx2
import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from media_library.holding import release_blobs
from media_library.ingest import ingest_upload
from media_library.models import Blob, MediaFile
from media_library.storage import open_blob
from tests.conftest import keep_files_at
from tests.media_library import files
from tests.media_library.conftest import error_code, temporary, upload, upload_url
from tests.object_storage import BUCKET, PART_BYTES, PREFIX, Road, unused_port

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.once]


@pytest.fixture
def road(s3, settings):
    """The bucket at the end of a road that may be cut; uploads go in the smallest parts."""
    road = Road(s3.port)
    keep_files_at(settings, s3.url(road.port, timeout="1"), part_bytes=PART_BYTES)
    yield road
    road.close()


def address(shown: dict) -> str:
    """Where a provider is sent that asks for a file's `url`."""
    answer = Client().get(urlsplit(shown["url"]).path)
    assert answer.status_code == 302, answer.content
    return str(answer["Location"])


def fetch(url: str, method: str = "GET", **headers: str) -> httpx2.Response:
    with httpx2.Client(trust_env=False) as client:
        return client.request(method, url, headers=headers)


def large(megabytes: int) -> bytes:
    """A video that is all picture."""
    return files.iso_media(b"mp42", b"vide", media=bytes(megabytes * 1024 * 1024))


def assert_nothing_left(s3) -> None:
    assert (MediaFile.objects.count(), Blob.objects.count()) == (0, 0)
    assert (s3.names(), s3.uploads(), temporary()) == ([], [], [])


class TestKeeping:
    def test_kept_under_our_prefix(self, api, s3):
        body = files.picture()
        shown = upload(api, body, "welcome.jpg", "text/html").json()
        assert shown["status"] == "ready"
        blob = Blob.objects.get()
        assert s3.names() == [blob.storage_name]
        assert s3.body(blob.storage_name) == body
        head = s3.client.head_object(Bucket=BUCKET, Key=f"{PREFIX}/{blob.storage_name}")
        assert head["ContentType"] == "application/octet-stream"
        grants = s3.client.get_object_acl(Bucket=BUCKET, Key=f"{PREFIX}/{blob.storage_name}")
        assert [each["Permission"] for each in grants["Grants"]] == ["FULL_CONTROL"]
        assert temporary() == []

    def test_both_dialects(self, api, s3):
        file = SimpleUploadedFile("a.jpg", files.picture())
        answer = api.post("/api/v1/media", {"file": file}, format="multipart")
        assert answer.status_code == 201
        assert fetch(address(answer.json())).content == files.picture()

    def test_kept_once_and_gone_with_the_last_reference(self, api, s3):
        for _ in range(2):
            upload(api, files.picture())
        blob = Blob.objects.get().pk
        assert len(s3.names()) == 1
        MediaFile.objects.all().delete()
        release_blobs([blob])
        assert_nothing_left(s3)

    def test_in_parts(self, api, s3, road, settings):
        body = large(16)
        shown = upload(api, body, "film.mp4").json()
        (name,) = s3.names()
        head = s3.client.head_object(Bucket=BUCKET, Key=f"{PREFIX}/{name}")
        assert (head["ContentLength"], s3.uploads()) == (len(body), [])
        assert head["ETag"].endswith('-4"'), "four parts"
        assert fetch(address(shown), Range="bytes=100-299").content == body[100:300]

    def test_read_back_by_ourselves(self, api, workspace, s3):
        body = files.noise("PNG", (900, 900))
        ingest_upload(workspace, SimpleUploadedFile("a.png", body))
        with open_blob(Blob.objects.get()) as file:
            assert file.read(10) == body[:10]
            file.seek(1000)
            assert file.read() == body[1000:]
        shown = api.get("/api/v1/media_files").json()["media_files"][0]
        copy = upload_url(api, shown["url"])
        assert (copy.status_code, copy.json()["sha256"]) == (201, shown["sha256"])

    def test_what_is_missing_there(self, workspace, s3):
        ingest_upload(workspace, SimpleUploadedFile("a.jpg", files.picture()))
        blob = Blob.objects.get()
        default_storage.delete(blob.storage_name)
        with pytest.raises(FileNotFoundError):
            open_blob(blob)


class TestServing:
    @pytest.fixture
    def shown(self, api, s3):
        return upload(api, files.noise("JPEG", (200, 200)), "Grüße.jpg", "image/jpeg").json()

    def test_redirect(self, shown):
        answer = Client().get(urlsplit(shown["url"]).path)
        assert (answer.status_code, answer.content) == (302, b"")
        assert answer["Cache-Control"] == "private, max-age=900"
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert answer["Content-Security-Policy"] == "default-src 'none'; sandbox"
        assert "X-Amz-Expires=1800" in answer["Location"]
        assert "X-Amz-Signature=" in answer["Location"]

    def test_the_address_gives_the_bytes_as_what_they_are(self, shown):
        answer = fetch(address(shown))
        assert answer.status_code == 200
        assert len(answer.content) == shown["size"]
        assert answer.headers["Content-Type"] == "image/jpeg"
        assert answer.headers["Content-Disposition"] == (
            "inline; filename*=utf-8''Gr%C3%BC%C3%9Fe.jpg"
        )

    def test_documents_are_saved(self, api, shown):
        csv = upload(api, files.CSV, "list.csv", "text/csv").json()
        answer = fetch(address(csv))
        assert answer.headers["Content-Disposition"] == 'attachment; filename="list.csv"'
        assert answer.headers["Content-Type"] == "text/csv"

    def test_parts(self, shown):
        answer = fetch(address(shown), Range="bytes=-10")
        size = shown["size"]
        assert (answer.status_code, len(answer.content)) == (206, 10)
        assert answer.headers["Content-Range"] == f"bytes {size - 10}-{size - 1}/{size}"

    def test_head(self, shown):
        answer = Client().head(urlsplit(shown["url"]).path)
        assert (answer.status_code, answer["Cache-Control"]) == (302, "no-store")
        found = fetch(answer["Location"], "HEAD")
        assert found.status_code == 200
        assert found.headers["Content-Length"] == str(shown["size"])

    def test_our_own_signature_comes_first(self, shown):
        path = urlsplit(shown["url"]).path
        altered = path.replace(":", ":A", 1)
        answer = Client().get(altered)
        assert (answer.status_code, "Location" in answer) == (404, False)

    def test_redirects_work_while_the_storage_is_away(self, shown, s3, settings):
        keep_files_at(settings, s3.url(unused_port()))
        assert "X-Amz-Signature=" in address(shown)


class TestOutage:
    def refused(self, answer) -> None:
        assert (answer.status_code, error_code(answer)) == (502, "storage_unavailable")
        assert answer["Retry-After"] == "10"
        assert "127.0.0.1" not in answer.content.decode()

    def test_nobody_there_then_back(self, api, s3, settings):
        keep_files_at(settings, s3.url(unused_port()))
        self.refused(upload(api, files.picture()))
        assert_nothing_left(s3)
        keep_files_at(settings, s3.url())
        assert upload(api, files.picture()).status_code == 201

    def test_no_bucket(self, api, s3):
        s3.client.delete_bucket(Bucket=BUCKET)
        self.refused(upload(api, files.picture()))
        assert (MediaFile.objects.count(), temporary()) == (0, [])
        s3.clear()

    def test_silence_is_given_up(self, api, s3, road):
        road.silent, road.taken = True, 0
        self.refused(upload(api, files.picture()))
        assert road.taken == 3, "two attempts of a second, and one that clears up"
        road.silent = False
        assert_nothing_left(s3)
        assert upload(api, files.picture()).status_code == 201

    def test_in_the_other_dialect(self, api, s3, settings):
        keep_files_at(settings, s3.url(unused_port()))
        file = SimpleUploadedFile("a.jpg", files.picture())
        answer = api.post("/api/v1/media", {"file": file}, format="multipart")
        assert (answer.status_code, answer.json()["error"]) == (502, "Bad Gateway")
        assert answer["Retry-After"] == "10"
        assert_nothing_left(s3)

    @pytest.mark.parametrize("megabytes", [2, 12], ids=["in one", "in parts"])
    def test_cut_in_the_middle(self, api, s3, road, megabytes):
        """Both attempts break off; of what goes in parts, those that arrived are given up."""
        road.breaks_after = 1024 * 1024
        self.refused(upload(api, large(megabytes), "film.mp4"))
        assert_nothing_left(s3)
        road.breaks_after = None
        assert upload(api, large(megabytes), "film.mp4").status_code == 201
        assert (len(s3.names()), s3.uploads(), temporary()) == (1, [], [])

    @pytest.mark.parametrize("megabytes", [2, 12], ids=["in one", "in parts"])
    def test_one_hiccup_is_not_noticed(self, api, s3, road, megabytes):
        road.breaks_after, road.breaks_left = 1024 * 1024, 1
        body = large(megabytes)
        assert upload(api, body, "film.mp4").status_code == 201
        (name,) = s3.names()
        assert (s3.body(name), road.breaks_left) == (body, 0)

    def test_reading(self, api, s3, settings):
        shown = upload(api, files.picture()).json()
        keep_files_at(settings, s3.url(unused_port()))
        answer = upload_url(api, shown["url"])
        self.refused(answer)
        assert MediaFile.objects.count() == 1
