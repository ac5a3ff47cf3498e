"""`POST /api/v1/media_files` with `file_url`: the request, the worker, and what both leave."""

import threading
import time
from contextlib import suppress
from functools import partial
from types import SimpleNamespace

import pytest
from werkzeug import Response

from inro.api import waiting
from media_library import downloads
from media_library.models import Blob, Fetch, MediaFile
from tests.conftest import client_of
from tests.media_library import files
from tests.media_library.conftest import (
    assert_nothing_left,
    refusal,
    stored,
    temporary,
    upload,
    upload_url,
)
from tests.waiting import Run, at_once, eventually, results


def test_ready_at_once(api, workers, serve):
    url = serve(files.picture("PNG"), "/a/welcome.png", "image/png")
    answer = upload_url(api, url, caption="Hi", description="For all")
    assert answer.status_code == 201, answer.content
    shown = answer.json()
    assert (shown["status"], shown["media_type"]) == ("ready", "image")
    assert (shown["name"], shown["caption"]) == ("welcome.png", "Hi")
    assert (shown["description"], shown["source_url"]) == ("For all", url)
    assert api.get(answer["Location"]).json() == shown
    assert Fetch.objects.count() == 0
    assert ([path.read_bytes() for path in stored()], temporary()) == (
        [files.picture("PNG")],
        [],
    )


@pytest.mark.parametrize("form", ["json", "multipart"])
def test_forms_are_taken_too(api, workers, serve, form):
    answer = api.post("/api/v1/media_files", {"file_url": serve(), "name": "Shop"}, format=form)
    assert (answer.status_code, answer.json()["name"]) == (201, "Shop")


def test_plain_form(api, workers, serve):
    answer = api.post(
        "/api/v1/media_files",
        f"file_url={serve()}&caption=Hi",
        content_type="application/x-www-form-urlencoded",
    )
    assert (answer.status_code, answer.json()["caption"]) == (201, "Hi")


