"""Every file that a request names, found or fetched before the request writes anything.

    with gathered(workspace, references) as media, transaction.atomic():
        files = media.attach()      # {path: MediaFile}
        …                           # write what refers to them

Entering the block takes as long as a request may wait, and has to happen outside a transaction.
`attach` makes the rows, in the caller's transaction. What was not attached and committed when the
block ends is removed: downloads, bytes, copies.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager

from django.db import transaction

from inro.accounts.models import Workspace
from inro.common import http
from inro.common.errors import Refused, invalid
from inro.common.outgoing import MAX_URL_LENGTH
from media_library import naming, ordering, serving
from media_library.content import copied, examine
from media_library.downloads import Downloads, Faults
from media_library.duplicates import found_instead
from media_library.folders import hold_folder
from media_library.holding import hold_blobs
from media_library.models import Blob, MediaFile, MediaStatus
from media_library.references import MediaReference
from media_library.serving import Served
from media_library.storage import Deposit, deposited, open_blob

References = Mapping[str, MediaReference]


@contextmanager
def gathered(workspace: Workspace, references: References) -> Iterator[Gathering]:
    """Find and fetch what `references` name; the keys are the paths at which the body names it.

    Raises Refused with all faults known by then, at `<path>.id` or `<path>.file_url`. Every id is
    looked up before anything is fetched. The same URL twice makes two media files.
    """
    refuse(reference_faults(workspace, references))
    with ExitStack() as stack:
        yield Gathering(workspace, references, stack)


def resolve_references(workspace: Workspace, references: References) -> dict[str, MediaFile]:
    """All of `references` as media files, in a transaction of its own; see `gathered`."""
    with gathered(workspace, references) as media, transaction.atomic():
        return media.attach()


def reference_faults(
    workspace: Workspace, references: References, kept: Collection[int] = ()
) -> Faults:
    """What can be said against `references` before anything is fetched, by path.

    Files with the ids `kept` may have been deleted.
    """
    faults = named_files(workspace, references, kept)[1]
    for path, reference in references.items():
        if reference.id is None and (fault := url_fault(reference.file_url)):
            faults[_under(path, "file_url")] = Refused("validation_failed", fault)
    return faults


def named_files(
    workspace: Workspace,
    references: References,
    kept: Collection[int] = (),
    *,
    lock: bool = False,
) -> tuple[dict[str, MediaFile], Faults]:
    """The files that `references` name by id, and what can be said against that, each by path.

    With `lock` none of them is deleted until the caller's transaction ends.
    """
    asked = {path: each.id for path, each in references.items() if each.id is not None}
    rows = MediaFile.objects.for_workspace(workspace).select_related("blob")
    if lock:
        rows = rows.order_by("pk").select_for_update(of=("self",), no_key=True)
    found = {each.pk: each for each in rows.filter(pk__in=set(asked.values()))} if asked else {}
    files, faults = {}, {}
    for path, pk in asked.items():
        if pk not in found:
            refused = Refused("validation_failed", f"No media file has the id {pk}.")
            faults[_under(path, "id")] = refused
        elif found[pk].status == MediaStatus.DELETED and pk not in kept:
            faults[_under(path, "id")] = Refused(
                "media_deleted", f"The media file {pk} was deleted."
            )
        else:
            files[path] = found[pk]
    return files, faults


def url_fault(url: str) -> str | None:
    """What the text of `url` has against it. Addresses of ours are not asked of the network."""
    if len(url) <= MAX_URL_LENGTH and url.isprintable() and serving.find_by_url(url):
        return None
    try:
        http.check_url(url)
    except http.FetchRefused as error:
        return error.message
    return None


class Gathering:
    """What `gathered` found; good for one `attach`."""

    def __init__(self, workspace: Workspace, references: References, stack: ExitStack) -> None:
        self._workspace = workspace
        self._references = references
        self._stack = stack
        urls = {path: each.file_url for path, each in references.items() if each.id is None}
        own = {path: found for path, url in urls.items() if (found := serving.find_by_url(url))}
        self._copies = self._copy(own)
        self._downloads = Downloads(
            workspace, {path: url for path, url in urls.items() if path not in own}
        )
        stack.callback(self._downloads.discard)
        self._downloads.start()
        refuse(_at_urls(self._downloads.wait()))

    def attach(self, letting_go: Collection[int] = ()) -> dict[str, MediaFile]:
        """The media files by path; downloads that are not done come as pending ones.

        `letting_go`: the blobs that the caller releases afterwards, by id.
        Raises Refused when a download failed or a named file was deleted at the last moment: the
        transaction then has to end.
        """
        for folder_id in sorted({each.about.folder_id or 0 for each in self._references.values()}):
            hold_folder(self._workspace, folder_id or None)
        files, faults = named_files(self._workspace, self._references, lock=True)
        refuse(faults)
        refuse(_at_urls(self._downloads.lock()))
        deposits = [deposit for _, deposit in self._copies.values()]
        blobs = hold_blobs(deposits, self._downloads.blob_ids, letting_go)
        downloaded, faults = self._downloads.attach(self._references)
        refuse(_at_urls(faults))
        files |= downloaded
        for path, (source, deposit) in self._copies.items():
            files[path] = self._copied(path, source, blobs[deposit.content.sha256], deposit)
        return {path: files[path] for path in self._references}

    def _copy(self, own: Mapping[str, Served]) -> dict[str, tuple[Served, Deposit]]:
        """Read our own files from the storage, whosever they are, into this workspace."""
        copies, faults = {}, {}
        for path, source in own.items():
            try:
                copies[path] = (source, self._deposit(source))
            except Refused as error:
                faults[path] = error
        refuse(_at_urls(faults))
        return copies

    def _deposit(self, source: Served) -> Deposit:
        try:
            with open_blob(source.blob) as stored:
                file = self._stack.enter_context(copied(stored))
        except FileNotFoundError:
            raise Refused("validation_failed", "This file of ours is no longer there.") from None
        content = examine(file, source.file_type.mime_type)
        return self._stack.enter_context(deposited(self._workspace, content))

    def _copied(self, path: str, source: Served, blob: Blob, deposit: Deposit) -> MediaFile:
        reference, file_type = self._references[path], deposit.content.file_type
        try:
            found = found_instead(blob, reference.on_duplicate)
        except Refused as refused:
            raise refused.at(_under(path, "file_url")) from None
        ordering.order(blob, file_type.kind)
        return found or MediaFile.objects.create(
            workspace=self._workspace,
            blob=blob,
            media_type=file_type.kind,
            folder_id=reference.about.folder_id,
            name=naming.named(reference.about.name or source.media_file.name, file_type),
            caption=reference.about.caption,
            description=reference.about.description,
            source_url=reference.file_url,
        )


def _at_urls(faults: Faults) -> Faults:
    return {_under(path, "file_url"): each for path, each in faults.items()}


def refuse(faults: Faults) -> None:
    """Raise what befell one file or several, each at its path."""
    if not faults:
        return
    details = {path: [each.message] for path, each in faults.items()}
    first = next(iter(faults.values()))
    if len(faults) == 1:
        raise Refused(first.code, first.message, details)
    if first.code != "validation_failed" and len({each.code for each in faults.values()}) == 1:
        raise Refused(first.code, f"{len(faults)} files could not be taken.", details)
    raise invalid(details)


def _under(path: str, key: str) -> str:
    return f"{path}.{key}".lstrip(".")
