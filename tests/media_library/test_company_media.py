"""`/api/v1/media`: the library for integrations of RCS and WhatsApp."""

import re
from unittest.mock import patch

import pytest
from django.core.files.storage import FileSystemStorage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from inro.accounts.models import ApiToken, AuditEntry
from media_library import limits
from media_library.company_media import TAKEN
from media_library.models import Blob, MediaFile, MediaFolder
from tests.conftest import client_of
from tests.media_library import files
from tests.media_library.conftest import assert_nothing_left, stored, upload

MEDIA = "/api/v1/media"
NO_FORM = "The body must be complete multipart/form-data with the file in its part 'file'."
KEYS = [
    "id", "mediaId", "name", "description", "folderId", "url", "mimeType", "size", "width",
    "height", "createdAt",
]  # fmt: skip

CUT = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n\xff\xd8'


def post(client, body: bytes, filename: str = "file.bin", content_type: str = "", **fields):
    file = SimpleUploadedFile(filename, body, content_type or "application/octet-stream")
    return client.post(MEDIA, {"file": file, **fields}, format="multipart")


def refused(answer, status: int, error: str) -> str:
    """Asserts the dialect's shape; the message."""
    content = answer.json()
    assert content.keys() == {"status", "error", "message"}, content
    assert (answer.status_code, content["status"], content["error"]) == (status, status, error)
    return str(content["message"])


def shown(client, query: str = "") -> dict:
    answer = client.get(f"{MEDIA}{query}")
    assert answer.status_code == 200, answer.content
    return dict(answer.json())


def names(client, query: str = "") -> list[str]:
    return [each["name"] for each in shown(client, query)["items"]]


