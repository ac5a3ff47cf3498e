"""Workers, requests and wake-ups that die: what is made good, and what is cleared away."""

import threading
import time
from datetime import timedelta
from functools import partial

from django.core.files.storage import FileSystemStorage
from django.utils import timezone
from werkzeug import Response

from inro.common import claims, waking
from media_library import content, fetching
from media_library.models import Blob, Fetch, MediaFile
from media_library.tasks import run_fetch
from tests.conftest import client_of
from tests.media_library.conftest import (
    assert_nothing_left,
    refusal,
    stored,
    temporary,
    upload_url,
)
from tests.waiting import Run, eventually, wait_for


def tick(**later: float) -> None:
    waking._failed_at -= timedelta(**later).total_seconds()
    claims.sweep(timezone.now() + timedelta(**later))


def test_lost_wake_up_is_made_good_by_the_sweep(api, workers, serve, settings):
    settings.MEDIA_DOWNLOAD_WAIT = 0
    workers.deaf = True
    location = upload_url(api, serve())["Location"]
    assert len(workers.lost) == 1
    workers.deaf = False
    tick()
    assert workers._runs == [], "a wake-up that may only be slow is not doubled"
    tick(seconds=16)
    workers.finish()
    assert api.get(location).json()["status"] == "ready"


def test_broker_that_is_down_costs_time_only(api, workers, serve, settings, monkeypatch):
    settings.MEDIA_DOWNLOAD_WAIT = 0.1

    def down(*args, **options):
        raise OSError("no broker")

    with monkeypatch.context() as patch:
        patch.setattr(run_fetch, "apply_async", down)
        answer = upload_url(api, serve())
    assert answer.status_code == 202
    tick(seconds=16)
    workers.finish()
    assert api.get(answer["Location"]).json()["status"] == "ready"


def killed_worker(url: str, workspace, **fields) -> Fetch:
    """The row as a worker leaves it that was killed in its download."""
    now = timezone.now()
    return Fetch.objects.create(
        workspace=workspace,
        url=url,
        status="running",
        due_at=now,
        lease_until=now + fetching.LEASE,
        turn=1,
        attempts=1,
        **fields,
    )


def test_download_of_a_killed_worker_is_taken_again(api, workspace, workers, serve):
    media_file = MediaFile.objects.create(workspace=workspace, status="pending")
    row = killed_worker(serve(), workspace, media_file=media_file)
    run_fetch(row.pk)
    row.refresh_from_db()
    assert row.turn == 1, "the lease still runs"
    Fetch.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    tick(seconds=16)
    workers.finish()
    assert api.get(f"/api/v1/media_files/{media_file.pk}").json()["status"] == "ready"


def test_download_that_kills_every_worker_is_given_up(api, workspace, workers, serve, web):
    media_file = MediaFile.objects.create(workspace=workspace, status="pending")
    row = killed_worker(serve(), workspace, media_file=media_file)
    Fetch.objects.update(attempts=3, lease_until=None)
    run_fetch(row.pk)
    media_file.refresh_from_db()
    assert (media_file.status, media_file.error_code) == ("failed", "download_failed")
    assert web.log == []


def test_the_lease_is_renewed_while_a_download_runs(
    api, workspace, workers, serve, settings, monkeypatch
):
    monkeypatch.setattr(fetching, "RENEW_EVERY", 0.1)
    settings.MEDIA_DOWNLOAD_WAIT = 0
    answered = threading.Event()
    upload_url(api, serve(hold=answered))
    time.sleep(0.5)
    first = Fetch.objects.values_list("lease_until", flat=True).get()
    time.sleep(1.2)
    assert Fetch.objects.filter(lease_until__gt=first).exists()
    answered.set()


