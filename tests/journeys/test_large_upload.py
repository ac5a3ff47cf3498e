"""A file much larger than memory should hold, sent to the real web server."""

import hashlib
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.journeys.product import Product
from tests.media_library.files import iso_media
from tests.object_storage import ObjectStorage
from tests.waiting import Run

pytestmark = [pytest.mark.processes, pytest.mark.once, pytest.mark.timeout(120)]

MEGABYTE = 1024 * 1024
_CHUNK = bytes(range(256)) * 1024
MAY_GROW_BY = 60 * MEGABYTE


def sound(megabytes: int) -> Iterator[bytes]:
    """A WAV file, made as it is sent."""
    size = megabytes * MEGABYTE
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, 8000, 16000, 2, 16)
    yield struct.pack("<4sI4s", b"RIFF", 36 + size, b"WAVE") + form
    yield struct.pack("<4sI", b"data", size)
    for _ in range(size // len(_CHUNK)):
        yield _CHUNK


def film(megabytes: int) -> Iterator[bytes]:
    """An MP4 whose pictures come last."""
    small, size = iso_media(b"mp42", b"vide", media=b""), megabytes * MEGABYTE
    yield small[:-8] + struct.pack(">I4s", size + 8, b"mdat")
    for _ in range(size // len(_CHUNK)):
        yield _CHUNK


def form(file: Iterator[bytes]) -> Iterator[bytes]:
    yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="large"\r\n\r\n'
    yield from file
    yield b"\r\n--x--\r\n"


def length_of(chunks: Iterator[bytes]) -> int:
    return sum(map(len, chunks))


def web_of(product: Product) -> psutil.Process:
    """The process that answers, below the one that watches over it."""
    serving = [each for each in product.processes() if "granian" in each.cmdline()]
    return max(serving, key=lambda each: each.memory_info().rss)


class Watching:
    """The highest resident memory of a process while the block runs, above that at its start."""

    def __init__(self, process: psutil.Process) -> None:
        self._process, self._done = process, threading.Event()
        self._first = self.peak = process.memory_info().rss

    def _watch(self) -> None:
        while not self._done.wait(0.01):
            self.peak = max(self.peak, self._process.memory_info().rss)

    def __enter__(self) -> "Watching":
        self._run = Run(self._watch)
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._run.result()

    @property
    def growth(self) -> int:
        return self.peak - self._first


@pytest.fixture
def product(tmp_path: Path, tables: Path | None) -> Iterator[Product]:
    product = Product(tmp_path, MEDIA_MAX_BYTES=str(1024 * MEGABYTE))
    if tables:
        product.give(tables)
    yield product
    product.destroy()


def send(product: Product, path: str, file: str, megabytes: int):
    make = {"sound": sound, "film": film}[file]
    length = length_of(form(make(megabytes)))
    headers = {
        "Content-Type": "multipart/form-data; boundary=x",
        "Content-Length": str(length),
    }
    return product.client.post(f"/api/v1{path}", content=form(make(megabytes)), headers=headers)


def digest(file: Iterator[bytes]) -> str:
    found = hashlib.sha256()
    for chunk in file:
        found.update(chunk)
    return found.hexdigest()


def left_behind(product: Product) -> list[str]:
    """Of the uploads; a worker makes renditions of them meanwhile."""
    names = [each.name for each in (product.folder / "data" / "tmp").iterdir()]
    return [name for name in names if not name.startswith(("rendition-", ".making-"))]


def test_in_flat_memory(product: Product):
    product.start()
    # What any first upload loads is no growth.
    assert send(product, "/media_files", "sound", 2).status_code == 201
    assert send(product, "/media", "film", 2).status_code == 201
    with Watching(web_of(product)) as watching:
        answer = send(product, "/media_files", "sound", 200)
        other = send(product, "/media", "film", 70)
    assert (answer.status_code, other.status_code) == (201, 201), answer.text
    assert answer.json()["sha256"] == digest(sound(200))
    assert other.json()["mimeType"] == "video/mp4"
    assert watching.growth < MAY_GROW_BY
    assert left_behind(product) == []


def test_to_a_bucket_in_parts(product: Product, s3_service: ObjectStorage):
    s3_service.clear()
    product.environment["STORAGE_URL"] = s3_service.url(timeout="30")
    product.start()
    assert send(product, "/media_files", "sound", 20).status_code == 201
    with Watching(web_of(product)) as watching:
        answer = send(product, "/media_files", "sound", 100)
    assert answer.status_code == 201, answer.text
    assert watching.growth < MAY_GROW_BY
    large = max(s3_service.names(), key=lambda name: len(s3_service.body(name)))
    assert hashlib.sha256(s3_service.body(large)).hexdigest() == digest(sound(100))
    assert s3_service.uploads() == []
    assert left_behind(product) == []