class TestUploading:
    def test_the_object_in_full(self, api, settings):
        body = files.picture()
        answer = post(api, body, "sale.jpg", name="Summer sale", description="For all")
        assert answer.status_code == 201
        content = {**answer.json()}
        assert list(content) == KEYS
        pk = content.pop("id")
        assert answer["Location"] == f"{MEDIA}/{pk}"
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", content.pop("createdAt"))
        url = content.pop("url")
        assert re.fullmatch(rf"{settings.PUBLIC_URL}/media/{pk}:[\w-]{{43}}/summer-sale\.jpg", url)
        assert content == {
            "mediaId": pk,
            "name": "Summer sale",
            "description": "For all",
            "folderId": None,
            "mimeType": "image/jpeg",
            "size": len(body),
            "width": 64,
            "height": 48,
        }
        assert api.get(answer["Location"]).json() == answer.json()
        path = url.removeprefix(settings.PUBLIC_URL)
        assert Client().get(path).getvalue() == body

    @pytest.mark.parametrize(
        ("body", "mime_type"),
        [
            (files.picture(), "image/jpeg"),
            (files.picture("PNG"), "image/png"),
            (files.picture("GIF"), "image/gif"),
            (files.mp4(), "video/mp4"),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    @pytest.mark.parametrize("declared", ["", "audio/mp4", "application/pdf"])
    def test_types_that_are_taken_whatever_they_are_called(self, api, body, mime_type, declared):
        answer = post(api, body, content_type=declared)
        assert (answer.status_code, answer.json()["mimeType"]) == (201, mime_type)

    @pytest.mark.parametrize(
        "body",
        [
            files.picture("WEBP"),
            files.pdf(),
            files.mp3(),
            files.mp4(b"soun"),
            files.CSV,
            files.iso_media(b"qt  ", b"vide"),
        ],
        ids=["webp", "pdf", "mp3", "sound in MP4", "csv", "mov"],
    )
    def test_types_that_are_not(self, api, body):
        message = refused(post(api, body, "a.jpg", "image/jpeg"), 400, "Bad Request")
        assert message.endswith(f"taken here: {', '.join(sorted(TAKEN))}.")
        assert_nothing_left()
        assert upload(api, body).status_code == 201, "the library itself takes it"

    @pytest.mark.parametrize("body", [files.SVG, files.HTML, b"\xff\xd8\xff"])
    def test_what_the_library_does_not_take_at_all(self, api, body):
        refused(post(api, body), 400, "Bad Request")
        assert_nothing_left()

    def test_file_part_missing(self, api):
        answer = api.post(MEDIA, {"name": "x"}, format="multipart")
        assert refused(answer, 400, "Bad Request") == "file: No file was submitted."

    def test_file_part_without_a_file(self, api):
        answer = api.post(MEDIA, {"file": "aGVsbG8="}, format="multipart")
        assert refused(answer, 400, "Bad Request").startswith("file: ")

    def test_file_part_empty(self, api):
        assert refused(post(api, b""), 400, "Bad Request") == "file: The submitted file is empty."
        assert_nothing_left()

    def test_no_body_at_all(self, api):
        answer = api.generic("POST", MEDIA)
        assert refused(answer, 400, "Bad Request") == "file: No file was submitted."

    @pytest.mark.parametrize(
        "content_type", ["application/json", "text/plain", "application/x-www-form-urlencoded"]
    )
    def test_not_multipart_at_all(self, api, content_type):
        answer = api.generic("POST", MEDIA, '{"file": "x"}', content_type)
        assert refused(answer, 400, "Bad Request") == NO_FORM
        assert_nothing_left()

    @pytest.mark.parametrize(
        ("head", "content_type"),
        [
            (CUT, "; boundary=x"),
            (b"", ""),
            (b"nothing of a form", "; boundary=x"),
            (b"--x--", "; boundary=\xe4"),
        ],
        ids=["cut", "no boundary", "no parts", "bad boundary"],
    )  # fmt: skip
    def test_malformed_multipart(self, api, head, content_type):
        answer = api.generic("POST", MEDIA, head, f"multipart/form-data{content_type}")
        message = refused(answer, 400, "Bad Request")
        assert "JSON" not in message
        assert_nothing_left()

    def test_two_files(self, api):
        body = b""
        for name in ("a.jpg", "b.jpg"):
            head = f'--x\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
            body += head.encode() + b"Content-Type: image/jpeg\r\n\r\n" + files.picture() + b"\r\n"
        answer = api.generic("POST", MEDIA, body + b"--x--\r\n", "multipart/form-data; boundary=x")
        message = refused(answer, 400, "Bad Request")
        assert message == "file: Give one file; each is a media file of its own."
        assert_nothing_left()

    def test_every_fault_at_once(self, api):
        answer = post(
            api, files.picture(), name="x" * 256, captoin="typo", folderId="7",
            description="x" * (limits.MAX_DESCRIPTION + 1),
        )  # fmt: skip
        message = refused(answer, 400, "Bad Request")
        assert set(re.findall(r"(\w+): ", message)) == {
            "name", "captoin", "folderId", "description",
        }  # fmt: skip
        assert "folderId: No folder has the id 7." in message
        assert_nothing_left()

    @pytest.mark.parametrize("folder", ["x", "0", "-1", "1.5", "9" * 30])
    def test_folders_that_are_none(self, api, folder):
        answer = post(api, files.picture(), folderId=folder)
        assert refused(answer, 400, "Bad Request").startswith("folderId: ")
        assert_nothing_left()

    def test_into_a_folder(self, api, workspace, stranger):
        mine = MediaFolder.objects.create(workspace=workspace, name="Sale")
        theirs = MediaFolder.objects.create(workspace=stranger, name="Sale")
        answer = post(api, files.picture(), folderId=mine.pk)
        assert (answer.status_code, answer.json()["folderId"]) == (201, mine.pk)
        assert api.get(answer["Location"]).json()["folderId"] == mine.pk
        refused(post(api, files.picture(), folderId=theirs.pk), 400, "Bad Request")
        assert post(api, files.picture(), folderId="").json()["folderId"] is None
        assert MediaFile.objects.count() == 2

    def test_too_large(self, api, settings):
        settings.MEDIA_MAX_BYTES = len(files.picture())
        assert post(api, files.picture()).status_code == 201
        answer = post(api, files.picture() + b"\0")
        assert refused(answer, 413, "Payload Too Large").startswith("file: The file is larger")
        assert MediaFile.objects.count() == 1

    @pytest.mark.parametrize("path", [MEDIA, f"{MEDIA}/"])
    def test_refused_before_any_view(self, api, settings, path):
        settings.MEDIA_MAX_BYTES = 1000
        body = bytes(2 * 1024 * 1024)
        answer = api.generic("POST", path, body, "multipart/form-data; boundary=x")
        assert "bytes" in refused(answer, 413, "Payload Too Large")
        answer = api.generic("POST", path, body, headers={"Transfer-Encoding": "chunked"})
        refused(answer, 411, "Length Required")

    def test_a_body_as_large_as_a_file_may_be(self, api, settings):
        settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
        assert post(api, files.picture()).status_code == 201

    def test_storage_that_fails(self, api, monkeypatch):
        def fail(self, *args):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(FileSystemStorage, "save", fail)
        answer = post(api, files.picture())
        assert "space" not in refused(answer, 502, "Bad Gateway")
        assert answer["Retry-After"] == "10"
        assert_nothing_left()

    def test_what_we_show_may_be_sent_along(self, api):
        first = post(api, files.picture(), name="a").json()
        fields = {name: value for name, value in first.items() if value is not None}
        assert post(api, files.picture(), **fields).status_code == 201

    def test_sent_again(self, api):
        first, again, other = (
            api.post(
                MEDIA,
                {"file": SimpleUploadedFile("a.jpg", files.picture()), "name": name},
                format="multipart",
                headers={"Idempotency-Key": "k1"},
            )
            for name in ("a", "a", "b")
        )
        assert (first.status_code, again.content) == (201, first.content)
        assert again["Idempotent-Replay"] == "true"
        refused(other, 409, "Conflict")
        assert MediaFile.objects.count() == 1


class TestListing:
    @pytest.fixture
    def library(self, api):
        for body, name in [
            (files.picture(size=(500, 500)), "b"),
            (files.mp3(), "d"),
            (files.pdf(), "a"),
            (files.mp4(), "c"),
        ]:
            assert upload(api, body, name=name).status_code == 201

    def test_in_the_dialects_envelope(self, api, library):
        answer = shown(api)
        assert list(answer) == ["items", "page", "limit", "total"]
        assert (answer["page"], answer["limit"], answer["total"]) == (0, 10, 4)
        assert [each["name"] for each in answer["items"]] == ["c", "a", "d", "b"]
        assert [list(each) for each in answer["items"]] == [KEYS] * 4
        for each in answer["items"]:
            assert api.get(f"{MEDIA}/{each['id']}").json() == each
        assert shown(api, "/") == answer

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("?sortBy=id&sortOrder=asc", "bdac"),
            ("?sortBy=createdAt", "cadb"),
            ("?sortBy=name&sortOrder=asc", "abcd"),
            ("?sortBy=name&sortOrder=desc", "dcba"),
            ("?sortBy=size&sortOrder=asc", "acdb"),
            ("?sortBy=size", "bdca"),
            ("?sortOrder=asc&limit=3", "bda"),
            ("?sortOrder=asc&limit=3&page=1", "c"),
            ("?page=7", ""),
            ("?page=1000000000&limit=1000", ""),
            ("?limit=1000", "cadb"),
            ("?folderId=77", ""),
        ],
    )
    def test_pages_and_orders(self, api, library, query, found):
        assert names(api, query) == list(found)

    def test_files_without_bytes_come_before_the_smallest(self, api, workspace, library):
        MediaFile.objects.create(workspace=workspace, status="pending", name="p")
        assert names(api, "?sortBy=size&sortOrder=asc") == list("pacdb")
        assert names(api, "?sortBy=size&sortOrder=desc") == list("bdcap")
        pending = shown(api)["items"][0]
        assert (pending["url"], pending["mimeType"], pending["size"]) == (None, None, None)

    def test_by_folder(self, api, workspace, library):
        folder = MediaFolder.objects.create(workspace=workspace, name="Sale")
        MediaFile.objects.filter(name="a").update(folder=folder)
        answer = shown(api, f"?folderId={folder.pk}")
        assert ([each["name"] for each in answer["items"]], answer["total"]) == (["a"], 1)

    @pytest.mark.parametrize(
        ("query", "path"),
        [
            ("?page=-1", "page"),
            ("?page=x", "page"),
            ("?page=1000000001", "page"),
            ("?page=²", "page"),
            ("?limit=0", "limit"),
            ("?limit=1001", "limit"),
            ("?limit=10&limit=20", "limit"),
            ("?limit=", "limit"),
            ("?sortBy=mimeType", "sortBy"),
            ("?sortOrder=DESC", "sortOrder"),
            ("?folderId=0", "folderId"),
            ("?folderId=99999999999999999999", "folderId"),
            ("?per_page=5", "per_page"),
            ("?cursor=MTA1", "cursor"),
        ],
    )
    def test_values_that_are_none(self, api, library, query, path):
        message = refused(api.get(f"{MEDIA}{query}"), 400, "Bad Request")
        assert message.startswith(f"{path}: "), message

    def test_all_faults_at_once(self, api, db):
        message = refused(api.get(f"{MEDIA}?page=x&limit=0&colour=red"), 400, "Bad Request")
        assert set(re.findall(r"(\w+): (?=Must|Unknown)", message)) == {"page", "limit", "colour"}

    def test_query_count_does_not_grow(self, api):
        counts = []
        for more in (1, 29):
            for _ in range(more):
                upload(api, files.picture())
            with CaptureQueriesContext(connection) as queries:
                assert len(names(api, "?limit=1000&sortBy=size")) in (1, 30)
            counts.append(len(queries))
        assert counts[0] == counts[1] <= 4


