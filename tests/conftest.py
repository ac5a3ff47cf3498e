"""What every test stands on: no network but loopback, files in a folder of its own."""

import gc
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest
from django.core.cache import cache
from django.db import connection
from rest_framework.test import APIClient
from whitenoise.middleware import WhiteNoiseMiddleware  # type: ignore[import-untyped]

from inro.accounts.models import ApiToken, Workspace
from inro.common import waking
from inro.common.storing import read_storage_url
from tests import own_redis

if TYPE_CHECKING:
    from tests.object_storage import ObjectStorage

# The same examples every time: the gate judges the change, `make check-deep` goes looking.
hypothesis.settings.register_profile("quick", max_examples=25, deadline=None, derandomize=True)
hypothesis.settings.register_profile("deep", max_examples=1_000, deadline=None)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))

LOOPBACK = {"127.0.0.1", "::1", "localhost"}


DATABASE_FIXTURES = {"db", "transactional_db", "django_db_reset_sequences", "live_server"}


# Rows that somebody holds who stands still fail the test that wants them, and those that follow.
LOCK_TIMEOUT = "-c lock_timeout=20s"


def pytest_configure() -> None:
    if connection.vendor == "postgresql":
        options = connection.settings_dict["OPTIONS"]
        options["options"] = f"{options.get('options', '')} {LOCK_TIMEOUT}".strip()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What uses no database need not run on each of them; what takes long comes first.

    Otherwise one process would still wait for it when the others are done.
    """
    items.sort(key=lambda item: item.get_closest_marker("processes") is None)
    for item in items:
        used = DATABASE_FIXTURES & set(getattr(item, "fixturenames", []))
        marked = item.get_closest_marker("django_db") or item.get_closest_marker("processes")
        if not used and not marked:
            item.add_marker("once")


def pytest_collection_finish() -> None:
    """What was collected stays: the garbage collector need not walk through it ever again."""
    gc.collect()
    gc.freeze()


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Workers have to call a test the same, and a file may hold the second in which it was made."""
    return argname if isinstance(val, bytes) and len(val) > 40 else None


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> None:
    """On PostgreSQL, empty tables by deleting: to truncate them takes a tenth of a second."""
    with django_db_blocker.unblock():
        if connection.vendor != "postgresql" or not _is_superuser():
            return

    def sql_flush(operations: Any, style: Any, tables: list[str], **options: Any) -> list[str]:
        deletions = [f"DELETE FROM {operations.quote_name(table)}" for table in tables]
        role = "SET LOCAL session_replication_role"  # no foreign key is asked
        return [f"{role} = replica", *deletions, f"{role} = origin"]

    type(connection.ops).sql_flush = sql_flush  # type: ignore[method-assign, assignment]


def _is_superuser() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
        return bool(cursor.fetchone()[0])


@pytest.fixture(scope="session", autouse=True)
def static_files_are_looked_for_once() -> Iterator[None]:
    """Each client of the tests begins a server of its own, which would look for all of them."""
    found: dict[str, dict[str, Any]] = {}
    look = WhiteNoiseMiddleware.add_files_from_finders

    def look_once(server: Any) -> None:
        if server.static_prefix not in found:
            look(server)
            found[server.static_prefix] = dict(server.files)
        server.files.update(found[server.static_prefix])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(WhiteNoiseMiddleware, "add_files_from_finders", look_once)
        yield


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that leaves this machine fails the test, whoever catches the error."""
    real = socket.socket.connect

    def connect(self: socket.socket, address: Any) -> None:
        if self.family != socket.AF_UNIX and address[0] not in LOOPBACK:
            pytest.fail(f"A test tried to reach {address[0]}.")
        real(self, address)

    monkeypatch.setattr(socket.socket, "connect", connect)


@pytest.fixture(autouse=True)
def broker_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A queue that failed in one test is tried again in the next."""
    monkeypatch.setattr(waking, "_failed_at", float("-inf"))


@pytest.fixture(autouse=True)
def no_rate_limit(settings: Any) -> None:
    """Tests ask more of one token than its owners do."""
    settings.API_RATE_LIMIT = "0"


@pytest.fixture(autouse=True)
def every_wake_up(settings: Any) -> None:
    """No task begins here by itself, so each wake-up is sent; processes of their own coalesce."""
    settings.SHARED_CACHE = False


@pytest.fixture(autouse=True)
def own_files(settings: Any, tmp_path: Path) -> Path:
    """Media, temporary files and the queue live in this test's own folder."""
    media = tmp_path / "media"
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": str(media), "base_url": None},
        },
    }
    settings.TEMP_DIR = tmp_path / "tmp"
    settings.TEMP_DIR.mkdir()
    settings.FILE_UPLOAD_TEMP_DIR = str(settings.TEMP_DIR)
    # In Redis, where the queue is too, all of it is emptied.
    own_redis.empty() if settings.REDIS_URL else cache.clear()
    return media


@pytest.fixture(scope="session")
def s3_service() -> "Iterator[ObjectStorage]":
    from tests.object_storage import running  # moto takes a second to load

    yield from running()


@pytest.fixture
def s3(s3_service: "ObjectStorage", own_files: Path, settings: Any) -> "ObjectStorage":
    """Files are kept in an empty bucket."""
    s3_service.clear()
    keep_files_at(settings, s3_service.url())
    return s3_service


def keep_files_at(settings: Any, url: str, **options: Any) -> None:
    """As STORAGE_URL does; `options` are those of the storage."""
    storage = read_storage_url(url, Path(settings.DATA_DIR) / "media")
    storage["OPTIONS"] |= options
    settings.STORAGES = {**settings.STORAGES, "default": storage}


@pytest.fixture
def workspace(db: None) -> Workspace:
    return Workspace.objects.create(name="Acme", subdomain="acme", plan="pro")


@pytest.fixture
def stranger(db: None) -> Workspace:
    """Another business, whose rows must never show."""
    return Workspace.objects.create(name="Rival", subdomain="rival", plan="pro")


@pytest.fixture
def api(workspace: Workspace) -> APIClient:
    """A client with a token of `workspace` that may do everything."""
    return client_of(workspace)


def client_of(workspace: Workspace, abilities: list[str] | None = None) -> APIClient:
    _, plain = ApiToken.issue(workspace, name="test", abilities=abilities)
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {plain}")
    return client
