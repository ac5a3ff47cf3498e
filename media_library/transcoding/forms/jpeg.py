from __future__ import annotations

from typing import TYPE_CHECKING

from media_library.transcoding.caps import PICTURE_SECONDS
from media_library.transcoding.forms.base import IMAGES, Form

if TYPE_CHECKING:
    from media_library.transcoding.work import Work

# No channel shows more; a square of it takes 41 MB while it is being made.
MAX_SIDE = 3200


class Jpeg(Form):
    """A picture as every channel takes it: upright, in sRGB, on white, without metadata."""

    name = "jpeg"
    label = "JPEG picture"
    mime_type = "image/jpeg"
    extension = "jpg"
    sources = IMAGES
    seconds = PICTURE_SECONDS

    def make(self, work: Work) -> None:
        from media_library.transcoding import fitting, pictures

        fitting.write_jpeg(pictures.read(work, MAX_SIDE), work)
