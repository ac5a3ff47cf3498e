"""What an older version stored: looked at by `examine_media`, and by the worker on its own."""

import hashlib
import io
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.utils import timezone

from inro.common import claims
from inro.common.diagnosing import CHECKS
from media_library import content, examining, exchanging, storage
from media_library.holding import release_blobs
from media_library.models import Blob, Fetch, MediaFile, Rendition
from media_library.rendition_tasks import make_renditions
from media_library.storage import open_blob
from media_library.stripping import Edit
from media_library.tasks import examine_stored
from media_library.views import serving as serving_views
from tests.conftest import client_of
from tests.media_library import files, photos
from tests.media_library.conftest import stored, temporary, upload
from tests.media_library.test_life_races import put
from tests.media_library.test_renditions import clean
from tests.waiting import at_once

pytestmark = pytest.mark.django_db(transaction=True)

FILES = "/api/v1/media_files"
PHOTO = photos.photo("JPEG")
NOTHING = "0 files looked at: 0 stripped, 0 had nothing to strip, 0 refused, 0 missing\n"


@pytest.fixture(autouse=True)
def woken(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Wake-ups to look at stored files are noted, none is sent."""
    woken: list[str] = []

    def send(task: Any, *_: Any) -> None:
        if task is examine_stored:
            woken.append(task.name)

    monkeypatch.setattr("inro.common.waking._send", send)
    return woken


@pytest.fixture(autouse=True)
def nothing_half_written(own_files: Path) -> Iterator[None]:
    yield
    assert temporary() == []


def aged(blob: Blob, body: bytes) -> None:
    """These bytes as an older version kept them: as they came, with no facts."""
    (path,) = [each for each in stored() if blob.storage_name.endswith(each.name)]
    path.write_bytes(body)
    Blob.objects.filter(pk=blob.pk).update(
        sha256=hashlib.sha256(body).hexdigest(),
        size=len(body),
        width=None,
        height=None,
        duration=None,
        details={},
        examined="due",
    )


def old(api: Any, body: bytes, name: str = "a.jpg", **fields: Any) -> dict[str, Any]:
    """A file that an older version stored, as the API shows it."""
    answer = upload(api, body, name, **fields)
    assert answer.status_code == 201, answer.content
    blob = blob_of(answer.json())
    assert blob.examined == "done"
    same = Blob.objects.filter(
        workspace=blob.workspace_id, sha256=hashlib.sha256(body).hexdigest(), examined="due"
    )
    if same:
        MediaFile.objects.filter(blob=blob).update(blob=same.get())
        release_blobs([blob.pk])
    else:
        aged(blob, body)
    return shown(api, answer.json())


def blob_of(file: dict[str, Any]) -> Blob:
    return Blob.objects.get(media_files=file["id"])


def shown(api: Any, file: dict[str, Any]) -> dict[str, Any]:
    return dict(api.get(f"{FILES}/{file['id']}").json())


def served(file: dict[str, Any], key: str = "url") -> bytes:
    answer = Client().get(urlsplit(file[key]).path)
    assert answer.status_code == 200
    return bytes(answer.getvalue())


def examined() -> str:
    out = io.StringIO()
    call_command("examine_media", stdout=out)
    return out.getvalue()


def tells(body: bytes) -> bool:
    return any(secret in body for secret in photos.SECRETS)


def states() -> list[str]:
    return list(Blob.objects.order_by("pk").values_list("examined", flat=True))


def everything() -> Any:
    models = (MediaFile, Blob, Fetch, Rendition)
    rows = [list(model._default_manager.order_by("pk").values()) for model in models]
    return rows, {path: path.read_bytes() for path in stored()}


def findings() -> list[tuple[str, str]]:
    return [(each.level.value, each.message) for each in CHECKS["stored files"].run()]


class TestStripping:
    def test_a_photo_loses_what_gives_a_person_away(self, api, transcoder):
        before = old(api, PHOTO)
        assert (served(before), tells(PHOTO)) == (PHOTO, True)
        first = Client().get(urlsplit(before["url"]).path)
        tag = api.get(f"{FILES}/{before['id']}")["ETag"]
        assert examined() == (
            "1 files looked at: 1 stripped, 0 had nothing to strip, 0 refused, 0 missing\n"
        )
        after = shown(api, before)
        new = {"size", "sha256", "width", "height", "updated_at"}
        assert {name for name in after if after[name] != before[name]} == new
        assert (after["width"], after["height"]) == (64, 48)
        kept = served(before)
        assert (len(kept), hashlib.sha256(kept).hexdigest()) == (after["size"], after["sha256"])
        assert not tells(kept)
        assert upload(api, PHOTO).json()["sha256"] == after["sha256"], "what an upload would keep"
        again = Client().get(urlsplit(before["url"]).path, headers={"If-None-Match": first["ETag"]})
        assert (again.status_code, again["ETag"]) == (200, f'"{after["sha256"]}"')
        assert api.get(f"{FILES}/{before['id']}")["ETag"] != tag
        assert (Blob.objects.get().details["stripped"], states(), clean()) == (True, ["done"], True)
        assert not [path for path in stored() if tells(path.read_bytes())]

    def test_what_was_made_of_it_goes_on_to_serve(self, api, transcoder):
        file = old(api, photos.photo("WEBP"), "a.webp")
        make_renditions()
        before, jobs = shown(api, file), len(transcoder.jobs)
        rows = list(Rendition.objects.order_by("pk").values_list("pk", "status", "blob"))
        assert [status for _, status, _ in rows] == ["ready", "ready"]
        examined()
        make_renditions()
        assert len(transcoder.jobs) == jobs, "nothing is made a second time"
        found = Rendition.objects.order_by("pk")
        assert list(found.values_list("pk", "status", "blob")) == rows
        after = shown(api, file)
        assert after["deliverable"] == before["deliverable"]
        assert after["thumbnail_url"] == before["thumbnail_url"]
        assert served(after, "thumbnail_url") == transcoder.results["thumbnail"]
        assert (Blob.objects.count(), clean()) == (3, True)

    def test_a_rendition_that_an_older_version_made_of_it(self, api, transcoder):
        file = old(api, files.picture())
        transcoder.results["thumbnail"] = photos.photo("JPEG", size=(32, 24))
        make_renditions()
        result = Blob.objects.exclude(made_from=None).get()
        size = len(transcoder.results["thumbnail"])
        aged(result, transcoder.results["thumbnail"])
        made = {"thumbnail": {"status": "ready", "size": size}}
        Blob.objects.exclude(renditions=None).update(made=made)
        assert tells(served(shown(api, file), "thumbnail_url"))
        assert examined() == (
            "2 files looked at: 1 stripped, 1 had nothing to strip, 0 refused, 0 missing\n"
        )
        kept = served(shown(api, file), "thumbnail_url")
        assert not tells(kept)
        assert Rendition.objects.get().source.made["thumbnail"]["size"] == len(kept)
        assert (Blob.objects.count(), len(transcoder.jobs), clean()) == (2, 1, True)

    def test_the_same_without_it_is_there_already(self, api, transcoder):
        mine = old(api, PHOTO, "mine.jpg")
        make_renditions()
        other = upload(api, PHOTO, "other.jpg").json()
        assert (mine["sha256"] != other["sha256"], Blob.objects.count()) == (True, 3)
        make_renditions()
        examined()
        after = shown(api, mine)
        assert (after["sha256"], after["name"]) == (other["sha256"], "mine.jpg")
        assert MediaFile.objects.values("blob").distinct().count() == 1
        assert not tells(served(mine))
        assert served(mine) == served(other)
        assert (Rendition.objects.count(), Blob.objects.count(), clean()) == (1, 2, True)

    def test_the_same_in_another_workspace_is_apart(self, api, stranger):
        mine, theirs = old(api, PHOTO), old(client_of(stranger), PHOTO)
        examined()
        assert (Blob.objects.count(), len(stored())) == (2, 2)
        assert not tells(served(mine)) and not tells(served(theirs))  # noqa: PT018

    def test_all_files_that_share_it_some_at_a_time(self, api, monkeypatch):
        monkeypatch.setattr(exchanging, "_BATCH", 2)
        first = old(api, PHOTO)
        row = MediaFile.objects.get()
        for name in "bcde":
            MediaFile.objects.create(
                workspace=row.workspace, blob=row.blob, media_type="image", name=name
            )
        real, steps = exchanging._hand_renditions, []

        def fail_at_the_second(*args: Any) -> None:
            steps.append(args)
            if len(steps) == 2:
                raise KeyboardInterrupt
            real(*args)

        monkeypatch.setattr(exchanging, "_hand_renditions", fail_at_the_second)
        with pytest.raises(KeyboardInterrupt):
            examined()
        assert MediaFile.objects.values("blob").distinct().count() == 2, "in the midst of it"
        assert clean()
        assert served(first) != PHOTO
        assert examined().startswith("1 files looked at: 1 stripped")
        assert (MediaFile.objects.values("blob").distinct().count(), clean()) == (1, True)
        assert (Blob.objects.count(), states()) == (1, ["done"])
        assert examined() == NOTHING

    def test_a_download_that_waits_to_be_taken(self, api, workspace):
        old(api, PHOTO)
        file = MediaFile.objects.get()
        Fetch.objects.create(
            workspace=workspace, url="https://a.example/", status="fetched", blob=file.blob
        )
        file.delete()
        examined()
        assert not tells(stored()[0].read_bytes())
        assert Fetch.objects.get().blob == Blob.objects.get()
        assert (states(), clean()) == (["done"], True)

    def test_what_nothing_names_goes(self, api):
        old(api, PHOTO)
        MediaFile.objects.all().delete()
        Rendition.objects.all().delete()
        examined()
        assert (Blob.objects.count(), stored()) == (0, [])


class TestFacts:
    def test_are_read_and_what_they_ask_for_is_ordered(self, api, woken):
        body = photos.cmyk_jpeg()
        file = old(api, body)
        Rendition.objects.all().delete()
        assert file["deliverable"]["rcs"]["reason"] is None
        names = Blob.objects.values_list("storage_name", "sha256", "size")
        before = list(names)
        assert examined() == (
            "1 files looked at: 0 stripped, 1 had nothing to strip, 0 refused, 0 missing\n"
        )
        after = shown(api, file)
        assert (after["width"], after["height"]) == (64, 48)
        assert "print (CMYK)" in after["deliverable"]["rcs"]["reason"]
        rows = Rendition.objects.order_by("recipe").values_list("recipe", "status")
        assert list(rows) == [("jpeg-5mb", "queued"), ("thumbnail", "queued")]
        assert (list(names), served(file), states()) == (before, body, ["done"])
        assert after["updated_at"] == file["updated_at"]

    def test_a_sound_in_a_container_of_films_stays_a_sound(self, api):
        body = files.iso_media(b"M4A ", b"soun")
        file = old(api, body, "a.m4a", media_type="audio")
        examined()
        assert [shown(api, file)[name] for name in ("media_type", "mime_type")] == [
            "audio",
            "audio/mp4",
        ]
        csv = old(api, files.CSV, "a.csv", content_type="text/csv")
        assert csv["mime_type"] == "text/csv"
        examined()
        assert shown(api, csv)["mime_type"] == "text/csv"

    def test_uploads_need_no_second_look(self, api, woken):
        upload(api, PHOTO)
        claims.sweep(timezone.now() + timedelta(hours=1))
        assert woken == []
        assert examined() == NOTHING


class TestWhatCannotBe:
    def test_refused_stays_and_is_told(self, api, settings):
        body = PHOTO[: len(PHOTO) // 2]
        whole = old(api, files.picture("PNG"), "b.png")
        file = old(api, PHOTO)
        blob = blob_of(file)
        aged(blob, body)
        for _ in range(2):  # the command looks again
            with pytest.raises(CommandError) as refused:
                examined()
            assert str(refused.value) == (
                f"Bytes {blob.pk} (media files {file['id']}) refused: "
                "The image is truncated or damaged."
            )
            assert (served(file), sorted(states())) == (body, ["done", "refused"])
        assert served(whole)
        assert [level for level, _ in findings()] == ["warning"]
        assert findings()[0][1].startswith("1 stored files are none that the library takes today.")
        assert (examining.take_due(timezone.now()), clean()) == (False, True)

    def test_larger_than_is_taken_today(self, api, settings):
        file = old(api, PHOTO)
        settings.MEDIA_MAX_BYTES = 100
        with pytest.raises(CommandError, match=r"refused: The file is larger than 100 bytes\."):
            examined()
        assert (served(file), states()) == (PHOTO, ["refused"])
        settings.MEDIA_MAX_BYTES = 10_000_000
        assert examined().startswith("1 files looked at: 1 stripped")

    def test_of_another_kind_than_it_is_kept_as(self, api):
        file = old(api, files.picture())
        aged(Blob.objects.get(), b"Taken at home, long ago.")
        before = everything()[1]
        with pytest.raises(CommandError, match=r"Its bytes are text/plain, and it is kept as"):
            examined()
        assert (everything()[1], states()) == (before, ["refused"])
        assert shown(api, file)["media_type"] == "image"

    def test_damaged_bytes_are_not_taken_for_the_file(self, api):
        file = old(api, PHOTO)
        Blob.objects.update(sha256="0" * 64)
        with pytest.raises(CommandError, match="The stored bytes are not those that were taken"):
            examined()
        assert (served(file), states()) == (PHOTO, ["refused"])

    def test_a_fault_of_ours_holds_up_no_other(self, api, monkeypatch):
        mine, other = old(api, PHOTO), old(api, photos.photo("PNG"), "b.png")
        real = content.examine

        def fail_once(file: Any, declared: str) -> Any:
            if declared == "image/jpeg":
                raise IndexError
            return real(file, declared)

        monkeypatch.setattr(examining, "examine", fail_once)
        with pytest.raises(CommandError, match=r"refused: Something went wrong on our side\."):
            examined()
        assert (served(mine), tells(served(other)), states()) == (PHOTO, False, ["refused", "done"])

    def test_missing_is_told_and_mended_by_the_same_bytes(self, api):
        old(api, files.picture())
        (path,) = stored()
        path.unlink()
        with pytest.raises(CommandError, match=r"missing: The stored file is missing\."):
            examined()
        assert (states(), findings()) == (["missing"], [("warning", "1 stored files are missing.")])
        upload(api, files.picture())
        assert (states(), clean()) == (["done"], True)
        assert Blob.objects.get().details == {"color": "rgb"}
        assert findings() == [("ok", "All stored files have been looked at by today's rules.")]

    def test_a_lost_rendition_is_made_again(self, api, transcoder):
        file = upload(api, files.picture()).json()
        make_renditions()
        result = Blob.objects.exclude(made_from=None).get()
        aged(result, transcoder.results["thumbnail"])
        default_storage.delete(result.storage_name)
        examined()
        row = Rendition.objects.get()
        assert (row.status, row.blob) == ("queued", None)
        make_renditions()
        assert served(shown(api, file), "thumbnail_url") == transcoder.results["thumbnail"]
        assert (len(transcoder.jobs), clean()) == (2, True)

    @pytest.mark.parametrize("operation", ["open", "save"])
    def test_a_storage_that_is_down_changes_nothing(self, api, monkeypatch, operation):
        file = old(api, PHOTO)
        before = everything()

        def fail(*args: Any) -> None:
            raise OSError("down")

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(default_storage, operation, fail)
            with pytest.raises(CommandError, match=r"does not answer.* 0 files are done\."):
                examined()
            examine_stored()
            assert everything() == before
        assert not examining.take_due(timezone.now()), "not at once again"
        assert examining.take_due(timezone.now() + examining.LEASE)
        examine_stored()
        assert (tells(served(file)), states(), clean()) == (False, ["done"], True)


class TestByItself:
    def test_the_worker_does_it_after_an_upgrade(self, api, woken):
        photo, picture = old(api, PHOTO), old(api, files.picture("PNG"), "b.png")
        assert findings() == [("ok", "2 stored files are yet to be looked at by today's rules.")]
        for _ in range(2):
            claims.sweep()
        assert woken == ["media_library.examine_stored"], "one worker is enough"
        examine_stored()
        assert woken == ["media_library.examine_stored"]
        assert (tells(served(photo)), shown(api, picture)["width"]) == (False, 64)
        claims.sweep(timezone.now() + timedelta(hours=1))
        assert len(woken) == 1
        assert findings() == [("ok", "All stored files have been looked at by today's rules.")]

    def test_a_little_at_a_time(self, api, woken, monkeypatch):
        for format in ("PNG", "GIF"):
            old(api, files.picture(format))
        monkeypatch.setattr(examining, "WORK_FOR", -1)
        examine_stored()
        assert (woken, states()) == (["media_library.examine_stored"], ["due", "due"])
        monkeypatch.setattr(examining, "WORK_FOR", 20)
        examine_stored()
        assert states() == ["done", "done"]

    def test_a_worker_that_died_is_followed_by_another(self, api, woken):
        old(api, PHOTO)
        claims.sweep()
        claims.sweep(timezone.now() + examining.LEASE + timedelta(seconds=1))
        assert len(woken) == 2

    def test_one_that_ends_its_worker_is_left_alone_after_a_while(self, api, monkeypatch):
        deadly, other = old(api, PHOTO), old(api, photos.photo("PNG"), "b.png")
        rows, looked, real = Blob.objects.filter(media_files=deadly["id"]), [], content.examine

        def look(file: Any, declared: str) -> Any:
            looked.append((declared, rows.values_list("examinations_lost", flat=True).first()))
            return real(file, declared)

        monkeypatch.setattr(examining, "examine", look)
        # What kills leave behind: each was counted, and nobody came to take that back.
        rows.update(examinations_lost=examining.MAX_LOST)
        examine_stored()
        assert [declared for declared, _ in looked] == ["image/png"]
        assert (served(deadly), tells(served(other)), states()) == (
            PHOTO,
            False,
            ["refused", "done"],
        )
        assert findings()[0][0] == "warning"
        third = old(api, photos.photo("WEBP"), "c.webp")
        looked.clear()
        assert "2 stripped" in examined()
        assert looked == [("image/webp", 3), ("image/jpeg", 4)], "last, and counted once more"
        assert not tells(served(deadly)) and not tells(served(third))  # noqa: PT018

    def test_what_ends_in_any_other_way_is_not_held_against_it(self, api, monkeypatch):
        old(api, PHOTO)
        counts = []

        def fail(*_: Any) -> None:
            counts.append(Blob.objects.get().examinations_lost)
            raise SystemExit

        monkeypatch.setattr(examining, "examine", fail)
        for _ in range(examining.MAX_LOST + 1):
            with pytest.raises(SystemExit):
                examine_stored()
        counts.append(Blob.objects.get().examinations_lost)
        assert (counts, states()) == ([1, 1, 1, 1, 0], ["due"])

    def test_asking_what_is_due_reads_the_due_alone(self, api):
        rows = examining.due()
        plan = rows.order_by("pk").values_list("pk")[:100].explain()
        if connection.vendor == "sqlite":
            assert "blob_unexamined" in plan
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute("SET enable_seqscan = off")
                plan = rows.order_by("pk").values_list("pk")[:100].explain()
                cursor.execute("SET enable_seqscan = on")
                assert "blob_unexamined" in plan


class TestMeanwhile:
    def test_twice_at_once_with_all_that_may_happen(self, workspace, api):
        for _ in range(5):
            file, gone, other = (old(api, PHOTO, f"{n}.jpg") for n in "abc")
            works: list[Callable[[], Any]] = [
                examined,
                examine_stored,
                partial(upload, client_of(workspace), PHOTO),
                partial(client_of(workspace).delete, f"{FILES}/{gone['id']}"),
                partial(put, client_of(workspace), other["id"], files.picture()),
            ]
            out, _, came, deleted, replaced = at_once(*works)
            assert "0 refused, 0 missing" in out
            codes = (came.status_code, deleted.status_code, replaced.status_code)
            assert codes == (201, 204, 200)
            examined()
            assert not tells(served(file)) and not tells(served(came.json()))  # noqa: PT018
            assert served(replaced.json()) == files.picture()
            assert (set(states()), clean()) == ({"done"}, True)
            assert not [path for path in stored() if tells(path.read_bytes())]

    def test_a_rendition_that_is_being_made(self, api, transcoder):
        file = old(api, PHOTO)

        def act(*_: Any) -> None:
            transcoder.act = None
            examined()

        transcoder.act = act
        make_renditions()
        make_renditions()
        assert list(Rendition.objects.values_list("status", "source")) == [
            ("ready", MediaFile.objects.get().blob_id)
        ]
        assert not tells(transcoder.sources[-1])
        assert served(shown(api, file), "thumbnail_url") == transcoder.results["thumbnail"]
        assert (len(transcoder.jobs), clean()) == (2, True)

    def test_a_rendition_whose_source_goes(self, api, transcoder, monkeypatch):
        file = old(api, files.picture())
        transcoder.results["thumbnail"] = photos.photo("JPEG", size=(32, 24))
        make_renditions()
        aged(Blob.objects.exclude(made_from=None).get(), transcoder.results["thumbnail"])

        def deposited(*args: Any) -> Any:
            monkeypatch.undo()
            assert api.delete(f"{FILES}/{file['id']}").status_code == 204
            return storage.deposited(*args)

        monkeypatch.setattr(exchanging, "deposited", deposited)
        examining.examine_blob(Blob.objects.exclude(made_from=None).get().pk)
        assert (Blob.objects.count(), stored()) == (0, []), "no bytes that nothing names"

    def test_somebody_who_is_about_to_open_it(self, api, monkeypatch):
        file = old(api, PHOTO)

        def open_late(blob: Blob) -> Any:
            monkeypatch.setattr(serving_views, "open_blob", open_blob)
            examined()
            return open_blob(blob)

        monkeypatch.setattr(serving_views, "open_blob", open_late)
        kept = served(file)
        assert (kept != PHOTO, tells(kept), len(kept)) == (True, False, shown(api, file)["size"])


def test_in_a_bucket(api, s3):
    file = upload(api, files.picture()).json()
    blob = Blob.objects.get()
    with default_storage.open(blob.storage_name, "wb") as target:
        target.write(PHOTO)
    digest = hashlib.sha256(PHOTO).hexdigest()
    Blob.objects.update(sha256=digest, size=len(PHOTO), details={}, examined="due")
    assert examined().startswith("1 files looked at: 1 stripped")
    new = Blob.objects.get()
    with default_storage.open(new.storage_name) as kept:
        assert not tells(kept.read())
    assert not default_storage.exists(blob.storage_name)
    assert shown(api, file)["sha256"] == new.sha256 != digest


def test_edits_that_come_to_the_same_bytes_end_the_work(api, monkeypatch):
    file = old(api, PHOTO)
    there = PHOTO[20:21]
    same = [Edit(20, 20, there), Edit(20, 21)]
    assert all(each.changes(PHOTO) for each in same)
    monkeypatch.setattr(content, "edits_of", lambda *_: same)
    assert examined() == NOTHING.replace("0 files", "1 files").replace("0 had", "1 had")
    assert (states(), served(file)) == (["done"], PHOTO)