@pytest.mark.parametrize(
    ("body", "header", "media_type", "mime_type"),
    [
        (files.picture("PNG"), "image/png", "image", "image/png"),
        (files.picture("PNG"), "image/jpeg", "image", "image/png"),
        (files.picture("PNG"), "", "image", "image/png"),
        (files.picture("PNG"), "application/octet-stream", "image", "image/png"),
        (files.picture("PNG"), "binary/octet-stream", "image", "image/png"),
        (files.picture("PNG"), "nonsense", "image", "image/png"),
        (files.picture("PNG"), "audio/mpeg", "image", "image/png"),
        (files.picture("PNG"), "text/html", "image", "image/png"),
        (files.mp4(), "video/mp4", "video", "video/mp4"),
        (files.mp4(), "audio/mp4", "audio", "audio/mp4"),
        (files.mp4(), "audio/x-m4a; charset=binary", "audio", "audio/mp4"),
        (files.mp4(), "AUDIO/MP4", "audio", "audio/mp4"),
        (files.mp4(), "application/octet-stream", "video", "video/mp4"),
        (files.mp4(), "application/mp4", "video", "video/mp4"),
        (files.mp4(), "image/png", "video", "video/mp4"),
        (files.mp4(b"soun"), "", "audio", "audio/mp4"),
        (files.mp4(b"soun"), "video/mp4", "video", "video/mp4"),
        (files.ogg(), "video/ogg", "video", "video/ogg"),
        (files.ogg(), "application/ogg", "audio", "audio/ogg"),
        (files.webm(b"V_VP9"), "audio/webm", "audio", "audio/webm"),
        (files.iso_media(b"3gp5", b"vide"), "audio/3gpp", "audio", "audio/3gpp"),
        (files.wav(), "video/mp4", "audio", "audio/wav"),
        (files.wav(), "audio/x-wav", "audio", "audio/wav"),
        (files.iso_media(b"qt  ", b"vide"), "audio/mp4", "video", "video/quicktime"),
        (files.TEXT, "text/csv", "document", "text/csv"),
        (files.CSV, "text/plain", "document", "text/plain"),
        (files.CSV, "text/html", "document", "text/csv"),
        (files.pdf(), "application/x-pdf", "document", "application/pdf"),
        (files.docx(), "application/zip", "document", f"{files.OOXML}wordprocessingml.document"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_type_by_header_among_what_the_bytes_allow(
    api, workers, serve, body, header, media_type, mime_type
):
    answer = upload_url(api, serve(body, content_type=header))
    assert answer.status_code == 201, answer.content
    shown = answer.json()
    assert (shown["media_type"], shown["mime_type"]) == (media_type, mime_type)


REFUSALS = {
    "svg": ({"body": files.SVG, "content_type": "image/svg+xml"}, (400, "unsupported_media")),
    "svg as png": ({"body": files.SVG, "content_type": "image/png"}, (400, "unsupported_media")),
    "html as jpeg": ({"body": files.HTML}, (400, "unsupported_media")),
    "cut": ({"body": files.noise("JPEG")[:900]}, (400, "unsupported_media")),
    "bomb": ({"body": files.png_bomb()}, (400, "unsupported_media")),
    "empty": ({"body": b""}, (400, "validation_failed")),
    "404": ({"status": 404}, (400, "validation_failed")),
    "403": ({"status": 403}, (400, "validation_failed")),
    "500": ({"status": 500}, (502, "download_failed")),
    "429": ({"status": 429}, (502, "download_failed")),
    "circle": ({"Location": "/welcome.jpg", "status": 302}, (400, "validation_failed")),
    "inwards": ({"Location": "http://10.0.0.1/", "status": 302}, (400, "validation_failed")),
    "file": ({"Location": "file:///etc/passwd", "status": 302}, (400, "validation_failed")),
}


@pytest.mark.parametrize(("given", "expected"), REFUSALS.values(), ids=REFUSALS)
def test_refusals_leave_nothing(api, workers, serve, given, expected):
    answer = upload_url(api, serve(**{"body": None, **given}))
    assert refusal(answer) == (*expected, ["file_url"])
    workers.finish()
    assert_nothing_left()


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.com/a.jpg",
        "file:///etc/passwd",
        "welcome.jpg",
        "http://127.0.0.1/a.jpg",
        "http://localhost:1/a.jpg",
        "http://[::1]/a.jpg",
        "http://169.254.169.254/latest/meta-data",
        "http://10.0.0.1/a.jpg",
        "http://2130706433/a.jpg",
        "http://example.com:22/a.jpg",
        "http://user:password@example.com/a.jpg",
        "https://example.com/" + "a" * 2048,
        "https://exa mple.com/a.jpg",
    ],
)
def test_addresses_refused_by_their_text_never_become_a_task(api, workers, url):
    workers.rest()
    answer = upload_url(api, url)
    assert refusal(answer) == (400, "validation_failed", ["file_url"])
    assert (Fetch.objects.count(), workers._runs) == (0, [])
    assert_nothing_left()


def test_endless_body(api, workers, web, settings):
    settings.MEDIA_MAX_BYTES = 100_000
    sent: list[int] = []

    def chunks():
        while len(sent) < 1000:
            sent.append(1)
            yield bytes(10_000)

    web.expect_request("/endless").respond_with_handler(lambda request: Response(chunks()))
    answer = upload_url(api, web.url_for("/endless"))
    assert refusal(answer) == (413, "too_large", ["file_url"])
    workers.finish()
    assert len(sent) < 500
    assert_nothing_left()


def test_announced_length_is_too_much(api, workers, serve, settings):
    settings.MEDIA_MAX_BYTES = 100
    assert refusal(upload_url(api, serve()))[:2] == (413, "too_large")
    assert_nothing_left()


def test_drip_fails_and_nothing_is_kept(api, workers, web, settings):
    settings.MEDIA_DOWNLOAD_TIMEOUT = 0.7
    settings.MEDIA_DOWNLOAD_WAIT = 8

    def drip():
        for _ in range(40):
            time.sleep(0.1)
            yield b"\xff"

    web.expect_request("/drip").respond_with_handler(lambda request: Response(drip()))
    answer = upload_url(api, web.url_for("/drip"))
    assert refusal(answer) == (502, "download_failed", ["file_url"])
    workers.finish()
    assert_nothing_left()


def test_transient_faults_are_tried_three_times(api, workers, web):
    answers = [Response("", 503), Response("", 500), Response(files.picture(), 200)]
    web.expect_request("/flaky").respond_with_handler(lambda request: answers.pop(0))
    assert upload_url(api, web.url_for("/flaky")).status_code == 201
    assert len(web.log) == 3


@pytest.mark.parametrize(("status", "tries"), [(503, 3), (429, 3), (404, 1), (410, 1)])
def test_how_often_a_refusal_is_asked_for(api, workers, serve, web, status, tries):
    upload_url(api, serve(status=status))
    assert len(web.log) == tries


def test_slow_download_is_pending_and_then_ready(api, workers, serve, settings):
    settings.MEDIA_DOWNLOAD_WAIT = 0.3
    answered = threading.Event()
    answer = upload_url(api, serve(hold=answered), caption="Hi")
    assert answer.status_code == 202
    shown = answer.json()
    assert (shown["status"], shown["caption"], shown["error"]) == ("pending", "Hi", None)
    for name in ("media_type", "mime_type", "size", "sha256", "url", "width"):
        assert shown[name] is None
    assert api.get(answer["Location"]).json() == shown
    answered.set()
    workers.finish()
    ready = api.get(answer["Location"]).json()
    assert (ready["id"], ready["status"], ready["name"]) == (shown["id"], "ready", "welcome.jpg")
    assert ready["updated_at"] > shown["updated_at"]
    assert (Fetch.objects.count(), len(stored())) == (0, 1)
    assert api.get("/api/v1/media_files?search=welcome").json()["meta"]["total"] == 1


def test_a_name_that_was_given_outlives_the_wait(api, workers, serve, settings):
    settings.MEDIA_DOWNLOAD_WAIT = 0
    location = upload_url(api, serve(), name="Our shop")["Location"]
    workers.finish()
    shown = api.get(location).json()
    assert (shown["status"], shown["name"]) == ("ready", "Our shop")


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"status": 404}, "validation_failed"),
        ({"body": files.HTML}, "unsupported_media"),
        ({"status": 503}, "download_failed"),
    ],
    ids=["404", "html", "503"],
)
def test_slow_download_is_pending_and_then_failed(api, workers, serve, settings, given, code):
    settings.MEDIA_DOWNLOAD_WAIT = 0
    workers.rest()
    answer = upload_url(api, serve(**given))
    assert answer.status_code == 202
    workers.finish()
    shown = api.get(answer["Location"]).json()
    assert (shown["status"], shown["error"]["code"], shown["url"]) == ("failed", code, None)
    assert shown["error"]["message"]
    assert (Fetch.objects.count(), Blob.objects.count(), stored()) == (0, 0, [])


