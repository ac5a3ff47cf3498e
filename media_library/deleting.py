"""Deleting a file: its row stays as a tombstone, its bytes go with the last file that has them."""

from django.db import transaction

from inro.common.errors import Refused
from media_library.changing import locked
from media_library.holding import release_blobs
from media_library.models import Fetch, MediaFile, MediaStatus
from media_library.usages import UsageRows

MOST_NAMED = 20


@transaction.atomic
def delete_media_file(media_file: MediaFile, *, if_unused: bool = False) -> None:
    """Delete `media_file`; whatever still names it fails with `media_deleted` from now on.

    Raises Refused: `in_use` when `if_unused` and something would still send it, `not_found` when
    somebody else was first. A scenario locks the files that it comes to name, so none slips in.
    """
    current = locked(media_file)
    if current is None:
        raise Refused("not_found", "There is no such resource in this workspace.")
    if if_unused:
        _refuse_used(current)
    # A worker that is at its download finds the row gone and stores nothing.
    Fetch.objects.filter(media_file=current).delete()
    blob_id = current.blob_id
    current.status, current.blob, current.folder = MediaStatus.DELETED, None, None
    current.caption = current.description = current.source_url = ""
    current.error_code = current.error_message = ""
    current.save()
    if blob_id is not None:
        release_blobs([blob_id])


def _refuse_used(media_file: MediaFile) -> None:
    usages = UsageRows(media_file.pk)
    count = usages.count()
    if count:
        named = usages.first(MOST_NAMED)
        more = [f"and {count - len(named)} more"] if count > len(named) else []
        raise Refused(
            "in_use",
            "The file is used; `usages` of it lists by what.",
            {"usages": [*map(_words, named), *more]},
        )


def _words(usage: dict[str, object]) -> str:
    action = f", action {usage['action_key']!r}" if usage.get("action_key") else ""
    return f"{usage['type']} {usage['id']}{action}"
