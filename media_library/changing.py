"""Changing what people say of a file."""

import json
from collections.abc import Collection, Mapping
from hashlib import sha256
from typing import Any

from django.db import transaction

from inro.accounts.models import AuditEntry, Workspace
from media_library import naming
from media_library.folders import hold_folder
from media_library.models import Fetch, MediaFile

OWN_FIELDS = ("name", "description", "caption", "folder_id")


def version_of(media_file: MediaFile) -> str:
    """Another one after each change of the own fields or the bytes."""
    said = [getattr(media_file, name) for name in (*OWN_FIELDS, "blob_id")]
    return sha256(json.dumps(said).encode()).hexdigest()[:16]


def locked(media_file: MediaFile) -> MediaFile | None:
    """As it is now, or None when it was deleted meanwhile; nobody writes to it from here on.

    Its download first: a worker that hands one over locks them in this order.
    """
    list(Fetch.objects.filter(media_file=media_file).select_for_update().values_list("pk"))
    rows = (
        MediaFile.objects.undeleted().filter(pk=media_file.pk).select_related("blob", "workspace")
    )
    return rows.select_for_update(of=("self",), no_key=True).first()


def change_media_file(media_file: MediaFile, values: Mapping[str, Any], actor: Any) -> None:
    """Write those of `values` that are news, and that `actor` did so.

    The row is locked, and the folder, before it.
    """
    called = media_file.kept_name
    given = dict(values)
    if "name" in given:
        name, file_type = given["name"], media_file.file_type
        given["name"] = naming.named(name, file_type) if file_type else naming.clean(name)
    news = {name: value for name, value in given.items() if getattr(media_file, name) != value}
    for name, value in news.items():
        setattr(media_file, name, value)
    if news:
        media_file.save(update_fields=[*news])
        _note(media_file, called, [*news], actor)


def _note(media_file: MediaFile, called: str, changed: list[str], actor: Any) -> None:
    """Names of fields, never what they say; the file goes by what it was `called` before."""
    whose, pk, folder_id = media_file.workspace, media_file.pk, media_file.folder_id
    texts = [name for name in changed if name != "folder_id"]
    if texts:
        AuditEntry.record(whose, actor, "media file changed", called, id=pk, fields=texts)
    if "folder_id" in changed:
        AuditEntry.record(whose, actor, "media file moved", called, id=pk, folder_id=folder_id)


@transaction.atomic
def move_media_files(
    workspace: Workspace,
    media_file_ids: Collection[int],
    folder_id: int | None,
    actor: Any,
) -> int:
    """Put those of these files that the workspace has into a folder, or into none; how many.

    Raises Refused, at `folder_id`, when the workspace has no such folder.
    """
    hold_folder(workspace, folder_id)
    mine = MediaFile.objects.for_workspace(workspace).undeleted().filter(pk__in=media_file_ids)
    files = list(mine.order_by("pk").select_for_update(no_key=True))
    for each in files:
        each.workspace = workspace
        change_media_file(each, {"folder_id": folder_id}, actor)
    return len(files)