class TestOneFile:
    def test_seen_in_both_dialects(self, api):
        ours = post(api, files.picture(), name="a", description="b").json()
        main = api.get(f"/api/v1/media_files/{ours['id']}").json()
        assert (main["name"], main["description"], main["url"]) == ("a", "b", ours["url"])
        theirs = upload(api, files.pdf(), name="c").json()
        assert api.get(f"{MEDIA}/{theirs['id']}").json()["mimeType"] == "application/pdf"

    @pytest.mark.django_db(transaction=True)
    def test_delete(self, api):
        pk = post(api, files.picture()).json()["id"]
        kept = post(api, files.picture()).json()["id"]
        answer = api.delete(f"{MEDIA}/{pk}")
        noted = AuditEntry.objects.get(action="media file deleted")
        assert noted.details == {"id": pk}
        assert (answer.status_code, answer.content) == (204, b"")
        refused(api.get(f"{MEDIA}/{pk}"), 404, "Not Found")
        refused(api.delete(f"{MEDIA}/{pk}"), 404, "Not Found")
        assert [each["id"] for each in shown(api)["items"]] == [kept]
        assert (Blob.objects.count(), len(stored())) == (1, 1)
        api.delete(f"{MEDIA}/{kept}")
        assert (shown(api)["total"], Blob.objects.count(), stored()) == (0, 0, [])

    def test_deleted_ones_do_not_show(self, api, workspace):
        row = MediaFile.objects.create(workspace=workspace, status="deleted", name="x")
        refused(api.get(f"{MEDIA}/{row.pk}"), 404, "Not Found")
        assert shown(api)["total"] == 0

    def test_another_workspace_sees_none_of_it(self, api, stranger):
        pk = post(api, files.picture()).json()["id"]
        theirs = client_of(stranger)
        refused(theirs.get(f"{MEDIA}/{pk}"), 404, "Not Found")
        refused(theirs.delete(f"{MEDIA}/{pk}"), 404, "Not Found")
        assert (shown(theirs)["total"], shown(api)["total"]) == (0, 1)

    @pytest.mark.parametrize("path", ["x", "-1", "9" * 30, "1.0", "1/x", "1/usages/x", "a b", "/"])
    def test_addresses_that_are_none(self, api, path):
        for client in (api, APIClient()):
            for method in ("GET", "POST", "DELETE", "OPTIONS"):
                refused(client.generic(method, f"{MEDIA}/{path}"), 404, "Not Found")

    def test_methods_that_are_none(self, api):
        pk = post(api, files.picture()).json()["id"]
        for method in ("PUT", "PATCH", "POST"):
            answer = api.generic(method, f"{MEDIA}/{pk}")
            refused(answer, 405, "Method Not Allowed")
            assert "GET" in answer["Allow"]

    def test_parameters_are_refused(self, api):
        pk = post(api, files.picture()).json()["id"]
        for answer in (
            api.get(f"{MEDIA}/{pk}?fields=id"),
            api.delete(f"{MEDIA}/{pk}?force=1"),
            api.post(f"{MEDIA}?folderId=1", {}, format="multipart"),
        ):
            assert "Unknown parameter" in refused(answer, 400, "Bad Request")
        assert MediaFile.objects.count() == 1


