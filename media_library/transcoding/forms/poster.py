from __future__ import annotations

from typing import TYPE_CHECKING

from media_library.transcoding.caps import PICTURE_SECONDS
from media_library.transcoding.forms.base import VIDEOS, Form

if TYPE_CHECKING:
    from media_library.transcoding.work import Work

MAX_SIDE = 1920


class Poster(Form):
    """The picture that stands for a video until it plays."""

    name = "poster"
    label = "Poster"
    mime_type = "image/jpeg"
    extension = "jpg"
    sources = VIDEOS
    seconds = PICTURE_SECONDS

    def make(self, work: Work) -> None:
        from media_library.transcoding import fitting, stills

        fitting.write_jpeg(stills.read(work, MAX_SIDE), work)
