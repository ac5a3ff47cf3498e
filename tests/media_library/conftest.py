import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.files.uploadedfile import SimpleUploadedFile
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from media_library import fetching, making
from media_library.models import Blob, Fetch, MediaFile
from media_library.tasks import run_fetch
from media_library.transcoding import Job
from tests.media_library import files
from tests.waiting import SECONDS, Run, wait_for


class Workers:
    """Celery workers in threads of this process: what is woken runs, side by side."""

    def __init__(self) -> None:
        self._runs: list[Run[None]] = []
        self._at_work = threading.Event()
        self._at_work.set()
        self.lost: list[int] = []
        self.deaf = False

    def deliver(self, args: tuple[int, ...], countdown: float = 0) -> None:
        if self.deaf:
            self.lost += args
        else:
            self._runs.append(Run(partial(self._run, args, countdown)))

    def _run(self, args: tuple[int, ...], countdown: float) -> None:
        time.sleep(countdown)
        wait_for(self._at_work, "the end of their rest")
        run_fetch(*args)

    def rest(self) -> None:
        self._at_work.clear()

    def finish(self) -> None:
        """Let them work until nothing is left, with every fault of theirs raised here."""
        self._at_work.set()
        while self._runs:
            self._runs.pop().result()


@pytest.fixture
def workers(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workers]:
    workers = Workers()
    monkeypatch.setattr(run_fetch, "apply_async", workers.deliver)
    monkeypatch.setattr(fetching, "BACK_OFF", (0.05, 0.1))
    yield workers
    workers.finish()


@pytest.fixture(scope="session")
def server() -> Iterator[HTTPServer]:
    with HTTPServer(host="127.0.0.1", threaded=True) as server:
        yield server


@pytest.fixture
def web(server: HTTPServer, settings: Any) -> HTTPServer:
    """The internet: a server on loopback that may be reached although it is private."""
    server.clear()
    settings.OUTGOING_ALLOW_HOSTS = [f"{server.host}:{server.port}"]
    return server


Serve = Callable[..., str]


@pytest.fixture
def serve(web: HTTPServer) -> Serve:
    """Put bytes at an address; `hold` keeps the answer until it is set."""

    def serve(
        body: bytes | None = None,
        path: str = "/welcome.jpg",
        content_type: str = "image/jpeg",
        status: int = 200,
        hold: threading.Event | None = None,
        **headers: str,
    ) -> str:
        def answer(request: Request) -> Response:
            if hold is not None:
                hold.wait(SECONDS / 2)
            response = Response(files.picture() if body is None else body, status, headers)
            response.headers.pop("Content-Type", None)
            if content_type:
                response.headers["Content-Type"] = content_type
            return response

        web.expect_request(path).respond_with_handler(answer)
        return web.url_for(path)

    return serve


def upload(
    client: Any, body: bytes, filename: str = "file.bin", content_type: str = "", **fields: Any
):
    """`POST /api/v1/media_files` as a form with a file."""
    file = SimpleUploadedFile(filename, body, content_type or "application/octet-stream")
    return client.post("/api/v1/media_files", {"file": file, **fields}, format="multipart")


def upload_url(client: Any, url: str, **fields: Any):
    return client.post("/api/v1/media_files", {"file_url": url, **fields})


def stored() -> list[Path]:
    storage: Any = django_settings.STORAGES["default"]
    root = Path(storage["OPTIONS"]["location"])
    return [path for path in root.rglob("*") if path.is_file()]


def temporary() -> list[Path]:
    return list(Path(django_settings.TEMP_DIR).iterdir())


def assert_nothing_left() -> None:
    rows = {model.__name__: model._default_manager.count() for model in (MediaFile, Blob, Fetch)}
    assert rows == {"MediaFile": 0, "Blob": 0, "Fetch": 0}
    assert (stored(), temporary()) == ([], [])


def refusal(answer: Any) -> tuple[int, str, list[str]]:
    return answer.status_code, error_code(answer), list(details(answer))


def details(answer: Any) -> dict[str, list[str]]:
    return dict(answer.json()["error"]["details"])


def error_code(answer: Any) -> str:
    return str(answer.json()["error"]["code"])


JPEG, SMALL = files.noise("JPEG", (300, 200)), files.picture(size=(32, 24))


class Transcoder:
    """Stands in for the real one; `act` is done in the middle of each job."""

    def __init__(self) -> None:
        self.jobs: list[Job] = []
        self.sources: list[bytes] = []
        self.results = {"jpeg": JPEG, "thumbnail": SMALL, "poster": SMALL}
        self.act: Callable[[Job, Callable[[int], None], Callable[[], bool]], None] | None = None

    def __call__(
        self,
        source: Path,
        target: Path,
        job: Job,
        *,
        progress: Callable[[int], None],
        cancelled: Callable[[], bool],
    ) -> None:
        self.jobs.append(job)
        self.sources.append(source.read_bytes())
        if self.act:
            self.act(job, progress, cancelled)
        target.write_bytes(self.results[job.form])


@pytest.fixture
def transcoder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Transcoder]:
    transcoder = Transcoder()
    monkeypatch.setattr(making, "transcode", transcoder)
    yield transcoder
    assert temporary() == []
