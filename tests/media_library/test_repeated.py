"""The same request sent ten times at once under one `Idempotency-Key`."""

from collections import Counter
from functools import partial

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from automations.models import Scenario
from inro.accounts.models import ApiToken
from inro.api.models import IdempotencyKey
from media_library.models import Blob, Fetch, MediaFile
from messaging.models import Contact
from tests.media_library import files
from tests.media_library.conftest import stored, temporary
from tests.waiting import at_once

TIMES = 10
MEDIA, SCENARIOS = "/api/v1/media_files", "/api/v1/scenarios"


@pytest.fixture
def plain(transactional_db, workspace):
    return ApiToken.issue(workspace)[1]


def post(plain, path, body, format="json"):
    headers = {"Authorization": f"Bearer {plain}", "Idempotency-Key": "once"}
    return APIClient(headers=headers).post(path, body, format=format)


def many(work):
    return at_once(*(partial(work, number) for number in range(TIMES)))


def assert_one_answer(answers, plain, path, body):
    assert_answered_once(answers, post(plain, path, body))


def assert_answered_once(answers, again):
    """One of them did it; the others were told so, or got its answer; `again` comes after all."""
    codes = Counter(each.status_code for each in answers)
    assert set(codes) <= {201, 409}, codes
    done = [each for each in answers if each.status_code == 201]
    assert sum("Idempotent-Replay" not in each.headers for each in done) == 1
    assert all(each.headers["Retry-After"] for each in answers if each.status_code == 409)
    assert again.headers["Idempotent-Replay"] == "true"
    assert {each.content for each in done} == {again.content}
    assert {each["Location"] for each in done} == {again["Location"]}
    assert IdempotencyKey.objects.count() == 1


def test_one_download(plain, workers, web):
    web.expect_request("/a.jpg").respond_with_data(files.picture(), content_type="image/jpeg")
    body = {"file_url": web.url_for("/a.jpg"), "caption": "Hi"}
    answers = many(lambda n: post(plain, MEDIA, body, ("json", "multipart")[n % 2]))
    workers.finish()
    assert_one_answer(answers, plain, MEDIA, body)
    assert MediaFile.objects.count() == 1
    assert len(web.log) == 1
    assert (Fetch.objects.count(), Blob.objects.count()) == (0, 1)


def test_one_upload(plain):
    def upload(number):
        file = SimpleUploadedFile("a.jpg", files.picture(), "image/jpeg")
        return post(plain, MEDIA, {"file": file}, "multipart")

    answers = many(upload)
    assert_answered_once(answers, upload(0))
    assert (MediaFile.objects.count(), Blob.objects.count()) == (1, 1)
    assert (len(stored()), temporary()) == (1, [])


def test_one_contact(plain):
    body = {"username": "jane", "phone": "+393331234567"}
    answers = many(lambda _: post(plain, "/api/v1/contacts", body))
    assert_one_answer(answers, plain, "/api/v1/contacts", body)
    assert Contact.objects.count() == 1


def test_one_download_that_is_refused(plain, workers, web):
    """A refusal is an answer too: it is not fetched again to be refused again."""
    web.expect_request("/a.jpg").respond_with_data("gone", status=404)
    body = {"file_url": web.url_for("/a.jpg")}
    answers = many(lambda n: post(plain, MEDIA, body, ("json", "multipart")[n % 2]))
    workers.finish()
    assert {each.status_code for each in answers} <= {400, 409}
    again = post(plain, MEDIA, body)
    assert (again.status_code, again.headers["Idempotent-Replay"]) == (400, "true")
    assert {each.content for each in answers if each.status_code == 400} == {again.content}
    assert len(web.log) == 1
    rows = (MediaFile, Blob, Fetch, IdempotencyKey)
    assert [model.objects.count() for model in rows] == [0, 0, 0, 1]


def test_one_download_that_takes_too_long(plain, workers, web, settings):
    """Those that gave up waiting share one pending file, which then arrives once."""
    settings.MEDIA_DOWNLOAD_WAIT = 0
    workers.rest()
    web.expect_request("/a.jpg").respond_with_data(files.picture(), content_type="image/jpeg")
    body = {"file_url": web.url_for("/a.jpg")}
    answers = many(lambda n: post(plain, MEDIA, body, ("json", "multipart")[n % 2]))
    assert {each.status_code for each in answers} <= {202, 409}
    again = post(plain, MEDIA, body)
    assert {each.content for each in answers if each.status_code == 202} == {again.content}
    workers.finish()
    assert (MediaFile.objects.get().status, len(web.log)) == ("ready", 1)
    assert post(plain, MEDIA, body).json()["status"] == "pending"  # as it was first answered


def test_one_scenario_with_one_download(plain, workers, web):
    web.expect_request("/a.jpg").respond_with_data(files.picture(), content_type="image/jpeg")
    image = {
        "action_key": "m",
        "action_type": "image",
        "media_file": {"file_url": web.url_for("/a.jpg")},
    }
    body = {"triggers": [{"trigger_type": "contact_create"}], "actions": [image]}
    answers = many(lambda _: post(plain, SCENARIOS, body))
    workers.finish()
    assert_one_answer(answers, plain, SCENARIOS, body)
    assert (Scenario.objects.count(), MediaFile.objects.count()) == (1, 1)
    assert len(web.log) == 1


def test_json_and_form_are_the_same_request(plain, workers, web):
    web.expect_request("/a.jpg").respond_with_data(files.picture(), content_type="image/jpeg")
    body = {"file_url": web.url_for("/a.jpg"), "caption": "[Hi] 5"}
    first = post(plain, MEDIA, body)
    assert first.status_code == 201, first.content
    for format in ("multipart", "json"):
        again = post(plain, MEDIA, body, format)
        assert (again.headers["Idempotent-Replay"], again.content) == ("true", first.content)
    assert len(web.log) == 1
