"""Where stored files lie: a folder of this machine, or a bucket, named by a URL."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote

LOCAL = "local"
# How long an address of a bucket is good: to look at a film. One that is kept for half of it still
# has the other half.
ADDRESS_SECONDS = 30 * 60
SHAPE = "must look like s3://KEY:SECRET@host/bucket?region=…"
_HOST = re.compile(r"[\w.-]+(:\d{1,5})?|\[[0-9A-Fa-f:]+\](:\d{1,5})?")
_BUCKET = re.compile(r"[\w][\w.-]{1,61}[\w]")
_OPTIONS = {"region", "prefix", "path_style", "tls", "timeout"}
_PAGE = 1000
_FLAGS = {"1": True, "0": False}


@dataclass(frozen=True)
class StoredObject:
    """A file as its storage lists it."""

    name: str
    size: int
    modified: datetime


def read_storage_url(url: str, folder: Path) -> dict[str, Any]:
    """Django's settings of the storage; `local`, or nothing, is `folder`.

    Raises ValueError, with words that go on from the name of a setting and hold no secret.
    """
    if url in ("", LOCAL):
        return {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": str(folder), "base_url": None},
        }
    if not url.startswith("s3://"):
        raise ValueError(SHAPE + ".")
    return {"BACKEND": "inro.common.bucket.Bucket", "OPTIONS": _bucket(url.removeprefix("s3://"))}


def _bucket(text: str) -> dict[str, Any]:
    place, _, query = text.partition("?")
    # A secret may hold slashes, and people paste it as it is.
    credentials, _, place = place.rpartition("@")
    host, _, bucket = place.partition("/")
    bucket = bucket.rstrip("/")
    if not _BUCKET.fullmatch(bucket) or not (not host or _HOST.fullmatch(host)):
        raise ValueError(f"{SHAPE}; without a host (s3:///bucket) it is Amazon's.")
    given = _options(query)
    amazon = not host or host.endswith(".amazonaws.com")
    if amazon and "region" not in given:
        raise ValueError("must name the region of the bucket: ?region=eu-central-1.")
    scheme = "https" if _flag(given, "tls", True) else "http"
    options: dict[str, Any] = {
        "bucket_name": bucket,
        "endpoint_url": f"{scheme}://{host}" if host else None,
        "region_name": given.get("region", "us-east-1"),
        "location": given.get("prefix", "").strip("/"),
        "addressing_style": "path" if _flag(given, "path_style", not amazon) else "virtual",
    }
    if "timeout" in given:
        options["timeout"] = _seconds(given["timeout"])
    return options | _keys(credentials)


def _keys(credentials: str) -> dict[str, Any]:
    """None of them: then those of the environment, or of the machine's role, are used."""
    if not credentials:
        return {}
    key, _, secret = credentials.partition(":")
    if not key or not secret:
        raise ValueError("must hold both key and secret, or neither: s3://KEY:SECRET@….")
    return {"access_key": unquote(key), "secret_key": unquote(secret), "security_token": None}


def _options(query: str) -> dict[str, str]:
    given = dict(parse_qsl(query, keep_blank_values=True))
    if unknown := sorted(set(given) - _OPTIONS):
        raise ValueError(f"has no option {unknown[0]!r}; it has {', '.join(sorted(_OPTIONS))}.")
    return given


def _flag(given: dict[str, str], name: str, default: bool) -> bool:
    if given.get(name, "1") not in _FLAGS:
        raise ValueError(f"says {name} by 1 or 0.")
    return _FLAGS[given[name]] if name in given else default


def _seconds(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 60:
        raise ValueError("says timeout in seconds, from 1 to 60.")
    return int(text)


def folder_of(storage: Any) -> Path | None:
    """Where its files lie on this machine, if they do."""
    from django.core.files.storage import FileSystemStorage  # settings are read before it

    return Path(storage.location) if isinstance(storage, FileSystemStorage) else None


def pages_of(storage: Any, folder: str) -> Iterator[list[StoredObject]]:
    """All that lies in `folder` of `storage`, up to a thousand at a time."""
    if hasattr(storage, "pages"):
        yield from storage.pages(folder)
        return
    found = _lying_in(Path(storage.location), Path(storage.path(folder)))
    while page := list(islice(found, _PAGE)):
        yield page


def _lying_in(location: Path, folder: Path) -> Iterator[StoredObject]:
    for path, _, names in os.walk(folder):
        for name in names:
            try:
                state = (Path(path) / name).stat()
            except FileNotFoundError:  # removed a moment ago
                continue
            inside = (Path(path) / name).relative_to(location).as_posix()
            yield StoredObject(inside, state.st_size, datetime.fromtimestamp(state.st_mtime, UTC))
