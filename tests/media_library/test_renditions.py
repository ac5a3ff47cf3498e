"""From a stored file to its other forms: made by a worker, shown in lists, served, let go."""

import threading
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from inro.common import claims, measuring
from media_library import making, ordering, orders, readings, storage
from media_library.holding import release_blobs
from media_library.ingest import ingest_upload
from media_library.models import Blob, MediaFile, Rendition
from media_library.rendition_tasks import make_renditions
from media_library.transcoding import Cancelled, Job, TranscodingFailed
from tests.media_library import files
from tests.media_library.conftest import JPEG, SMALL, stored, upload, upload_url
from tests.waiting import Run, at_once, eventually, results

pytestmark = pytest.mark.django_db(transaction=True)

WEBP = files.picture("WEBP")


@pytest.fixture(autouse=True)
def woken(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Wake-ups are noted, not sent."""
    woken: list[str] = []
    monkeypatch.setattr("inro.common.waking._send", lambda task, *_: woken.append(task.name))
    monkeypatch.setattr(ordering, "_covered_until", float("-inf"))
    return woken


def shown(api: Any, answer: Any) -> dict[str, Any]:
    return dict(api.get(f"/api/v1/media_files/{answer.json()['id']}").json())


def rows() -> list[tuple[str, str]]:
    return list(Rendition.objects.order_by("recipe").values_list("recipe", "status"))


def delete(file: MediaFile) -> None:
    """The file, and its bytes if nothing else needs them."""
    blob = file.blob
    assert blob
    file.delete()
    release_blobs([blob.pk])


def clean() -> bool:
    """Every stored file has its row, and every row its file."""
    names = {path.name for path in stored()}
    return names == {
        name.split("/")[-1] for name in Blob.objects.values_list("storage_name", flat=True)
    }


def test_from_upload_to_delivery(api, transcoder, woken):
    answer = upload(api, WEBP, "a.webp")
    assert answer.json()["thumbnail_url"] is None
    assert answer.json()["deliverable"]["whatsapp"] == {
        "ok": True,
        "rendition": None,
        "reason": "WhatsApp takes images as JPG or PNG; this file is WEBP. "
        "A JPEG of up to 5 MB is yet to be made.",
    }
    assert (rows(), woken) == ([], ["media_library.make_renditions"])
    make_renditions()
    assert rows() == [("jpeg-5mb", "ready"), ("thumbnail", "ready")]
    assert transcoder.jobs == [
        Job("jpeg", 5_000_000, "image/webp"),
        Job("thumbnail", 100_000, "image/webp"),
    ]
    assert transcoder.sources == [WEBP, WEBP]
    found = shown(api, answer)
    made = {"ok": True, "rendition": "jpeg-5mb", "reason": None}
    assert found["deliverable"] == dict.fromkeys(("instagram", "whatsapp", "rcs"), made)
    path = urlsplit(found["thumbnail_url"]).path
    assert path.endswith("/a.jpg")
    served = Client().get(path)
    assert (served.status_code, served.getvalue()) == (200, SMALL)
    assert served["Content-Type"] == "image/jpeg"
    assert served["Cache-Control"] == "private, max-age=3600"
    assert served["Content-Disposition"] == 'inline; filename="a.jpg"'
    assert api.get("/api/v1/media_files").json()["media_files"] == [found]
    assert clean()


def test_nothing_is_made_of_what_needs_nothing(api, transcoder, woken):
    upload(api, files.CSV, "a.csv")
    upload(api, files.iso_media(b"M4A ", b"soun"), "a.m4a", media_type="audio")
    assert (rows(), woken) == ([], [])


def test_files_that_share_bytes_share_renditions(api, transcoder):
    first, second = upload(api, WEBP), upload(api, WEBP)
    make_renditions()
    assert len(rows()) == 2
    third = upload(api, WEBP)
    make_renditions()
    assert len(transcoder.jobs) == 2
    urls = {shown(api, each)["thumbnail_url"] for each in (first, second, third)}
    assert len(urls) == 3, "each goes with its file"
    assert shown(api, third)["deliverable"]["rcs"]["rendition"] == "jpeg-5mb"


def test_downloads_order_too(api, workers, serve, transcoder):
    from inro.common import waking
    from media_library.tasks import run_fetch

    def send(task: Any, args: Any, after: float) -> None:
        if task is run_fetch:
            workers.deliver(args, after)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(waking, "_send", send)
        answer = upload_url(api, serve(WEBP, content_type="image/webp"))
    assert answer.status_code == 201
    assert rows() == [("jpeg-5mb", "queued"), ("thumbnail", "queued")]
    make_renditions()
    assert shown(api, answer)["thumbnail_url"]
    copy = upload_url(api, shown(api, answer)["thumbnail_url"])
    assert (copy.status_code, copy.json()["size"]) == (201, len(SMALL))


@pytest.mark.parametrize("alter", [lambda s: s.replace(".thumb", ".poster"), lambda s: s + "x"])
def test_altered_addresses_open_nothing(api, transcoder, alter):
    answer = upload(api, WEBP)
    make_renditions()
    path = urlsplit(shown(api, answer)["thumbnail_url"]).path
    _, media, signed, name = path.split("/")
    assert ".thumb" in signed
    assert Client().get(f"/{media}/{signed}/{name}").status_code == 200
    assert Client().get(f"/{media}/{alter(signed)}/{name}").status_code == 404


def test_address_of_a_rendition_dies_with_its_file(api, transcoder):
    first, second = upload(api, WEBP), upload(api, WEBP)
    make_renditions()
    path = urlsplit(shown(api, first)["thumbnail_url"]).path
    MediaFile.objects.filter(pk=first.json()["id"]).update(status="deleted", blob=None)
    assert Client().get(path).status_code == 404
    assert Client().get(urlsplit(shown(api, second)["thumbnail_url"]).path).status_code == 200


def test_progress_is_seen(api, transcoder, monkeypatch):
    monkeypatch.setattr(making, "PROGRESS_EVERY", 0)
    seen = []

    def act(job: Job, progress: Callable[[int], None], _: Any) -> None:
        if job.form == "jpeg":
            progress(40)
            seen.append(shown(api, answer)["deliverable"]["whatsapp"])

    transcoder.act = act
    answer = upload(api, WEBP)
    make_renditions()
    assert seen == [
        {
            "ok": True,
            "rendition": None,
            "reason": "WhatsApp takes images as JPG or PNG; this file is WEBP. "
            "A JPEG of up to 5 MB is being made: 40 % done.",
        }
    ]


def test_progress_is_not_written_too_often(api, transcoder, django_assert_num_queries):
    def act(job: Job, progress: Callable[[int], None], _: Any) -> None:
        with django_assert_num_queries(0):
            for percent in range(100):
                progress(percent)

    transcoder.act = act
    upload(api, WEBP)
    make_renditions()
    assert {status for _, status in rows()} == {"ready"}


def test_failure_says_why(api, transcoder):
    def act(job: Job, *_: Any) -> None:
        raise TranscodingFailed("damaged", "The picture is damaged.")

    transcoder.act = act
    answer = upload(api, WEBP)
    make_renditions()
    assert len(transcoder.jobs) == 2, "no second attempt at what will not change"
    found = shown(api, answer)
    assert found["thumbnail_url"] is None
    assert found["deliverable"]["rcs"] == {
        "ok": False,
        "rendition": None,
        "reason": "RCS takes images as GIF, JPG or PNG; this file is WEBP. "
        "A JPEG of up to 5 MB could not be made of it: The picture is damaged.",
    }
    assert Rendition.objects.values_list("error_code", "error_message")[0] == (
        "damaged",
        "The picture is damaged.",
    )
    transcoder.act = None
    call_command("make_renditions")
    make_renditions()
    assert {status for _, status in rows()} == {"failed"}
    call_command("make_renditions", "--failed")
    make_renditions()
    assert shown(api, answer)["deliverable"]["rcs"]["rendition"] == "jpeg-5mb"


@pytest.mark.parametrize(
    "error", [TranscodingFailed("crashed", "It crashed.", retryable=True), ZeroDivisionError()]
)
def test_what_may_pass_is_tried_again(api, transcoder, error):
    def act(job: Job, *_: Any) -> None:
        raise error

    transcoder.act = act
    upload(api, files.picture())
    for attempt in range(1, 4):
        make_renditions()
        make_renditions()  # not before its time
        row = Rendition.objects.get()
        assert (row.attempts, len(transcoder.jobs)) == (attempt, attempt)
        assert row.status == ("failed" if attempt == 3 else "queued")
        Rendition.objects.update(due_at=timezone.now())
    make_renditions()
    assert len(transcoder.jobs) == 3
    assert Rendition.objects.get().error_code in {"crashed", "rendition_failed"}


@pytest.mark.parametrize(
    "result", [b"", b"<html>", files.picture("PNG"), files.noise("JPEG", (900, 900), quality=95)]
)
def test_transcoder_is_not_believed(api, transcoder, result):
    """Nothing, something else, another type, more than was asked for."""
    transcoder.results["thumbnail"] = result
    answer = upload(api, files.picture())
    make_renditions()
    assert rows() == [("thumbnail", "failed")]
    assert shown(api, answer)["thumbnail_url"] is None
    assert (Blob.objects.count(), clean()) == (1, True)


def test_missing_source_ends_it(api, transcoder):
    upload(api, files.picture())
    [path] = stored()
    path.unlink()
    make_renditions()
    assert (rows(), transcoder.jobs) == ([("thumbnail", "failed")], [])


def test_worker_that_is_killed_leaves_it_to_the_next(api, transcoder, woken):
    answer = upload(api, files.picture())
    orders.place_new()
    now = timezone.now()
    Rendition.objects.update(
        status="running", turn=1, attempts=1, lease_until=now + making.LEASE, progress=30
    )
    make_renditions()
    assert transcoder.jobs == [], "the lease still runs"
    woken.clear()
    claims.sweep(now + making.LEASE + timedelta(seconds=1))
    assert woken == ["media_library.make_renditions"]
    Rendition.objects.update(lease_until=now - timedelta(seconds=1))
    make_renditions()
    assert rows() == [("thumbnail", "ready")]
    assert shown(api, answer)["thumbnail_url"]


def test_what_kills_every_worker_is_given_up(api, transcoder):
    upload(api, files.picture())
    orders.place_new()
    Rendition.objects.update(
        status="running", turn=3, attempts=3, lease_until=timezone.now() - timedelta(seconds=1)
    )
    make_renditions()
    assert (rows(), transcoder.jobs) == ([("thumbnail", "failed")], [])


@pytest.mark.parametrize("is_placed", [False, True])
def test_lost_wake_up_is_made_good_by_the_sweep(api, transcoder, woken, is_placed):
    for body in (files.picture(), WEBP):
        upload(api, body)
    if is_placed:
        orders.place_new()
    woken.clear()
    claims.sweep(timezone.now())
    assert woken == [], "a wake-up that may only be slow is not doubled"
    claims.sweep(timezone.now() + timedelta(seconds=16))
    assert woken == ["media_library.make_renditions"], "one: it takes all there is"
    make_renditions()
    claims.sweep(timezone.now() + timedelta(seconds=40))
    assert woken == ["media_library.make_renditions"]
    assert {status for _, status in rows()} == {"ready"}


def test_a_wake_up_that_waits_its_turn_is_not_given_another_with_each_tick(api, transcoder, woken):
    for body in (files.picture(), WEBP):
        upload(api, body)
    woken.clear()
    for seconds in range(16, 46, 2):
        claims.sweep(timezone.now() + timedelta(seconds=seconds))
    assert woken == ["media_library.make_renditions"] * 2
    assert readings.oldest_rendition(timezone.now()) == Blob.objects.earliest("pk").created_at
    make_renditions()
    claims.sweep(timezone.now() + timedelta(seconds=90))
    assert len(woken) == 2


def test_bytes_that_come_as_two_kinds_before_a_worker_looked(api):
    body = files.webm(b"V_VP9")
    for kind in ("audio", "video"):
        assert upload(api, body, "a.webm", media_type=kind).status_code == 201
    orders.place_new()
    assert [recipe for recipe, _ in rows()] == ["m4a-16mb", "mp4-16mb", "poster"]


def test_no_file_is_passed_over_when_workers_and_uploads_meet(api, workspace, monkeypatch):
    """Batches of two, by four workers at once, while files come."""
    monkeypatch.setattr(orders, "_BATCH", 2)
    bodies = [files.picture("WEBP", colour=(n, n, n)) for n in range(0, 200, 10)]

    def bring(chosen: list[bytes]) -> None:
        for body in chosen:
            ingest_upload(workspace, SimpleUploadedFile("a.webp", body))

    def work() -> None:
        for _ in range(10):
            orders.place_new()

    at_once(partial(bring, bodies[::2]), partial(bring, bodies[1::2]), *[work] * 4)
    orders.place_new()
    assert Rendition.objects.count() == 2 * len(bodies)
    assert not Blob.objects.filter(unordered=True).exists()


def test_worker_that_was_thought_dead_writes_nothing(api, transcoder, monkeypatch):
    """Its lease ran out in the middle, another took over and is not done yet."""

    def act(job: Job, *_: Any) -> None:
        Rendition.objects.update(turn=7)

    transcoder.act = act
    upload(api, files.picture())
    orders.place_new()
    making.run(Rendition.objects.get().pk)
    row = Rendition.objects.get()
    assert (row.status, row.turn, row.blob_id) == ("running", 7, None)
    assert (Blob.objects.count(), clean()) == (1, True)


def test_claim_lost_at_the_last_moment_leaves_no_bytes(api, transcoder, monkeypatch):
    real = storage.deposited

    def deposited(*args: Any) -> Any:
        Rendition.objects.update(turn=7)
        return real(*args)

    monkeypatch.setattr(making, "deposited", deposited)
    upload(api, files.picture())
    orders.place_new()
    making.run(Rendition.objects.get().pk)
    assert (rows(), Blob.objects.count(), clean()) == ([("thumbnail", "running")], 1, True)


def test_two_workers_at_once(api, transcoder):
    upload(api, files.picture())
    orders.place_new()
    pk = Rendition.objects.get().pk
    at_once(*[partial(making.run, pk)] * 4)
    assert (len(transcoder.jobs), rows()) == (1, [("thumbnail", "ready")])


def test_file_that_is_deleted_while_its_rendition_is_made(api, transcoder, monkeypatch):
    monkeypatch.setattr(making, "RENEW_EVERY", -1)
    cancellations = []

    def act(job: Job, progress: Any, cancelled: Callable[[], bool]) -> None:
        assert not cancelled()
        delete(MediaFile.objects.get())
        cancellations.append(cancelled())
        if len(cancellations) == 1:
            raise Cancelled

    transcoder.act = act
    for _ in range(2):  # a transcoder that stops at once, and one that does not hear
        upload(api, files.picture())
        make_renditions()
        assert (rows(), Blob.objects.count(), stored()) == ([], 0, [])
    assert cancellations == [True, True]


def test_bytes_that_are_let_go_take_their_renditions_along(api, transcoder):
    upload(api, WEBP)
    other = files.picture("WEBP", colour="blue")
    upload(api, other)  # its renditions come out as the same bytes
    make_renditions()
    assert len(stored()) == 4
    first, second = (MediaFile.objects.order_by("pk")[n] for n in (0, 1))
    for file, left in ((first, 3), (second, 0)):
        delete(file)
        assert (len(stored()), clean()) == (left, True)
    assert rows() == []


def test_result_that_is_a_file_of_the_library_too_stays(api, transcoder):
    upload(api, WEBP)
    make_renditions()
    uploaded = upload(api, JPEG)
    delete(MediaFile.objects.earliest("pk"))
    assert Blob.objects.get().pk == MediaFile.objects.get(pk=uploaded.json()["id"]).blob_id
    assert clean()
    make_renditions()
    assert shown(api, uploaded)["thumbnail_url"]


def test_result_that_is_the_source_itself(api, transcoder):
    answer = upload(api, SMALL)
    make_renditions()
    assert shown(api, answer)["thumbnail_url"]
    assert Blob.objects.count() == 1
    delete(MediaFile.objects.get())
    assert (Blob.objects.count(), stored(), rows()) == (0, [], [])


def test_a_blob_that_others_need_keeps_its_renditions(api, transcoder):
    upload(api, WEBP)
    make_renditions()
    release_blobs([Blob.objects.earliest("pk").pk])
    assert rows() == [("jpeg-5mb", "ready"), ("thumbnail", "ready")]
    assert clean()


def test_many_uploads_wake_one_worker(api, transcoder, woken, monkeypatch):
    clock = [100.0]
    monkeypatch.setattr("media_library.ordering.time.monotonic", lambda: clock[0])
    for n in range(3):
        upload(api, files.picture(size=(20, 20 + n)))
    assert woken == ["media_library.make_renditions"]
    clock[0] += ordering.WAKE_AFTER
    upload(api, files.picture(size=(20, 30)))
    assert woken == ["media_library.make_renditions"] * 2


def test_work_that_goes_on_goes_on_in_another_task(api, transcoder, woken, monkeypatch):
    monkeypatch.setattr(making, "WORK_FOR", -1)
    upload(api, WEBP)
    woken.clear()
    make_renditions()
    assert (woken, transcoder.jobs) == (["media_library.make_renditions"], [])


def test_videos_leave_a_place_to_others(api, transcoder, settings):
    """With two places, a second worker that finds a video being made takes the picture behind."""
    making._places.cache_clear()
    settings.RENDITIONS_AT_ONCE = 2
    transcoder.results["mp4"] = files.mp4()
    inside: list[list[str]] = []

    def act(job: Job, *_: Any) -> None:
        if job.form == "mp4":
            transcoder.act = None
            make_renditions()  # the second place
            inside.append([each.form for each in transcoder.jobs])
            make_renditions()

    transcoder.act = act
    upload(api, files.iso_media(b"qt  ", b"vide"), "a.mov")
    upload(api, files.iso_media(b"qt  ", b"vide", media=bytes(500)), "b.mov")
    upload(api, files.picture())
    Rendition.objects.filter(recipe="mp4-16mb").update(due_at=timezone.now() - timedelta(hours=1))
    make_renditions()
    assert inside == [["mp4", "poster", "poster", "thumbnail"]]
    assert [each.form for each in transcoder.jobs][4:] == ["mp4"]
    making._places.cache_clear()


def test_nothing_is_left_over_when_all_happens_at_once(workspace, transcoder):
    """Files come and go while their renditions are made; one is a rendition of the other."""
    bodies, done = (WEBP, JPEG), threading.Event()

    def come_and_go(number: int) -> None:
        for n in range(8):
            body = bodies[(n + number) % 2]
            file = ingest_upload(workspace, SimpleUploadedFile("a", body))
            orders.place_new()
            # On a busy machine all might be over before the workers have found anything.
            eventually(lambda: transcoder.jobs, "the first rendition")
            delete(file)

    def work() -> None:
        while not done.is_set():
            make_renditions()

    workers = [Run(work) for _ in range(2)]
    try:
        at_once(*(partial(come_and_go, number) for number in range(3)))
    finally:
        done.set()
    results(workers)
    assert transcoder.jobs
    assert (rows(), Blob.objects.count(), stored()) == ([], 0, [])


def test_backlog_is_measured(api):
    assert measuring.BACKLOGS["renditions"].oldest(timezone.now()) is None
    upload(api, files.picture())
    uploaded_at = Blob.objects.get().created_at
    assert measuring.BACKLOGS["renditions"].oldest(timezone.now()) == uploaded_at
    orders.place_new()
    due_at = Rendition.objects.get().due_at
    assert measuring.BACKLOGS["renditions"].oldest(timezone.now()) == due_at


def test_what_a_killed_process_left_is_cleared_away(settings):
    left = Path(settings.TEMP_DIR) / ".making-x"
    left.mkdir()
    (left / "half.mp4").write_bytes(b"x")
    claims.sweep(timezone.now() + timedelta(minutes=50))
    assert left.exists()
    claims.sweep(timezone.now() + timedelta(minutes=70))
    assert not left.exists()