def test_a_worker_that_lost_its_turn_writes_nothing(workspace, workers, serve, settings):
    settings.MEDIA_DOWNLOAD_WAIT = 0
    workers.deaf = True
    answered = threading.Event()
    api = client_of(workspace)
    location = upload_url(api, serve(hold=answered))["Location"]
    row = Fetch.objects.get()
    with Run(partial(run_fetch, row.pk)):
        eventually(Fetch.objects.filter(status="running").exists, "the download")
        Fetch.objects.update(turn=7)  # somebody else has it now
        answered.set()
    assert api.get(location).json()["status"] == "pending"
    assert (Blob.objects.count(), stored(), temporary()) == (0, [], [])


def test_abandoned_download_ends_and_keeps_nothing(workspace, workers, web, monkeypatch):
    monkeypatch.setattr(fetching, "RENEW_EVERY", 0.1)
    stopped = threading.Event()

    def endless():
        try:
            while True:
                time.sleep(0.05)
                yield b"\xff" * 10
        finally:
            stopped.set()

    web.expect_request("/endless").respond_with_handler(lambda request: Response(endless()))
    row = Fetch.objects.create(
        workspace=workspace, url=web.url_for("/endless"), due_at=timezone.now()
    )
    workers.deliver((row.pk,))
    eventually(Fetch.objects.filter(status="running").exists, "the download")
    Fetch.objects.all().delete()
    workers.finish()
    wait_for(stopped, "the end of the answer")
    assert_nothing_left()


def test_abandoned_in_the_last_moment(workspace, workers, serve, monkeypatch):
    def examine_late(*args):
        found = content.examine(*args)
        Fetch.objects.all().delete()
        return found

    monkeypatch.setattr(fetching, "examine", examine_late)
    row = Fetch.objects.create(workspace=workspace, url=serve(), due_at=timezone.now())
    run_fetch(row.pk)
    assert_nothing_left()


def test_task_without_a_row_does_nothing(workers):
    run_fetch(4711)


def test_a_task_too_many_does_nothing(workspace, workers, serve, web):
    row = Fetch.objects.create(workspace=workspace, url=serve(), due_at=timezone.now())
    run_fetch(row.pk)
    run_fetch(row.pk)
    assert len(web.log) == 1


def test_request_that_died_leaves_nothing_for_long(workspace, workers, serve):
    for url in (serve(), serve(status=404, path="/gone")):
        row = Fetch.objects.create(workspace=workspace, url=url, due_at=timezone.now())
        run_fetch(row.pk)
    tick(minutes=9)
    assert {*Fetch.objects.values_list("status", flat=True)} == {"fetched", "failed"}
    assert len(stored()) == 1
    tick(minutes=11)
    assert_nothing_left()


def test_bytes_that_two_workspaces_fetched_are_cleared_away_for_both(
    workspace, stranger, workers, serve
):
    for each in (workspace, stranger):
        row = Fetch.objects.create(workspace=each, url=serve(), due_at=timezone.now())
        run_fetch(row.pk)
    assert Blob.objects.count() == len(stored()) == 2
    tick(minutes=11)
    assert_nothing_left()


def test_sweep_removes_stale_temporary_files_only(workers, settings):
    (settings.TEMP_DIR / "half.upload").write_bytes(b"x")
    tick(minutes=59)
    assert len(temporary()) == 1
    tick(minutes=61)
    assert temporary() == []


def test_storage_that_fails_in_the_worker(api, workers, serve, monkeypatch):
    def fail(self, name, file):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(FileSystemStorage, "_save", fail)
    answer = upload_url(api, serve())
    assert refusal(answer) == (502, "storage_unavailable", ["file_url"])
    assert_nothing_left()


def test_fault_of_ours_is_told_as_one(api, workers, serve, monkeypatch):
    def fail(*args):
        raise RuntimeError("secret detail")

    monkeypatch.setattr(fetching, "examine", fail)
    answer = upload_url(api, serve())
    assert refusal(answer)[:2] == (502, "download_failed")
    assert "secret" not in answer.content.decode()
    assert_nothing_left()
