"""Files that a scenario brings along by their address, fetched while the request waits."""

from collections.abc import Iterator
from typing import Any

import pytest
from pytest_httpserver import HTTPServer

from automations.models import Action, Definition, Scenario, Trigger
from media_library.models import Blob, Fetch, MediaFile
from media_library.tasks import run_fetch
from tests.automations.support import message
from tests.media_library.files import picture


@pytest.fixture(autouse=True)
def worker(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A worker that is done before the request has begun to wait."""
    fetched: list[int] = []

    def run(args: tuple[int], **options: Any) -> None:
        fetched.extend(args)
        run_fetch(*args)

    monkeypatch.setattr(run_fetch, "apply_async", run)
    return fetched


@pytest.fixture
def web(settings: Any) -> Iterator[HTTPServer]:
    with HTTPServer(host="127.0.0.1") as server:
        settings.OUTGOING_ALLOW_HOSTS = [f"{server.host}:{server.port}"]
        server.expect_request("/ok.jpg").respond_with_data(picture(), content_type="image/jpeg")
        server.expect_request("/gone.jpg").respond_with_data("", status=404)
        server.expect_request("/page").respond_with_data("<html>", content_type="text/html")
        server.expect_request("/note.txt").respond_with_data("note", content_type="text/plain")
        yield server


def image(key: str, url: str, parent: str | None = None) -> dict:
    return {
        "action_key": key,
        "action_type": "image",
        "parent_key": parent,
        "media_file": {"file_url": url},
    }


def assert_nothing_kept() -> None:
    models = (Scenario, Definition, Action, Trigger, MediaFile, Blob, Fetch)
    assert {model.__name__: model._default_manager.count() for model in models} == {
        model.__name__: 0 for model in models
    }


def refused(api: Any, *actions: dict, code: str = "validation_failed", **body: Any) -> Any:
    answer = api.post("/api/v1/scenarios", {"actions": list(actions), **body})
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (400, code)
    assert_nothing_kept()
    return error["details"]


def test_image_by_address(api, web):
    url = web.url_for("/ok.jpg")
    trigger = {"trigger_type": "message"}
    body = {"active": True, "triggers": [trigger], "actions": [image("a", url)]}
    made = api.post("/api/v1/scenarios", body).json()
    assert (made["active"], made["warnings"]) == (True, [])
    file = made["actions"][0]["media_file"]
    assert (file["status"], file["media_type"], file["source_url"]) == ("ready", "image", url)
    assert Action.objects.get().media_file_id == file["id"]


def test_one_failure_refuses_the_whole(api, web):
    good, gone = web.url_for("/ok.jpg"), web.url_for("/gone.jpg")
    details = refused(api, image("a", good), image("b", gone, "a"), image("c", good, "b"))
    assert set(details) == {"actions.1.media_file.file_url"}


def test_page_is_no_picture(api, web):
    details = refused(api, image("a", web.url_for("/page")), code="unsupported_media")
    assert set(details) == {"actions.0.media_file.file_url"}


def test_file_of_another_kind_is_refused_when_it_is_here(api, web):
    details = refused(api, image("a", web.url_for("/note.txt")))
    assert details == {
        "actions.0.media_file": ["Is of the type document; this action takes image."]
    }


def test_nothing_is_fetched_for_a_request_with_other_faults(api, web, worker):
    details = refused(
        api,
        image("a", web.url_for("/ok.jpg")),
        image("b", "http://10.0.0.1/x.jpg", "q9"),
        message("c", "a", media_file={"file_url": web.url_for("/ok.jpg")}),
        image("d", "ftp://example.org/x", "c"),
        {**image("e", "", "d"), "media_file": {"id": 1, "file_url": "x"}},
        title="",
    )
    assert set(details) == {
        "title",
        "actions.1.parent_key",
        "actions.1.media_file.file_url",
        "actions.2.media_file",
        "actions.3.media_file.file_url",
        "actions.4.media_file",
    }
    assert worker == []


def test_slow_file_is_pending(api, web, settings, monkeypatch):
    settings.MEDIA_DOWNLOAD_WAIT = 0
    monkeypatch.setattr(run_fetch, "apply_async", lambda args, **options: None)
    trigger = {"trigger_type": "message"}
    body = {
        "active": True,
        "triggers": [trigger],
        "actions": [image("a", web.url_for("/ok.jpg"))],
    }
    answer = api.post("/api/v1/scenarios", body)
    made = answer.json()
    assert (answer.status_code, made["active"]) == (201, False)
    assert made["actions"][0]["media_file"]["status"] == "pending"
    assert [(each["code"], each["path"]) for each in made["warnings"]] == [
        ("media_pending", "actions.0.media_file")
    ]
    run_fetch(Fetch.objects.get().pk)
    later = api.get(f"/api/v1/scenarios/{made['id']}").json()
    assert later["actions"][0]["media_file"]["status"] == "ready"
    assert later["warnings"] == []


def test_change_fetches_what_is_new_alone(api, web, worker):
    url = web.url_for("/ok.jpg")
    made = api.post("/api/v1/scenarios", {"actions": [image("a", url)]}).json()
    assert len(worker) == 1
    path, [kept] = f"/api/v1/scenarios/{made['id']}", made["actions"]
    assert api.patch(path, made).json() == made
    assert (len(worker), MediaFile.objects.count()) == (1, 1)
    after = api.patch(path, {"actions": [kept, image("b", url, "a")]}).json()
    assert after["actions"][0] == kept
    new = after["actions"][1]["media_file"]
    assert (len(worker), new["status"], new["id"] == kept["media_file"]["id"]) == (
        2,
        "ready",
        False,
    )


def test_change_with_a_file_that_fails_changes_nothing(api, web):
    made = api.post("/api/v1/scenarios", {"actions": [image("a", web.url_for("/ok.jpg"))]}).json()
    path, [pk] = f"/api/v1/scenarios/{made['id']}", [each["id"] for each in made["actions"]]
    for name, place in (("/gone.jpg", "media_file.file_url"), ("/note.txt", "media_file")):
        action = {"id": pk, "media_file": {"file_url": web.url_for(name)}}
        answer = api.patch(path, {"title": "New", "actions": [action]})
        assert answer.status_code == 400
        assert set(answer.json()["error"]["details"]) == {f"actions.0.{place}"}
        assert api.get(path).json() == made
        assert (MediaFile.objects.count(), Blob.objects.count(), Fetch.objects.count()) == (1, 1, 0)


def test_change_with_a_slow_file_switches_off(api, web, settings, monkeypatch):
    body = {
        "active": True,
        "triggers": [{"trigger_type": "message"}],
        "actions": [message("a")],
    }
    made = api.post("/api/v1/scenarios", body).json()
    settings.MEDIA_DOWNLOAD_WAIT = 0
    monkeypatch.setattr(run_fetch, "apply_async", lambda args, **options: None)
    actions = [*made["actions"], image("b", web.url_for("/ok.jpg"), "a")]
    after = api.patch(f"/api/v1/scenarios/{made['id']}", {"actions": actions}).json()
    assert after["active"] is False
    assert [(each["code"], each["path"]) for each in after["warnings"]] == [
        ("media_pending", "actions.1.media_file")
    ]
