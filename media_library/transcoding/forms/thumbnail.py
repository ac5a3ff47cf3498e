from __future__ import annotations

from typing import TYPE_CHECKING

from media_library.transcoding.caps import PICTURE_SECONDS
from media_library.transcoding.forms.base import IMAGES, VIDEOS, Form

if TYPE_CHECKING:
    from media_library.transcoding.work import Work

MAX_SIDE = 400
_QUALITY = 80


class Thumbnail(Form):
    """A small picture for lists, of a picture or a video."""

    name = "thumbnail"
    label = "Thumbnail"
    mime_type = "image/jpeg"
    extension = "jpg"
    sources = IMAGES | VIDEOS
    seconds = PICTURE_SECONDS

    def make(self, work: Work) -> None:
        from media_library.transcoding import fitting

        if work.mime_type in IMAGES:
            from media_library.transcoding import pictures

            picture = pictures.read(work, MAX_SIDE)
        else:
            from media_library.transcoding import stills

            picture = stills.read(work, MAX_SIDE)
        fitting.write_jpeg(picture, work, best=_QUALITY)
