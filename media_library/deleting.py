"""Taking a file out of the library."""

from django.db import transaction
from django.db.models import ProtectedError

from inro.common.errors import Refused
from media_library.models import MediaFile
from media_library.storage import release_blob


def delete_media_file(media_file: MediaFile) -> None:
    """Remove the file, and its bytes unless another file has the same.

    Raises Refused (`in_use`) while something names it.
    """
    with transaction.atomic():
        row = MediaFile.objects.select_for_update(of=("self",)).filter(pk=media_file.pk).first()
        if row is None:
            return
        blob_id = row.blob_id
        try:
            row.delete()
        except ProtectedError:
            raise Refused("in_use", "Something still names this file.") from None
        if blob_id is not None:
            release_blob(blob_id)
