"""The three doors into the library. What may come in is decided behind them, in `content`.

A refusal is raised as Refused and leaves nothing behind: no row, no stored file. Except for a wrong
`media_type` or `folder_id` it names no path, since only the caller knows the field. `before_commit`
is called with the media file at the end of the transaction that makes it, or that finds it: its
`was_here` tells.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager, nullcontext
from typing import IO

from django.core.files import File
from django.core.files.uploadedfile import TemporaryUploadedFile, UploadedFile
from django.db import transaction

from inro.accounts.models import Workspace
from inro.common.errors import Refused
from inro.common.inserting import insert
from media_library import naming, ordering
from media_library.content import Content, bare_type, copied, examine
from media_library.delivering import Source, wanted
from media_library.duplicates import found_instead
from media_library.folders import hold_folder
from media_library.gathering import gathered
from media_library.kinds import FileType
from media_library.models import Blob, MediaFile
from media_library.references import About, MediaReference, OnDuplicate
from media_library.storage import deposited

BeforeCommit = Callable[[MediaFile], None]


def ingest_upload(
    workspace: Workspace,
    file: UploadedFile,
    *,
    media_type: str | None = None,
    name: str = "",
    caption: str = "",
    description: str = "",
    folder_id: int | None = None,
    on_duplicate: OnDuplicate = OnDuplicate.REUSE,
    only: Collection[str] = (),
    before_commit: BeforeCommit | None = None,
) -> MediaFile:
    """Store a file of a request. `media_type` has to agree with its bytes.

    `only`: the MIME types that are taken, where that is not all; then the bytes alone decide.
    """
    declared = "" if only else _declared(file)
    with at_hand(file) as local:
        content = examine(local, f"{media_type}/" if media_type else declared)
        _check_type(content.file_type, media_type, only)
        about = About(name or file.name or "", caption, description, folder_id)
        return _store(workspace, content, about, on_duplicate, before_commit)


def _declared(file: UploadedFile) -> str:
    """What its sender calls it; who names no type may name a table CSV, which bytes do not tell."""
    content_type = file.content_type or ""
    is_unknown = bare_type(content_type) in ("", "application/octet-stream")
    return "text/csv" if is_unknown and (file.name or "").lower().endswith(".csv") else content_type


def _check_type(file_type: FileType, media_type: str | None, only: Collection[str]) -> None:
    if only and file_type.mime_type not in only:
        taken = ", ".join(sorted(only))
        message = f"The file is {file_type.mime_type}; taken here: {taken}."
        raise Refused("unsupported_media", message)
    if media_type and file_type.kind != media_type:
        message = f"The file is of the type {file_type.kind}, not {media_type}."
        raise Refused("validation_failed", message, {"media_type": [message]})


def ingest_stream(
    workspace: Workspace,
    stream: IO[bytes],
    content_type: str,
    *,
    name: str = "",
    caption: str = "",
    description: str = "",
) -> MediaFile:
    """Store what a provider hands us, read to its end."""
    with copied(stream) as local:
        content = examine(local, content_type)
        return _store(workspace, content, About(name, caption, description))


def ingest_url(
    workspace: Workspace,
    file_url: str,
    *,
    name: str = "",
    caption: str = "",
    description: str = "",
    folder_id: int | None = None,
    on_duplicate: OnDuplicate = OnDuplicate.REUSE,
    before_commit: BeforeCommit | None = None,
) -> MediaFile:
    """Fetch and store; the file is pending when that takes longer than a request may wait.

    Refusals stand at the path `file_url`. Call it outside a transaction.
    """
    about = About(name, caption, description, folder_id)
    reference = MediaReference(file_url=file_url, about=about, on_duplicate=on_duplicate)
    with gathered(workspace, {"": reference}) as media, transaction.atomic():
        media_file = media.attach()[""]
        if before_commit:
            before_commit(media_file)
        return media_file


def at_hand(file: UploadedFile) -> AbstractContextManager[File]:
    """The file of a request as one of this machine."""
    here = isinstance(file, TemporaryUploadedFile) or isinstance(file.file, io.BytesIO)
    return nullcontext(file) if here else copied(file)


def _store(
    workspace: Workspace,
    content: Content,
    about: About,
    on_duplicate: OnDuplicate = OnDuplicate.REUSE,
    before_commit: BeforeCommit | None = None,
) -> MediaFile:
    with deposited(workspace, content) as deposit, transaction.atomic():
        hold_folder(workspace, about.folder_id)
        blob = deposit.blob(unordered=_needs_forms(content))
        media_file = found_instead(blob, on_duplicate) or _made(blob, content, about)
        if before_commit:
            before_commit(media_file)
        return media_file


def _made(blob: Blob, content: Content, about: About) -> MediaFile:
    media_file = MediaFile(
        workspace_id=blob.workspace_id,
        blob=blob,
        media_type=content.file_type.kind,
        folder_id=about.folder_id,
        name=naming.named(about.name, content.file_type),
        caption=about.caption,
        description=about.description,
    )
    media_file.fold_texts()
    insert(media_file)
    ordering.order_soon(blob, content.file_type.kind)
    return media_file


def _needs_forms(content: Content) -> bool:
    file_type = content.file_type
    source = Source(file_type.kind, file_type.mime_type, content.size, content.facts.details)
    return bool(wanted(source))
