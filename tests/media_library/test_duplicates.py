"""`on_duplicate` of `POST /api/v1/media_files`."""

import threading

import pytest

from media_library.models import Blob, Fetch, MediaFile
from tests.conftest import client_of
from tests.media_library import files
from tests.media_library.conftest import details, refusal, stored, temporary, upload, upload_url

FILES = "/api/v1/media_files"


@pytest.fixture
def first(api, transactional_db):
    upload(api, files.picture(), "older.jpg")
    return upload(api, files.picture(), "newest.jpg", caption="Hi").json()


def kept():
    return (MediaFile.objects.count(), Blob.objects.count(), len(stored()), temporary())


@pytest.mark.parametrize("wish", [{}, {"on_duplicate": "reuse"}])
def test_reuse_makes_another_file_of_the_same_bytes(api, first, wish):
    answer = upload(api, files.picture(), **wish)
    assert answer.status_code == 201
    assert answer.json()["id"] != first["id"]
    assert answer.json()["sha256"] == first["sha256"]
    assert kept() == (3, 1, 1, [])


class TestReturn:
    def test_of_an_upload(self, api, first):
        answer = upload(api, files.picture(), "x.jpg", caption="Other", on_duplicate="return")
        assert (answer.status_code, answer.json()) == (200, first)
        assert answer["Location"] == f"{FILES}/{first['id']}"
        assert kept() == (2, 1, 1, [])

    def test_of_a_url(self, api, first, workers, serve):
        answer = upload_url(api, serve(), on_duplicate="return")
        assert (answer.status_code, answer.json()) == (200, first)
        workers.finish()
        assert (kept(), Fetch.objects.count()) == ((2, 1, 1, []), 0)

    def test_of_an_address_of_ours(self, api, first):
        answer = upload_url(api, first["url"], on_duplicate="return")
        assert (answer.status_code, answer.json()) == (200, first)
        assert kept() == (2, 1, 1, [])

    def test_new_bytes_are_stored(self, api, first):
        answer = upload(api, files.mp3(), on_duplicate="return")
        assert answer.status_code == 201
        assert kept() == (3, 2, 2, [])

    def test_a_deleted_one_is_none(self, api, first):
        api.delete(f"{FILES}/{first['id']}")
        answer = upload(api, files.picture(), on_duplicate="return")
        assert (answer.status_code, answer.json()["name"]) == (200, "older.jpg")

    def test_another_workspaces_is_none(self, api, stranger, first):
        answer = upload(client_of(stranger), files.picture(), on_duplicate="return")
        assert answer.status_code == 201

    def test_sent_again_it_is_answered_the_same(self, api, first):
        key = {"Idempotency-Key": "k"}
        body = {"file_url": first["url"], "on_duplicate": "return"}
        answers = [api.post(FILES, body, headers=key) for _ in range(2)]
        assert [each.status_code for each in answers] == [200, 200]
        assert answers[0].content == answers[1].content

    def test_once_its_id_was_given_out_it_stays(self, api, first, workers, serve, settings):
        settings.MEDIA_DOWNLOAD_WAIT = 0
        go_on = threading.Event()
        answer = upload_url(api, serve(hold=go_on), on_duplicate="return")
        assert answer.status_code == 202
        go_on.set()
        workers.finish()
        shown = api.get(f"{FILES}/{answer.json()['id']}").json()
        assert (shown["status"], shown["sha256"]) == ("ready", first["sha256"])
        assert kept() == (3, 1, 1, [])


class TestError:
    def test_of_an_upload(self, api, first):
        answer = upload(api, files.picture(), on_duplicate="error")
        assert refusal(answer) == (409, "duplicate_media", ["file"])
        message = f"The library has this file already: media file {first['id']}."
        assert details(answer) == {"file": [message]}
        assert kept() == (2, 1, 1, [])

    def test_of_urls(self, api, first, workers, serve):
        for url in (serve(), first["url"]):
            answer = upload_url(api, url, on_duplicate="error")
            assert refusal(answer) == (409, "duplicate_media", ["file_url"])
        workers.finish()
        assert (kept(), Fetch.objects.count()) == ((2, 1, 1, []), 0)

    def test_found_out_late_it_fails(self, api, first, workers, serve, settings):
        settings.MEDIA_DOWNLOAD_WAIT = 0
        go_on = threading.Event()
        answer = upload_url(api, serve(hold=go_on), on_duplicate="error")
        assert answer.status_code == 202
        go_on.set()
        workers.finish()
        shown = api.get(f"{FILES}/{answer.json()['id']}").json()
        message = f"The library has this file already: media file {first['id']}."
        assert (shown["status"], shown["error"]) == (
            "failed",
            {"code": "duplicate_media", "message": message},
        )
        assert (kept(), Fetch.objects.count()) == ((3, 1, 1, []), 0)


def test_a_wish_there_is_not(api, first, workers, serve, web):
    assert refusal(upload(api, files.picture(), on_duplicate="merge")) == (
        400,
        "validation_failed",
        ["on_duplicate"],
    )
    assert refusal(upload_url(api, serve(), on_duplicate=1))[2] == ["on_duplicate"]
    assert (kept()[0], web.log) == (2, [])