def test_pending_at_once_when_too_many_wait(api, workers, serve, settings, monkeypatch):
    settings.WEB_THREADS = 8
    settings.MEDIA_DOWNLOAD_WAIT = 30
    workers.rest()
    clock = SimpleNamespace(monotonic=time.monotonic, sleep=lambda _: pytest.fail("It waits."))
    with monkeypatch.context() as patch, waiting.slot(), waiting.slot():
        patch.setattr(downloads, "time", clock)
        answer = upload_url(api, serve())
    assert answer.status_code == 202
    workers.finish()
    assert api.get(answer["Location"]).json()["status"] == "ready"


def test_slots_are_given_back(settings):
    for _ in range(settings.WEB_THREADS):
        with suppress(ZeroDivisionError), waiting.slot() as free:
            assert free
            raise ZeroDivisionError


def test_only_a_quarter_of_the_threads_wait(workspace, workers, serve, settings):
    settings.WEB_THREADS = 8
    settings.MEDIA_DOWNLOAD_WAIT = 60
    workers.rest()
    url = serve()

    codes: list[int] = []

    def ask() -> None:
        codes.append(upload_url(client_of(workspace), url).status_code)

    asking = [Run(ask) for _ in range(6)]
    # Nothing arrives, so whoever answers does not wait.
    eventually(lambda: len(codes) == 4, "four that do not wait")
    assert codes == [202] * 4
    workers.finish()
    results(asking)
    assert codes[4:] == [201] * 2
    workers.finish()
    assert list(MediaFile.objects.values_list("status", flat=True)) == ["ready"] * 6


