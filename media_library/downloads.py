"""The downloads of one request: started together, waited for together, kept or dropped together."""

from __future__ import annotations

import time
from collections.abc import Mapping

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from inro.accounts.models import Workspace
from inro.api import waiting
from inro.common.errors import Refused
from inro.common.waking import wake
from media_library import naming
from media_library.duplicates import found_instead
from media_library.models import Fetch, FetchStatus, MediaFile, MediaStatus
from media_library.references import MediaReference, OnDuplicate
from media_library.sweeping import discard
from media_library.tasks import run_fetch

# Once one has failed, the others get this long to fail too, so that a request hears of all.
_COMPANY_SECONDS = 1.0
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.01, 0.1

Faults = dict[str, Refused]
References = Mapping[str, MediaReference]


class Downloads:
    """Keyed by the path of the body that names the URL."""

    def __init__(self, workspace: Workspace, urls: Mapping[str, str]) -> None:
        self._workspace = workspace
        self._urls = urls
        self._ids: dict[str, int] = {}
        self._locked: dict[str, Fetch | None] = {}

    def start(self) -> None:
        if not self._urls:
            return
        now = timezone.now()
        rows = [
            Fetch(workspace=self._workspace, url=url, due_at=now) for url in self._urls.values()
        ]
        with transaction.atomic():
            Fetch.objects.bulk_create(rows)
            for row in rows:
                wake(run_fetch, row.pk)
        self._ids = {path: row.pk for path, row in zip(self._urls, rows, strict=True)}

    def wait(self) -> Faults:
        """Wait until all are settled, or one has failed, or time is over; what failed by then.

        Does not wait at all when too many other requests do.
        """
        if not self._ids:
            return {}
        deadline = time.monotonic() + settings.MEDIA_DOWNLOAD_WAIT
        pause, faults = _SHORTEST_PAUSE, Faults()
        with waiting.slot() as may_wait:
            while may_wait and (left := deadline - time.monotonic()) > 0:
                rows = self._rows()
                if all(_is_settled(row) for row in rows.values()):
                    break
                if not faults and (faults := _faults(rows)):
                    deadline = min(deadline, time.monotonic() + _COMPANY_SECONDS)
                time.sleep(min(pause, left))
                pause = min(pause * 1.3, _LONGEST_PAUSE)
        return _faults(self._rows()) if may_wait else {}

    def lock(self) -> Faults:
        """Lock the rows until the caller's transaction ends; what has failed by now.

        From here on a worker finishes the media file instead of the fetch.
        """
        self._locked = self._rows(lock=True) if self._ids else {}
        return _faults(self._locked)

    @property
    def blob_ids(self) -> set[int]:
        """The bytes that have arrived, to be held before `attach` refers to them."""
        rows = self._locked.values()
        return {row.blob_id for row in rows if row is not None and row.blob_id is not None}

    def attach(self, references: References) -> tuple[dict[str, MediaFile], Faults]:
        """The media files of the locked rows, pending while they are fetched; what is refused."""
        files, faults = {}, Faults()
        for path, row in self._locked.items():
            try:
                if row:
                    files[path] = _media_file(row, references[path])
            except Refused as refused:
                faults[path] = refused
        rows = self._locked.values()
        fetched = [row.pk for row in rows if row and row.status == FetchStatus.FETCHED]
        Fetch.objects.filter(pk__in=fetched).delete()
        return files, faults

    def discard(self) -> None:
        """Drop those that no committed media file came of."""
        if self._ids:
            discard(self._ids.values())

    def _rows(self, lock: bool = False) -> dict[str, Fetch | None]:
        rows = Fetch.objects.filter(pk__in=self._ids.values()).order_by("pk")
        if lock:
            rows = rows.select_related("blob").select_for_update(of=("self",))
        found = {row.pk: row for row in rows}
        return {path: found.get(pk) for path, pk in self._ids.items()}


def _is_settled(row: Fetch | None) -> bool:
    return row is None or row.status in (FetchStatus.FETCHED, FetchStatus.FAILED)


def _faults(rows: Mapping[str, Fetch | None]) -> Faults:
    faults = {}
    for path, row in rows.items():
        if row is None:
            faults[path] = Refused("download_failed", "The download was given up.")
        elif row.status == FetchStatus.FAILED:
            faults[path] = Refused(row.error_code, row.error_message)
    return faults


def _media_file(fetch: Fetch, reference: MediaReference) -> MediaFile:
    is_ready, about = fetch.status == FetchStatus.FETCHED, reference.about
    if fetch.blob and (found := found_instead(fetch.blob, reference.on_duplicate)):
        return found
    media_file = MediaFile.objects.create(
        workspace_id=fetch.workspace_id,
        status=MediaStatus.READY if is_ready else MediaStatus.PENDING,
        blob=fetch.blob,
        media_type=fetch.media_type,
        folder_id=about.folder_id,
        name=naming.clean(about.name) or fetch.name,
        caption=about.caption,
        description=about.description,
        source_url=fetch.url,
    )
    if not is_ready:
        fetch.media_file = media_file
        # Its id is given out with this answer: bytes that are here already cannot return another.
        fetch.refuse_duplicate = reference.on_duplicate == OnDuplicate.ERROR
        fetch.save(update_fields=["media_file", "refuse_duplicate"])
    return media_file
