"""`make_renditions`: what files of an older version lack, what was lost, and what failed."""

import io
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command

from media_library import ordering, orders
from media_library.models import Blob, MediaFile, Rendition
from media_library.rendition_tasks import make_renditions
from media_library.tasks import order_renditions
from tests.media_library import files
from tests.media_library.conftest import upload
from tests.media_library.test_examining import blob_of, everything, served, shown
from tests.media_library.test_renditions import clean, rows

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def unsent(monkeypatch: pytest.MonkeyPatch) -> None:
    """No wake-up is sent."""
    monkeypatch.setattr("inro.common.waking._send", lambda *_: None)


def stored_before(api: Any, count: int) -> None:
    for n in range(count):
        upload(api, files.picture("WEBP", size=(20, 20 + n)))
    Rendition.objects.all().delete()


def test_files_of_an_older_version(api, transcoder, monkeypatch, capsys):
    monkeypatch.setattr(ordering, "_BATCH", 2)
    stored_before(api, 5)
    MediaFile.objects.create(workspace=MediaFile.objects.all()[0].workspace, status="pending")
    call_command("make_renditions")
    assert capsys.readouterr().out.splitlines()[-1] == (
        "Done: 10 renditions ordered. Workers make them."
    )
    assert len(rows()) == 10
    call_command("make_renditions")
    assert "Done: 0 renditions ordered." in capsys.readouterr().out
    make_renditions()
    assert {status for _, status in rows()} == {"ready"}


def test_queries_of_the_command_do_not_grow(api, django_assert_num_queries):
    stored_before(api, 1)
    with django_assert_num_queries(6):
        ordering.order_missing(0)
    stored_before(api, 9)
    with django_assert_num_queries(6):
        assert ordering.order_missing(0)[1] == 18


def test_one_file_of_an_older_version(api, transcoder):
    stored_before(api, 1)
    pk = MediaFile.objects.get().pk
    order_renditions(pk)
    assert rows() == [("jpeg-5mb", "queued"), ("thumbnail", "queued")]
    order_renditions(pk)
    assert len(rows()) == 2
    order_renditions(987654)


def test_made_again_when_the_results_are_gone(api, transcoder, monkeypatch):
    monkeypatch.setattr(ordering, "_BATCH", 1)
    first = upload(api, files.picture("WEBP"), "a.webp").json()
    make_renditions()
    kept, lost = Blob.objects.exclude(made_from=None).order_by("made_from__recipe")
    default_storage.delete(lost.storage_name)
    out = io.StringIO()
    call_command("make_renditions", stdout=out)
    assert out.getvalue() == "Done: 0 renditions ordered. Workers make them.\n"
    call_command("make_renditions", "--missing", stdout=out)
    assert out.getvalue().splitlines()[-1] == (
        "Done: 0 renditions ordered, 1 were missing. Workers make them."
    )
    assert shown(api, first)["thumbnail_url"] is None
    rows = Rendition.objects.order_by("recipe")
    assert [(row.status, row.blob) for row in rows] == [("ready", kept), ("queued", None)]
    assert clean()
    make_renditions()
    assert served(shown(api, first), "thumbnail_url") == transcoder.results["thumbnail"]
    assert (len(transcoder.jobs), clean()) == (3, True)


def test_lost_results_that_are_a_file_too_are_mended(api, transcoder):
    file = upload(api, files.picture()).json()
    make_renditions()
    twin = upload(api, transcoder.results["thumbnail"]).json()
    blob = blob_of(twin)
    assert Rendition.objects.earliest("pk").blob == blob
    default_storage.delete(blob.storage_name)
    call_command("make_renditions", "--missing")
    make_renditions()
    assert served(shown(api, file), "thumbnail_url") == transcoder.results["thumbnail"]
    assert served(twin) == transcoder.results["thumbnail"]
    assert clean()


def test_a_storage_that_is_down_has_lost_nothing(api, transcoder, monkeypatch):
    upload(api, files.picture())
    make_renditions()
    before = everything()

    def fail(*args: Any) -> None:
        raise OSError("down")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(default_storage, "exists", fail)
        with pytest.raises(CommandError, match="does not answer"):
            call_command("make_renditions", "--missing")
    assert everything() == before


def test_what_failed_is_tried_again_in_batches(api, transcoder, monkeypatch):
    monkeypatch.setattr(ordering, "_BATCH", 2)
    for colour in ("red", "green", "blue", "white", "black"):
        upload(api, files.picture(colour=colour))
    orders.place_new()
    Rendition.objects.update(status="failed", error_code="damaged", error_message="!", attempts=3)
    out = io.StringIO()
    call_command("make_renditions", "--failed", stdout=out)
    assert out.getvalue() == "Done: 0 renditions ordered, 5 tried again. Workers make them.\n"
    rows = Rendition.objects.values_list("status", "error_code", "error_message", "attempts")
    assert set(rows) == {("queued", "", "", 0)}