def test_two_requests_for_the_same_bytes_at_once(workspace, workers, serve):
    url = serve()
    answers = at_once(*(partial(upload_url, client_of(workspace), url) for _ in range(4)))
    assert [each.status_code for each in answers] == [201] * 4
    assert (MediaFile.objects.count(), Blob.objects.count(), len(stored())) == (4, 1, 1)


# --- Our own addresses -----------------------------------------------------------------------


@pytest.mark.parametrize("own_workspace", [True, False])
def test_an_address_of_ours_is_read_from_the_storage(
    api, workers, workspace, stranger, own_workspace
):
    owner = api if own_workspace else client_of(stranger)
    source = upload(owner, files.mp4(), "song.mp4", media_type="audio").json()
    answer = upload_url(api, source["url"], caption="Copy")
    assert answer.status_code == 201, answer.content
    copy = answer.json()
    assert copy["id"] != source["id"]
    assert (copy["media_type"], copy["sha256"]) == ("audio", source["sha256"])
    assert (copy["name"], copy["caption"]) == ("song.mp4", "Copy")
    assert len(stored()) == Blob.objects.count() == (1 if own_workspace else 2)
    assert (Fetch.objects.count(), workers._runs, temporary()) == (0, [], [])


def test_an_altered_address_of_ours_is_no_address_of_ours(api, workers):
    url = upload(api, files.picture()).json()["url"]
    answer = upload_url(api, url.replace("/media/", "/media/9"))
    assert refusal(answer) == (400, "validation_failed", ["file_url"])


@pytest.mark.parametrize("tail", ["/a?" + "x" * 5000, "/a\u202eb.jpg", "[x"])
def test_an_address_of_ours_is_an_address_all_the_same(api, workers, tail):
    url = upload(api, files.picture()).json()["url"]
    answer = upload_url(api, url.rpartition("/")[0] + tail)
    assert refusal(answer) == (400, "validation_failed", ["file_url"])
    assert MediaFile.objects.count() == 1


def test_an_address_under_ours_that_is_none(api, workers, settings):
    answer = upload_url(api, f"{settings.PUBLIC_URL}/media///[x")
    assert refusal(answer) == (400, "validation_failed", ["file_url"])


def test_a_given_name_is_kept_at_every_door(api, workers, serve):
    name = "Price list 24/25. "
    by_url = api.post("/api/v1/media_files", {"file_url": serve(files.picture()), "name": name})
    by_file = upload(api, files.picture(), name=name)
    again = upload_url(api, by_file.json()["url"])
    for answer in (by_url, by_file, again):
        assert answer.json()["name"] == "Price list 24/25.", answer.content


def test_an_address_of_ours_whose_bytes_are_gone(api, workers):
    url = upload(api, files.picture()).json()["url"]
    stored()[0].unlink()
    answer = upload_url(api, url)
    assert refusal(answer) == (400, "validation_failed", ["file_url"])
    assert MediaFile.objects.count() == 1


def test_no_query_string_in_the_log(api, workers, serve, caplog):
    upload_url(api, serve() + "?token=s3cret")
    upload_url(api, serve(path="/gone", status=404) + "?token=s3cret")
    workers.finish()
    ours = [each.getMessage() for each in caplog.records if each.name != "werkzeug"]
    assert len(ours) >= 2
    assert "s3cret" not in str(ours)
