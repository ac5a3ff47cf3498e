"""The bytes that a transaction touches, locked in one order for everybody: that of their digests.

Bytes that are yet to come have a digest too, so inserting them stands in the same order as locking
those that are there. Whoever touches more than one names them all at once.
"""

from collections.abc import Collection, Iterable, Mapping
from functools import partial

from django.db import transaction
from django.db.models import ProtectedError

from media_library.models import Blob, Fetch, MediaFile, Rendition
from media_library.storage import Deposit, remove_stored


def hold_blobs(
    deposits: Iterable[Deposit] = (),
    others: Collection[int] = (),
    letting_go: Collection[int] = (),
) -> dict[str, Blob]:
    """The rows of these bytes by digest, locked until the caller's transaction ends.

    `others` and `letting_go` are ids; rows that are gone are missing in the answer. With the latter
    come the results of their renditions, which may go along.
    """
    by_digest = {each.content.sha256: each for each in deposits}
    return {blob.sha256: blob for blob in _held(by_digest, others, letting_go)}


def _held(
    deposits: Mapping[str, Deposit], others: Collection[int], letting_go: Collection[int]
) -> list[Blob]:
    while letting_go:
        going = _with_results(letting_go)
        with transaction.atomic():
            held = _locked(deposits, {*others, *going})
            # A result comes under the lock of its source: from here on there are no more of them.
            if _with_results(letting_go) <= going:
                return held
            transaction.set_rollback(True)  # gives back the locks of this block
    return _locked(deposits, others)


def _locked(deposits: Mapping[str, Deposit], ids: Collection[int]) -> list[Blob]:
    rows = Blob.objects.filter(pk__in=ids).values_list("sha256", "pk") if ids else []
    # Several workspaces may have the same bytes; those of deposits are all of one.
    others = {(digest, pk) for digest, pk in rows if digest not in deposits}
    held = []
    for digest, pk in sorted(others | {(digest, 0) for digest in deposits}):
        if digest in deposits:
            held.append(deposits[digest].blob())
        elif blob := Blob.objects.select_for_update().filter(pk=pk).first():
            held.append(blob)
    return held


def _with_results(ids: Collection[int]) -> set[int]:
    """These sources, what was made of them, what was made of that, and so on."""
    found, level = set(ids), set(ids)
    while level:
        made = Rendition.objects.filter(source__in=level).exclude(blob=None)
        level = set(made.values_list("blob_id", flat=True)) - found
        found |= level
    return found


@transaction.atomic
def release_blobs(ids: Collection[int]) -> None:
    """Delete each blob, and once that is committed its file, unless something refers to it.

    With it go its renditions, and their bytes unless something else refers to those.
    """
    held = {blob.pk: blob for blob in _held({}, (), ids)}
    for pk in sorted(ids):
        _release(pk, held)


def _release(pk: int, held: dict[int, Blob]) -> None:
    blob = held.get(pk)
    if blob is None or _is_named(blob):
        return
    renditions = Rendition.objects.filter(source=pk)
    results = set(renditions.exclude(blob=None).values_list("blob_id", flat=True)) - {pk}
    name = blob.storage_name
    try:
        with transaction.atomic():
            # First, since one of them may have come out as the very same bytes.
            renditions.delete()
            blob.delete()
    except ProtectedError:
        return
    del held[pk]
    transaction.on_commit(partial(remove_stored, name), robust=True)
    for result in sorted(results):
        _release(result, held)


def _is_named(blob: Blob) -> bool:
    """By anything but its own renditions. Asks for one row: very many files may share bytes."""
    made_of_others = Rendition.objects.filter(blob=blob).exclude(source=blob)
    naming = (MediaFile.objects.filter(blob=blob), Fetch.objects.filter(blob=blob), made_of_others)
    return any(rows.exists() for rows in naming)
