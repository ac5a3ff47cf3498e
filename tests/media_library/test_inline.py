"""Files named inside another body: the field, and `gathered`, as an upper app uses them."""

import threading
from contextlib import suppress
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from rest_framework import serializers

from inro.common.errors import Refused
from media_library.fields import MediaFileField
from media_library.gathering import gathered, reference_faults, resolve_references
from media_library.models import Blob, Fetch, MediaFile
from media_library.references import MediaReference
from tests.conftest import client_of
from tests.media_library import files
from tests.media_library.conftest import assert_nothing_left, stored, temporary, upload


class ActionSerializer(serializers.Serializer):
    media_file = MediaFileField()


def judged(value: Any) -> Any:
    serializer = ActionSerializer(data={"media_file": value})
    if serializer.is_valid():
        return serializer.validated_data["media_file"]
    return serializer.errors["media_file"]


def by_url(url: str) -> MediaReference:
    return MediaReference(file_url=url)


def refused(workspace, references) -> Refused:
    with pytest.raises(Refused) as caught:
        resolve_references(workspace, references)
    return caught.value


def test_the_two_forms(db):
    assert judged({"id": 7}) == MediaReference(id=7)
    url = "https://mybrand.com/welcome.jpg"
    assert judged({"file_url": f" {url} "}) == by_url(url)


def test_our_own_answer_can_be_sent_back(api):
    shown = upload(api, files.picture()).json()
    assert judged(shown) == MediaReference(id=shown["id"])


@pytest.mark.parametrize(
    ("value", "paths"),
    [
        ({}, {"non_field_errors"}),
        ({"id": 7, "file_url": "https://example.com/a.jpg"}, {"non_field_errors"}),
        ({"name": "a.jpg"}, {"non_field_errors"}),
        ({"id": "7"}, {"id"}),
        ({"id": True}, {"id"}),
        ({"id": None}, {"id"}),
        ({"id": 1.5}, {"id"}),
        ({"id": 0}, {"id"}),
        ({"id": -7}, {"id"}),
        ({"id": 2**63}, {"id"}),
        ({"file_url": ""}, {"file_url"}),
        ({"file_url": None}, {"file_url"}),
        ({"file_url": 7}, {"file_url"}),
        ({"file_url": "ftp://example.com/a.jpg"}, {"file_url"}),
        ({"file_url": "http://10.0.0.1/a.jpg"}, {"file_url"}),
        ({"id": 7, "fileUrl": "x"}, {"fileUrl"}),
        ({"id": "x", "typo": 1, "other": 2}, {"id", "typo", "other"}),
    ],
)
def test_faults_of_form_by_their_path(db, value, paths):
    assert set(judged(value)) == paths


@pytest.mark.parametrize("value", [7, "https://example.com/a.jpg", [], [{"id": 7}], None])
def test_what_is_no_object(db, value):
    assert isinstance(judged(value), list)


def test_the_field_shows_the_file_in_full(api):
    shown = upload(api, files.picture()).json()
    media_file = MediaFile.objects.get()
    assert ActionSerializer({"media_file": media_file}).data["media_file"] == shown
    assert ActionSerializer({"media_file": None}).data == {"media_file": None}


def test_by_id_and_by_url_in_one_request(workspace, workers, serve):
    known = upload(client_of(workspace), files.pdf()).json()["id"]
    found = resolve_references(
        workspace,
        {
            "actions.0.media_file": MediaReference(id=known),
            "actions.1.media_file": by_url(serve()),
            "actions.2.conversion_link.media_file": by_url(serve(files.mp3(), "/song.mp3")),
        },
    )
    assert list(found) == [
        "actions.0.media_file",
        "actions.1.media_file",
        "actions.2.conversion_link.media_file",
    ]
    assert [each.media_type for each in found.values()] == ["document", "image", "audio"]
    assert {each.status for each in found.values()} == {"ready"}
    assert (Fetch.objects.count(), temporary()) == (0, [])


def test_same_url_twice_makes_two_files_of_one_blob(workspace, workers, serve):
    url = serve()
    found = resolve_references(workspace, {"a": by_url(url), "b": by_url(url)})
    assert found["a"].pk != found["b"].pk
    assert found["a"].blob == found["b"].blob
    assert (MediaFile.objects.count(), Blob.objects.count(), len(stored())) == (2, 1, 1)


def test_own_address_twice(workspace, stranger, workers):
    url = upload(client_of(stranger), files.picture()).json()["url"]
    found = resolve_references(workspace, {"a": by_url(url), "b": by_url(url)})
    assert {each.workspace for each in found.values()} == {workspace}
    assert (Blob.objects.count(), len(stored())) == (2, 2)