class TestAccess:
    def test_without_a_token(self, db):
        answer = APIClient().get(MEDIA)
        message = refused(answer, 401, "Unauthorized")
        assert message == "Give an API token: 'Authorization: Bearer apitk_…'."
        assert answer["WWW-Authenticate"] == "Bearer"

    def test_wrong_token(self, db):
        answer = APIClient().get(MEDIA, headers={"X-Api-Key": "apitk_wrong"})
        assert refused(answer, 401, "Unauthorized") == "Invalid API token"

    def test_abilities_and_plan(self, workspace):
        reader = client_of(workspace, ["media.read"])
        answer = post(reader, files.picture())
        assert refused(answer, 403, "Forbidden").endswith(": media.write")
        assert_nothing_left()
        workspace.plan = "free"
        workspace.save()
        assert "plan" in refused(reader.get(MEDIA), 403, "Forbidden")

    def test_rate_limit(self, workspace):
        _, plain = ApiToken.issue(workspace, rate_limit="1/hour")
        client = APIClient(headers={"X-Api-Key": plain})
        assert client.get(MEDIA).status_code == 200
        answer = client.get(MEDIA)
        content = answer.json()
        assert answer.status_code == 429
        assert content.keys() == {"status", "error", "message", "retryAfter"}
        assert (content["status"], content["error"]) == (429, "Too Many Requests")
        assert content["retryAfter"] == int(answer["Retry-After"]) > 0

    def test_fault_of_ours(self, api):
        with patch("media_library.views.company_media.as_object", side_effect=ZeroDivisionError):
            post(api, files.picture())
            answer = api.get(MEDIA)
        message = refused(answer, 500, "Internal Server Error")
        assert message.endswith(f"request {answer['X-Request-Id']}.")

    def test_host_that_is_not_ours(self, api):
        refused(api.get(MEDIA, headers={"Host": "evil.example"}), 400, "Bad Request")


def test_schema_documents_the_dialect(api):
    document = api.get("/api/schema/?format=json").json()
    listing, one = document["paths"][MEDIA], document["paths"][f"{MEDIA}/{{id}}"]
    assert (set(listing), set(one)) == ({"get", "post"}, {"get", "delete"})
    assert set(listing["post"]["requestBody"]["content"]) == {"multipart/form-data"}
    assert {each["name"] for each in listing["get"]["parameters"]} == {
        "page", "limit", "sortBy", "sortOrder", "folderId",
    }  # fmt: skip
    shape = {"$ref": "#/components/schemas/CompanyMediaError"}
    for operations in (listing, one):
        for operation in operations.values():
            errors = {code: each for code, each in operation["responses"].items() if code >= "400"}
            assert {"401", "403", "405", "429"} <= errors.keys()
            assert "415" not in errors
            schemas = [each["content"]["application/json"]["schema"] for each in errors.values()]
            assert schemas == [shape] * len(errors)
    assert "x-error-shape" not in str(document)
    assert list(document["components"]["schemas"]["CompanyMedia"]["properties"]) == KEYS
