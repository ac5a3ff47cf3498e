import io
import os
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from PIL import Image

from tests import own_postgres
from tests.journeys.product import Product
from tests.journeys.standin import InstagramStandIn, PictureServer


@pytest.fixture(scope="session")
def migrated() -> Iterator[str]:
    """On PostgreSQL, a database with all tables; copying it is faster than making them."""
    url = os.environ.get("DATABASE_URL")
    if not url:
        yield ""
        return
    with own_postgres.migrated(url) as own:
        yield own


@pytest.fixture(autouse=True)
def own_database(migrated: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """On PostgreSQL, what a journey starts has a database of its own."""
    if not migrated:
        yield
        return
    with own_postgres.database(migrated, template=migrated) as own:
        monkeypatch.setenv("DATABASE_URL", own)
        yield


@pytest.fixture(scope="session")
def tables(
    django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory
) -> Path | None:
    """On SQLite, a file with all tables: a copy of what the other tests use."""
    if connection.vendor != "sqlite":
        return None
    path = tmp_path_factory.mktemp("tables") / "inro.sqlite3"
    with django_db_blocker.unblock(), closing(sqlite3.connect(path)) as copy:
        connection.ensure_connection()
        connection.connection.backup(copy)
    return path


@pytest.fixture(scope="session")
def picture() -> bytes:
    """A JPEG of a size that does not fit into one network packet."""
    noise = Image.effect_noise((640, 480), 60).convert("RGB")
    file = io.BytesIO()
    noise.save(file, "JPEG", quality=85)
    return file.getvalue()


@pytest.fixture
def standin() -> Iterator[InstagramStandIn]:
    server = InstagramStandIn()
    yield server
    server.close()


@pytest.fixture
def pictures(picture: bytes) -> Iterator[PictureServer]:
    server = PictureServer(picture)
    yield server
    server.close()


@pytest.fixture
def product(
    tmp_path: Path, tables: Path | None, standin: InstagramStandIn, pictures: PictureServer
) -> Iterator[Product]:
    """The running product, with both stand-ins within its reach."""
    made = Product(
        tmp_path / "a folder",
        INSTAGRAM_API_URL=standin.url,
        OUTGOING_ALLOW_HOSTS=pictures.host,
        UNCONFIRMED_AFTER="6",
        MEDIA_DOWNLOAD_WAIT="3",
    )
    if tables:
        made.give(tables)
    try:
        made.start()
        yield made
    finally:
        if sys.exc_info()[0]:
            print("\n".join(made.output))
        made.destroy()


@pytest.fixture(autouse=True)
def show_output_on_failure(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    made = request.node.funcargs.get("product")
    if made is not None:
        print("\n".join(made.output[-200:]))