def test_ids_that_are_missing_or_foreign(workspace, stranger, workers, serve, web):
    foreign = upload(client_of(stranger), files.picture()).json()["id"]
    found = refused(
        workspace,
        {
            "actions.0.media_file": MediaReference(id=foreign),
            "actions.1.media_file": MediaReference(id=987_654),
            "actions.2.media_file": by_url(serve()),
            "actions.3.media_file": by_url("http://10.0.0.1/"),
        },
    )
    assert found.code == "validation_failed"
    assert found.details == {
        "actions.0.media_file.id": [f"No media file has the id {foreign}."],
        "actions.1.media_file.id": ["No media file has the id 987654."],
        "actions.3.media_file.file_url": ["The address of 10.0.0.1 is not public."],
    }
    assert (web.log, Fetch.objects.count()) == ([], 0)


def test_what_can_be_said_before_anything_is_fetched(workspace, workers, serve, web):
    references = {"a": by_url(serve()), "b": MediaReference(id=5)}
    [(path, refused)] = reference_faults(workspace, references).items()
    assert (path, refused.code) == ("b.id", "validation_failed")
    assert refused.message == "No media file has the id 5."
    assert web.log == []


def test_one_failure_refuses_all_and_names_each(workspace, workers, serve):
    found = refused(
        workspace,
        {
            "actions.0.media_file": by_url(serve()),
            "actions.1.media_file": by_url(serve(path="/gone", status=404)),
            "actions.2.media_file": by_url(serve(files.HTML, "/page")),
        },
    )
    assert found.code == "validation_failed"
    assert set(found.details) == {
        "actions.1.media_file.file_url",
        "actions.2.media_file.file_url",
    }
    workers.finish()
    assert_nothing_left()


@pytest.mark.parametrize(
    ("body", "code"),
    [(files.HTML, "unsupported_media"), (b"", "validation_failed")],
    ids=["html", "empty"],
)
def test_a_common_code_is_kept(workspace, workers, serve, body, code):
    found = refused(workspace, {"a": by_url(serve(body, "/1")), "b": by_url(serve(body, "/2"))})
    assert (found.code, set(found.details)) == (code, {"a.file_url", "b.file_url"})


def test_failure_does_not_wait_for_the_slow_ones(workspace, workers, serve, settings):
    settings.MEDIA_DOWNLOAD_WAIT = 15
    answered = threading.Event()
    slow = serve(path="/slow", hold=answered)
    found = refused(workspace, {"a": by_url(slow), "b": by_url(serve(path="/x", status=404))})
    assert set(found.details) == {"b.file_url"}
    assert Fetch.objects.count() == 0
    answered.set()
    workers.finish()
    assert_nothing_left()


def test_slow_ones_come_as_pending(workspace, workers, serve, settings):
    settings.MEDIA_DOWNLOAD_WAIT = 1
    answered = threading.Event()
    found = resolve_references(
        workspace, {"a": by_url(serve()), "b": by_url(serve(path="/slow", hold=answered))}
    )
    assert [each.status for each in found.values()] == ["ready", "pending"]
    answered.set()
    workers.finish()
    found["b"].refresh_from_db()
    assert (found["b"].status, Fetch.objects.count()) == ("ready", 0)


def test_callers_transaction_that_fails_leaves_nothing(workspace, workers, serve, stranger):
    own = upload(client_of(stranger), files.pdf()).json()["url"]
    references = {"a": by_url(serve()), "b": by_url(own)}
    with (
        suppress(ZeroDivisionError),
        gathered(workspace, references) as media,
        transaction.atomic(),
    ):
        assert len(media.attach()) == 2
        raise ZeroDivisionError
    workers.finish()
    MediaFile.objects.for_workspace(stranger).delete()
    assert (MediaFile.objects.count(), Fetch.objects.count()) == (0, 0)
    assert (Blob.objects.count(), len(stored()), temporary()) == (1, 1, [])


def test_gathered_but_never_attached(workspace, workers, serve, settings):
    settings.MEDIA_DOWNLOAD_WAIT = 0
    with gathered(workspace, {"a": by_url(serve())}):
        pass
    workers.finish()
    assert_nothing_left()


def test_failure_between_the_wait_and_the_rows(workspace, workers, serve, settings):
    settings.MEDIA_DOWNLOAD_WAIT = 0
    with gathered(workspace, {"a": by_url(serve(status=404))}) as media:
        workers.finish()
        with pytest.raises(Refused) as caught, transaction.atomic():
            media.attach()
    assert (caught.value.code, set(caught.value.details)) == ("validation_failed", {"a.file_url"})
    assert_nothing_left()


def test_file_deleted_between_the_check_and_the_rows(workspace, workers):
    known = upload(client_of(workspace), files.picture()).json()["id"]
    with gathered(workspace, {"a": MediaReference(id=known)}) as media:
        MediaFile.objects.all().delete()
        with pytest.raises(Refused) as caught, transaction.atomic():
            media.attach()
    assert set(caught.value.details) == {"a.id"}


def test_references_by_id_cost_the_same_for_one_and_for_thirty(workspace, workers):
    ids = [upload(client_of(workspace), files.picture()).json()["id"] for _ in range(30)]
    counts = []
    for some in (ids[:1], ids):
        references = {str(pk): MediaReference(id=pk) for pk in some}
        with CaptureQueriesContext(connection) as queries:
            resolve_references(workspace, references)
        counts.append(len(queries))
    assert counts[0] == counts[1]
