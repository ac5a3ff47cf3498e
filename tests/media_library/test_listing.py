"""`GET /api/v1/media_files` and one of them."""

from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from media_library.models import MediaFile
from tests.conftest import client_of
from tests.media_library import files
from tests.media_library.conftest import details, upload


@pytest.fixture
def library(api):
    upload(api, files.picture(), "Welcome.jpg", caption="Our Café in Köln")
    upload(api, files.mp3(), "song.mp3", caption="Listen")
    upload(api, files.mp4(), "tour.mp4")
    upload(api, files.pdf(), "ÇAY menu.pdf", description="welcome")


def names(api, query: str = "") -> list[str]:
    answer = api.get(f"/api/v1/media_files{query}")
    assert answer.status_code == 200, answer.content
    return [each["name"] for each in answer.json()["media_files"]]


def test_newest_first_in_an_envelope(api, library):
    answer = api.get("/api/v1/media_files").json()
    assert [each["name"] for each in answer["media_files"]] == [
        "ÇAY menu.pdf",
        "tour.mp4",
        "song.mp3",
        "Welcome.jpg",
    ]
    assert answer["meta"] == {
        "page": 1,
        "per_page": 25,
        "total": 4,
        "total_pages": 1,
        "next_cursor": None,
    }
    assert api.get("/api/v1/media_files/").json() == answer


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?media_type=image", ["Welcome.jpg"]),
        ("?media_type=audio", ["song.mp3"]),
        ("?media_type=video", ["tour.mp4"]),
        ("?media_type=document", ["ÇAY menu.pdf"]),
        ("?search=WELCOME", ["Welcome.jpg"]),
        ("?search=cafe", ["Welcome.jpg"]),
        ("?search=KÖLN", ["Welcome.jpg"]),
        ("?search=çay", ["ÇAY menu.pdf"]),
        ("?search=listen&media_type=image", []),
        ("?search=%25", []),
        ("?search=_", []),
        ("?created_since=2020-01-01", ["ÇAY menu.pdf", "tour.mp4", "song.mp3", "Welcome.jpg"]),
        ("?created_since=2999-01-01T00:00:00Z", []),
        ("?created_until=2020-01-01T00:00:00%2B02:00", []),
        ("?order_column=name&order_direction=asc&per_page=2", ["Welcome.jpg", "song.mp3"]),
        ("?order_direction=asc&per_page=1&page=2", ["song.mp3"]),
    ],
)
def test_filters(api, library, query, found):
    assert names(api, query) == found


def test_created_at_can_be_used_as_a_bound(api, library):
    shown = api.get("/api/v1/media_files").json()["media_files"][1]
    at = shown["created_at"]
    assert names(api, f"?created_since={at}&created_until={at}") == [shown["name"]]


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("?kind=image", "kind"),
        ("?media_type=hologram", "media_type"),
        ("?folder_id=x", "folder_id"),
        ("?folder_id=1.5", "folder_id"),
        ("?folder_id=0", "folder_id"),
        ("?folder_id=7", "folder_id"),
        ("?created_since=yesterday", "created_since"),
        ("?created_until=2026-13-01", "created_until"),
        ("?order_column=size", "order_column"),
        ("?page=0", "page"),
        ("?cursor=x", "cursor"),
    ],
)
def test_unknown_filters_and_values_are_named(api, library, query, path):
    answer = api.get(f"/api/v1/media_files{query}")
    assert answer.status_code == 400
    assert list(details(answer)) == [path]


def test_cursor_walks_through_all(api, workspace):
    rows = [MediaFile(workspace=workspace, status="pending", name=str(n)) for n in range(7)]
    MediaFile.objects.bulk_create(rows)
    found, query = [], "?per_page=3"
    while query:
        answer = api.get(f"/api/v1/media_files{query}").json()
        found += [each["name"] for each in answer["media_files"]]
        cursor = answer["meta"]["next_cursor"]
        query = f"?per_page=3&cursor={cursor}" if cursor else ""
    assert found == ["6", "5", "4", "3", "2", "1", "0"]


def test_list_and_single_show_the_same(api, workspace, library):
    MediaFile.objects.create(
        workspace=workspace, status="failed", name="x\u2028y", error_code="too_large",
        error_message="It is “too large”.", source_url="https://mybrand.com/a.jpg",
    )  # fmt: skip
    MediaFile.objects.create(workspace=workspace, status="pending", media_type="", name="later")
    # Moments that a database writes without a fraction.
    MediaFile.objects.filter(name="later").update(
        created_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    )
    listed = api.get("/api/v1/media_files").json()["media_files"]
    assert len(listed) == 6
    for each in listed:
        assert api.get(f"/api/v1/media_files/{each['id']}").json() == each
    by_filter = api.get("/api/v1/media_files?created_since=2020-01-01").json()["media_files"]
    assert by_filter == listed
    assert [each["created_at"] for each in listed if each["name"] == "later"] == [
        "2026-01-02T03:04:05.000000Z"
    ]


def test_a_change_shows_at_once(api, workspace, library):
    first = api.get("/api/v1/media_files").json()["media_files"][0]
    MediaFile.objects.filter(pk=first["id"]).update(caption="new")
    again = api.get("/api/v1/media_files").json()["media_files"][0]
    assert again == {**first, "caption": "new"}


def test_addresses_follow_the_settings(api, library, settings):
    before = api.get("/api/v1/media_files").json()["media_files"][0]["url"]
    settings.PUBLIC_URL = "https://chat.example.com"
    settings.SECRET_KEY = "another one"
    after = api.get("/api/v1/media_files").json()["media_files"][0]["url"]
    assert after.startswith("https://chat.example.com/media/")
    assert after.split("/media/")[1] != before.split("/media/")[1]


def test_another_workspace_sees_none_of_it(api, stranger, library):
    theirs = client_of(stranger)
    assert names(theirs) == []
    assert names(theirs, "?created_since=2020-01-01") == []
    pk = MediaFile.objects.values_list("pk", flat=True)[0]
    foreign = theirs.get(f"/api/v1/media_files/{pk}")
    missing = theirs.get("/api/v1/media_files/987654")
    assert foreign.status_code == missing.status_code == 404
    assert foreign.content == missing.content
    MediaFile.objects.create(workspace=stranger, status="pending", name="theirs")
    for query in ("", "?page=2", "?created_since=2020-01-01"):
        assert theirs.get(f"/api/v1/media_files{query}").json()["meta"]["total"] == 1


@pytest.mark.parametrize("pk", ["x", "-1", "9" * 30, "1.0"])
def test_ids_that_are_none(api, pk):
    assert api.get(f"/api/v1/media_files/{pk}").status_code == 404


def test_parameters_of_one_file_are_refused(api, library):
    pk = MediaFile.objects.values_list("pk", flat=True)[0]
    assert api.get(f"/api/v1/media_files/{pk}?fields=id").status_code == 400


def test_query_count_does_not_grow(api):
    counts = []
    for more in (1, 29):
        for _ in range(more):
            upload(api, files.picture())
        with CaptureQueriesContext(connection) as queries:
            assert len(names(api, "?per_page=100")) in (1, 30)
        counts.append(len(queries))
    assert counts == [2, 2], "the token, and a page with the count of all"
