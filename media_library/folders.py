"""What is done with folders.

A workspace's tree is changed by one at a time, so that each change is judged by the tree as the one
before has left it. Locks are taken in the order workspace, folder, media file, blob.
"""

from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any
from uuid import uuid4

from django.db import transaction
from django.utils import timezone

from inro.accounts.models import Workspace
from inro.common.errors import Refused, invalid
from media_library.models import MAX_FOLDER_DEPTH, MediaFile, MediaFolder

_MOST_NAMED = 20


def version_of(folder: MediaFolder) -> str:
    """Another one after each change; files that come and go are none."""
    return sha256(f"{folder.parent_id} {folder.name}".encode()).hexdigest()[:16]


def hold_tree(workspace: Workspace) -> None:
    """Keep others from changing the folders of `workspace` until the transaction ends."""
    Workspace.objects.select_for_update(no_key=True).get(pk=workspace.pk)


def hold_folder(workspace: Workspace, folder_id: int | None) -> None:
    """Keep the folder there until what is put in it is committed.

    Raises Refused, at `folder_id`, when the workspace has no such folder.
    """
    if folder_id is None:
        return
    mine = MediaFolder.objects.for_workspace(workspace).select_for_update(no_key=True)
    if not mine.filter(pk=folder_id).values_list("pk"):
        raise invalid({"folder_id": [no_folder(folder_id)]})


def no_folder(pk: int) -> str:
    return f"No folder has the id {pk}."


@transaction.atomic
def create_folder(workspace: Workspace, name: str, parent_id: int | None = None) -> MediaFolder:
    """A new folder. Raises Refused: `conflict` for a name that its parent has already."""
    hold_tree(workspace)
    folder = MediaFolder(workspace=workspace, name=name, parent_id=parent_id)
    _judge(folder)
    folder.save()
    return folder


def change_folder(folder: MediaFolder, values: Mapping[str, Any]) -> None:
    """Set `name` and `parent_id`; the tree has to be held. Raises Refused as `create_folder`."""
    news = {name: value for name, value in values.items() if getattr(folder, name) != value}
    if news:
        for name, value in news.items():
            setattr(folder, name, value)
        _judge(folder)
        folder.save(update_fields=[*news])


def delete_folder(folder: MediaFolder) -> None:
    """Remove `folder` and move what is in it to its parent; the tree has to be held.

    Raises Refused, `conflict`, when the parent has folders of the same names as those inside.
    """
    inside = MediaFolder.objects.filter(parent=folder)
    _refuse_clashes(folder)
    # Whoever puts a file in holds the folder until that is committed, and is waited for here.
    MediaFolder.objects.select_for_update().get(pk=folder.pk)
    above, now = folder.parent_id, timezone.now()
    files = MediaFile.objects.filter(folder=folder)
    # As others lock several files.
    for _ in files.order_by("pk").select_for_update(no_key=True).values_list("pk").iterator():
        pass
    files.update(folder=above, updated_at=now)
    # It may hold one of its own name, which then takes its place.
    MediaFolder.objects.filter(pk=folder.pk).update(name_folded=uuid4().hex)
    inside.update(parent=above, updated_at=now)
    folder.delete()


def _refuse_clashes(folder: MediaFolder) -> None:
    beside = MediaFolder.objects.filter(workspace=folder.workspace_id, parent=folder.parent_id)
    taken = beside.exclude(pk=folder.pk).values("name_folded")
    inside = MediaFolder.objects.filter(parent=folder, name_folded__in=taken)
    names = list(inside.values_list("name", flat=True)[:_MOST_NAMED])
    if names:
        message = "Where the folders inside would go there are others of the same names."
        found = [f"Rename or move {name!r} first." for name in names]
        raise Refused("conflict", message, {"folders": found})


def _judge(folder: MediaFolder) -> None:
    """Whether `folder` may stand where it says; raises Refused."""
    if folder.parent_id is not None:
        _judge_parent(folder, folder.parent_id)
    beside = MediaFolder.objects.filter(workspace=folder.workspace_id, parent=folder.parent_id)
    same = beside.filter(name_folded=MediaFolder.folded(folder.name)).exclude(pk=folder.pk)
    if pk := same.values_list("pk", flat=True).first():
        message = f"There is a folder of this name already: {pk}."
        raise Refused("conflict", message, {"name": [message]})


def _judge_parent(folder: MediaFolder, parent_id: int) -> None:
    mine = MediaFolder.objects.filter(workspace=folder.workspace_id).in_full()
    parent = mine.filter(pk=parent_id).first()
    if parent is None:
        raise invalid({"parent_id": [no_folder(parent_id)]})
    above = list(_upwards(parent))
    if folder.pk in above:
        raise invalid({"parent_id": ["A folder cannot be put into itself."]})
    if len(above) + _height(folder) > MAX_FOLDER_DEPTH:
        raise invalid({"parent_id": [f"Folders nest at most {MAX_FOLDER_DEPTH} deep."]})


def _upwards(folder: MediaFolder | None) -> Iterator[int]:
    while folder is not None:
        yield folder.pk
        folder = folder.parent


def _height(folder: MediaFolder) -> int:
    """How many levels `folder` and what is in it take."""
    height, level = 1, [folder.pk] if folder.pk else []
    while level := list(MediaFolder.objects.filter(parent__in=level).values_list("pk", flat=True)):
        height += 1
    return height
