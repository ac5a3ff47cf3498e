"""Bytes that come a second time. Whoever asks here has locked them, so that of several uploads at
once only the first finds nothing."""

from inro.common.errors import Refused
from media_library.models import Blob, MediaFile
from media_library.references import OnDuplicate


class DuplicateError(Refused):
    """The library has the bytes already, and was asked to refuse them then."""


def found_instead(blob: Blob, wish: OnDuplicate) -> MediaFile | None:
    """The file to answer with instead of a new one of `blob`.

    Raises DuplicateError, `duplicate_media`, when there is one and `wish` is that there be none.
    """
    if wish == OnDuplicate.REUSE:
        return None
    files = MediaFile.objects.undeleted().select_related("blob").filter(blob=blob)
    found = files.order_by("-pk").first()
    if found is None:
        return None
    if wish == OnDuplicate.ERROR:
        message = f"The library has this file already: media file {found.pk}."
        raise DuplicateError("duplicate_media", message)
    found.was_here = True
    return found
