"""Two at the same rows, stepped so that each would hold what the other needs next if they locked in
orders of their own. A third connection holds the row at which both have to wait."""

import hashlib
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.db.models import Model

from media_library import making, orders
from media_library.downloads import Downloads
from media_library.models import Blob, Fetch, MediaFile, Rendition
from media_library.tasks import run_fetch
from tests.conftest import client_of
from tests.media_library import files
from tests.media_library.conftest import upload, upload_url
from tests.media_library.test_deleting import using
from tests.media_library.test_folders import made
from tests.media_library.test_life_races import assert_nothing_is_lost, put
from tests.waiting import SECONDS, Run, eventually, results, wait_for

FILES, FOLDERS = "/api/v1/media_files", "/api/v1/media_folders"

pytestmark = [
    pytest.mark.usefixtures("transactional_db"),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time"),
]


class Gate:
    """Rows that are held until they are let go."""

    def __init__(self) -> None:
        self._other = connection.copy()
        self._other.set_autocommit(False)

    def hold(self, row: Model) -> None:
        with self._other.cursor() as cursor:
            table = connection.ops.quote_name(row._meta.db_table)
            cursor.execute(f"SELECT FROM {table} WHERE id = %s FOR UPDATE", [row.pk])

    def open(self) -> None:
        self._other.commit()

    def close(self) -> None:
        self._other.close()


class Stepped:
    """Works that start one after the other, each when those before it wait for a lock."""

    def __init__(self) -> None:
        self._runs: list[Run[Any]] = []
        self._gates: list[Gate] = []

    def gate(self, row: Model) -> Gate:
        gate = Gate()
        self._gates.append(gate)
        gate.hold(row)
        return gate

    def start(self, work: Callable[[], Any]) -> Run[Any]:
        self._runs.append(Run(work))
        return self._runs[-1]

    def cross(self, row: Model, *works: Callable[[], Any]) -> list[Any]:
        """What each of `works` answers, when all of them have come to wait because of `row`."""
        gate = self.gate(row)
        started = []
        for number, work in enumerate(works, start=1):
            started.append(self.start(work))
            self.wait_for(number)
        gate.open()
        return results(started)

    def wait_for(self, number: int) -> None:
        eventually(lambda: waiting() == number, f"{number} wait for a lock")

    def close(self) -> None:
        for gate in self._gates:
            gate.close()
        late = [run.where() for run in self._runs if not run.ends()]
        assert not late, "\n".join(late)


