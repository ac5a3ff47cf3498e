"""Other bytes for a file that is there: its id, and the addresses that were given out, stay.

So does its name, but for an extension that was that of the old bytes.
"""

from collections.abc import Callable

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction

from inro.common.errors import Refused
from media_library import naming
from media_library.changing import locked
from media_library.content import examine
from media_library.gathering import gathered
from media_library.holding import hold_blobs, release_blobs
from media_library.ingest import at_hand
from media_library.models import Blob, Fetch, MediaFile, MediaStatus
from media_library.ordering import order
from media_library.references import MediaReference
from media_library.storage import deposited

# Called with the file, locked, before anything of it is changed.
Judge = Callable[[MediaFile], None]


def replace_by_upload(media_file: MediaFile, file: UploadedFile, judge: Judge) -> MediaFile:
    """Take in the bytes of `file` for those that `media_file` has. Raises Refused."""
    with at_hand(file) as local:
        declared = f"{media_file.media_type}/" if media_file.media_type else file.content_type
        content = examine(local, declared or "")
        with deposited(media_file.workspace, content) as deposit, transaction.atomic():
            current = _judged(media_file, content.file_type.kind, judge)
            blob = hold_blobs([deposit], letting_go=_bytes_of(current))[content.sha256]
            return _with(current, blob, content.file_type.kind, source_url="")


def replace_by_url(media_file: MediaFile, file_url: str, judge: Judge) -> MediaFile:
    """The same of what is at `file_url`; refusals stand at that path.

    What has not arrived while a request may wait is given up, and the file stays as it was. Call it
    outside a transaction.
    """
    reference = MediaReference(file_url=file_url)
    with gathered(media_file.workspace, {"": reference}) as media, transaction.atomic():
        current = _judged(media_file, None, judge)
        new = media.attach(letting_go=_bytes_of(current))[""]
        if new.blob is None:
            message = "The download takes too long; the file stays as it was. Try again."
            raise Refused("download_failed", message).at("file_url")
        _check_kind(current, new.media_type, "file_url")
        blob, kind = new.blob, new.media_type
        new.delete()
        return _with(current, blob, kind, source_url=file_url)


def _judged(media_file: MediaFile, kind: str | None, judge: Judge) -> MediaFile:
    current = locked(media_file)
    if current is None:
        raise Refused("not_found", "There is no such resource in this workspace.")
    judge(current)
    if kind is not None:
        _check_kind(current, kind, "file")
    return current


def _check_kind(media_file: MediaFile, kind: str, path: str) -> None:
    """What sends it goes on to send it, as what it was."""
    if media_file.media_type and media_file.media_type != kind:
        message = f"The new file is of the type {kind}; this one is {media_file.media_type}."
        raise Refused("validation_failed", message).at(path)


def _bytes_of(media_file: MediaFile) -> list[int]:
    return [] if media_file.blob_id is None else [media_file.blob_id]


def _with(media_file: MediaFile, blob: Blob, kind: str, *, source_url: str) -> MediaFile:
    before, was = media_file.blob_id, media_file.file_type
    Fetch.objects.filter(media_file=media_file).delete()
    media_file.status, media_file.blob, media_file.media_type = MediaStatus.READY, blob, kind
    media_file.error_code = media_file.error_message = ""
    media_file.source_url = source_url
    if was and media_file.file_type:
        media_file.name = naming.renamed(media_file.name, was, media_file.file_type)
    media_file.save()
    order(blob, kind)
    if before is not None and before != blob.pk:
        release_blobs([before])
    return media_file
