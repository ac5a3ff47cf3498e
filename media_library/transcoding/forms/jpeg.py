from __future__ import annotations

from typing import TYPE_CHECKING

from media_library.transcoding.caps import PICTURE_SECONDS
from media_library.transcoding.forms.base import IMAGES, Form

if TYPE_CHECKING:
    from media_library.transcoding.work import Work

# No channel shows more; it keeps the picture that is being made within 50 MB.
MAX_SIDE = 4096


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