def waiting() -> int:
    """How many connections to this database wait for a lock."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(DISTINCT pid) FROM pg_locks JOIN pg_stat_activity USING (pid) "
            "WHERE NOT granted AND datname = current_database()"
        )
        return int(cursor.fetchone()[0])


@pytest.fixture
def stepped() -> Iterator[Stepped]:
    stepped = Stepped()
    yield stepped
    stepped.close()


@pytest.fixture
def pending(api, workers, serve, settings) -> dict[str, Any]:
    """A file whose download nobody is at."""
    workers.deaf = True
    settings.MEDIA_DOWNLOAD_WAIT = 0
    answer = upload_url(api, serve())
    assert answer.status_code == 202
    return dict(answer.json())


def digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def pictures(format: str = "PNG") -> list[bytes]:
    """Two, in the order of their digests."""
    return sorted((files.picture(format, colour=each) for each in ("red", "blue")), key=digest)


def blob_of(answer: Any) -> Blob:
    return Blob.objects.get(media_files=answer.json()["id"])


def copying(client: Any, *answers: Any, first: tuple[dict[str, Any], ...] = ()) -> Any:
    """A scenario that sends copies of these files."""
    sent = [*first, *({"file_url": each.json()["url"]} for each in answers)]
    actions = [
        {
            "action_key": f"a{number}",
            "action_type": "image",
            "parent_key": f"a{number - 1}" if number else None,
            "media_file": each,
        }
        for number, each in enumerate(sent)
    ]
    return using(client, actions=actions)


def fetching() -> Callable[[], Any]:
    return partial(run_fetch, Fetch.objects.get().pk)


class TestPending:
    def test_named_together_with_a_copy_of_its_bytes(self, workspace, api, pending, stepped):
        source = upload(api, files.picture())
        named = ({"id": pending["id"]},)
        client = client_of(workspace)
        _, answer = stepped.cross(
            blob_of(source), fetching(), partial(copying, client, source, first=named)
        )
        assert answer.status_code == 201, answer.content
        assert {*MediaFile.objects.values_list("status", flat=True)} == {"ready"}
        assert (MediaFile.objects.count(), Blob.objects.count()) == (3, 1)
        assert_nothing_is_lost()

    def test_replaced_by_what_is_fetched(self, workspace, api, pending, stepped):
        row = MediaFile.objects.get()
        replacing = partial(put, client_of(workspace), row.pk, files.picture())
        _, answer = stepped.cross(row, fetching(), replacing)
        assert (answer.status_code, answer.json()["status"]) == (200, "ready")
        assert_nothing_is_lost()

    def test_deleted(self, workspace, api, pending, stepped):
        row = MediaFile.objects.get()
        deleting = partial(client_of(workspace).delete, f"{FILES}/{row.pk}")
        _, answer = stepped.cross(row, fetching(), deleting)
        assert answer.status_code == 204
        assert (Blob.objects.count(), Fetch.objects.count()) == (0, 0)
        assert_nothing_is_lost()


class TestBytes:
    def test_two_that_are_copied_while_one_takes_the_place_of_the_other(
        self, workspace, api, stepped
    ):
        low, high = pictures()
        replaced, other = upload(api, high), upload(api, low)
        put_in, copied = stepped.cross(
            blob_of(replaced),
            partial(put, client_of(workspace), replaced.json()["id"], low),
            partial(copying, client_of(workspace), replaced, other),
        )
        assert (put_in.status_code, copied.status_code) == (200, 201), copied.content
        assert_nothing_is_lost()

    @pytest.mark.parametrize("swapped", [False, True])
    def test_two_files_that_fetch_each_others(
        self, workspace, api, workers, serve, stepped, monkeypatch, swapped
    ):
        bodies = pictures()[:: -1 if swapped else 1]
        answers = [upload(api, each) for each in bodies]
        first, second = (blob_of(each) for each in answers)
        urls = [serve(each, f"/{digest(each)}", "image/png") for each in bodies]
        fetched, go_on, real = threading.Semaphore(0), threading.Event(), Downloads.wait

        def wait(downloads: Downloads) -> Any:
            faults = real(downloads)
            fetched.release()
            wait_for(go_on, "the locks of the test")
            return faults

        monkeypatch.setattr(Downloads, "wait", wait)
        works = [
            stepped.start(
                partial(
                    client_of(workspace).put,
                    f"{FILES}/{answer.json()['id']}",
                    {"file_url": url},
                )
            )
            for answer, url in zip(answers, reversed(urls), strict=True)
        ]
        assert fetched.acquire(timeout=SECONDS)
        assert fetched.acquire(timeout=SECONDS)
        workers.finish()
        gates = [stepped.gate(each) for each in (first, second)]
        go_on.set()
        for gate in gates:
            stepped.wait_for(2)
            gate.open()
        done = results(works)
        assert [each.status_code for each in done] == [200, 200], [each.content for each in done]
        assert [blob_of(each).sha256 for each in answers] == [second.sha256, first.sha256]
        assert_nothing_is_lost()

    def test_found_while_it_goes(self, workspace, api, stepped):
        source = upload(api, files.picture())
        gone, found = stepped.cross(
            blob_of(source),
            partial(client_of(workspace).delete, f"{FILES}/{source.json()['id']}"),
            partial(upload, client_of(workspace), files.picture(), on_duplicate="return"),
        )
        assert (gone.status_code, found.status_code) == (204, 201), found.content
        assert_nothing_is_lost()


@pytest.fixture
def result(monkeypatch) -> bytes:
    """What every rendition comes out as. Of a lower digest than `source`, whose it is."""
    result = pictures("JPEG")[0]

    def transcode(source: Path, target: Path, *_: Any, **__: Any) -> None:
        target.write_bytes(result)

    monkeypatch.setattr(making, "transcode", transcode)
    return result


@pytest.fixture
def source(result) -> bytes:
    shades = (files.picture("WEBP", colour=(0, 0, shade)) for shade in range(256))
    return next(each for each in shades if digest(each) > digest(result))


def rendition(answer: Any) -> int:
    orders.place_new()
    return Rendition.objects.get(source=blob_of(answer), recipe="jpeg-5mb").pk


class TestRenditions:
    def test_made_while_its_source_replaces_the_same_bytes(
        self, workspace, api, stepped, source, result
    ):
        same, original = upload(api, result), upload(api, source)
        _, replaced = stepped.cross(
            blob_of(original),
            partial(making.run, rendition(original)),
            partial(put, client_of(workspace), same.json()["id"], source),
        )
        assert replaced.status_code == 200, replaced.content
        assert Rendition.objects.get(recipe="jpeg-5mb").status == "ready"
        assert Blob.objects.count() == 2, "what was a file's is a rendition's"

    def test_let_go_while_both_are_copied(self, workspace, api, stepped, source, result):
        same, original = upload(api, result), upload(api, source)
        making.run(rendition(original))
        copied, gone = stepped.cross(
            blob_of(same),
            partial(copying, client_of(workspace), same, original),
            partial(client_of(workspace).delete, f"{FILES}/{original.json()['id']}"),
        )
        assert (copied.status_code, gone.status_code) == (201, 204), copied.content
        assert_nothing_is_lost()

    def test_let_go_while_its_result_is_uploaded(self, workspace, api, stepped, source, result):
        original = upload(api, source)
        making.run(rendition(original))
        made_of_it = Blob.objects.get(sha256=digest(result))
        gone, came = stepped.cross(
            made_of_it,
            partial(client_of(workspace).delete, f"{FILES}/{original.json()['id']}"),
            partial(upload, client_of(workspace), result),
        )
        assert (gone.status_code, came.status_code) == (204, 201), came.content
        assert [each.sha256 for each in Blob.objects.all()] == [digest(result)]
        assert_nothing_is_lost()

    def test_made_of_what_goes(self, workspace, api, stepped, source, result):
        original = upload(api, source)
        gone, _ = stepped.cross(
            blob_of(original),
            partial(client_of(workspace).delete, f"{FILES}/{original.json()['id']}"),
            partial(making.run, rendition(original)),
        )
        assert gone.status_code == 204
        assert (Blob.objects.count(), Rendition.objects.count()) == (0, 0)
        assert_nothing_is_lost()


def test_folder_that_goes_while_its_files_are_named(workspace, api, stepped):
    folder = made(api, "F")["id"]
    first, second = (upload(api, files.picture(), folder_id=folder).json()["id"] for _ in "ab")
    # Its row is now behind the other one.
    assert api.patch(f"{FILES}/{first}", {"caption": "moved"}).status_code == 200
    gone, named = stepped.cross(
        MediaFile.objects.get(pk=second),
        partial(client_of(workspace).delete, f"{FOLDERS}/{folder}"),
        partial(using, client_of(workspace), first, second),
    )
    assert (gone.status_code, named.status_code) == (204, 201), named.content
    assert not MediaFile.objects.exclude(folder=None).exists()
