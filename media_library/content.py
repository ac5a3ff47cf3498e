"""The one core of every road into the library: bytes on a file of their own, judged, measured."""

from __future__ import annotations

import hashlib
import io
import mmap
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import IO

from django.conf import settings
from django.core.files import File

from inro.common.errors import Refused
from media_library.kinds import FileType, chosen_type
from media_library.sniffing import Facts, sniff
from media_library.sniffing.facts import Bytes
from media_library.stripping import Edit, edits_of, pieces

_CHUNK_BYTES = 256 * 1024


@dataclass(frozen=True)
class Content:
    """Bytes that passed every check.

    `size` and `sha256` are those of what is stored: `file`, without what gives a person away.
    """

    file: File
    size: int
    sha256: str
    facts: Facts
    file_type: FileType
    edits: tuple[Edit, ...] = ()

    @contextmanager
    def stored(self) -> Iterator[File]:
        """What is to be stored: the very file that came, unless something has to go."""
        if not self.edits:
            yield self.file
            return
        with temporary_file() as file:
            for piece in pieces(self.file, self.edits):
                file.write(piece)
            file.flush()
            yield file


def examine(file: File, declared: str = "") -> Content:
    """Judge a file on this machine's disk or in memory; `declared` is what its sender calls it.

    Raises Refused (`validation_failed`, `too_large`, `unsupported_media`), said of no path.
    """
    file.seek(0, 2)
    size = file.tell()
    if not size:
        raise Refused("validation_failed", "The file is empty.")
    check_size(size)
    with _bytes_of(file) as data:
        facts = sniff(file, data)  # type: ignore[arg-type]
        edits = tuple(edits_of(data, facts))
    if edits:
        facts = replace(facts, details={**facts.details, "stripped": True})
    size, digest = measured(file, edits)
    file_type = chosen_type(facts.mime_type, bare_type(declared))
    return Content(file, size, digest, facts, file_type, edits)


def measured(file: File, edits: Sequence[Edit] = ()) -> tuple[int, str]:
    """How large `file` is with these edits, and its digest."""
    size, digest = 0, hashlib.sha256()
    for piece in pieces(file, edits):
        size += len(piece)
        digest.update(piece)
    return size, digest.hexdigest()


def _bytes_of(file: File) -> AbstractContextManager[Bytes]:
    if isinstance(file.file, io.BytesIO):
        return nullcontext(file.file.getvalue())
    return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def check_size(size: int) -> None:
    if size > settings.MEDIA_MAX_BYTES:
        raise Refused("too_large", f"The file is larger than {settings.MEDIA_MAX_BYTES:,} bytes.")


def bare_type(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


@contextmanager
def temporary_file() -> Iterator[File]:
    """A file without a name: whatever happens to this process, nothing stays behind."""
    with tempfile.TemporaryFile(dir=settings.TEMP_DIR) as file:
        yield File(file)


@contextmanager
def copied(stream: IO[bytes] | File) -> Iterator[File]:
    """The rest of `stream` in a temporary file. Raises Refused as soon as it is too much."""
    with temporary_file() as file:
        size = 0
        while chunk := stream.read(_CHUNK_BYTES):
            size += len(chunk)
            check_size(size)
            file.write(chunk)
        file.flush()
        yield file
