from __future__ import annotations

from typing import TYPE_CHECKING

from media_library.transcoding.caps import VIDEO_SECONDS
from media_library.transcoding.forms.base import VIDEOS, Form

if TYPE_CHECKING:
    from media_library.transcoding.work import Work


class Mp4(Form):
    """H.264 (main profile) and AAC in an MP4 that plays while it loads."""

    name = "mp4"
    label = "MP4 video"
    mime_type = "video/mp4"
    extension = "mp4"
    sources = VIDEOS
    seconds = VIDEO_SECONDS

    def make(self, work: Work) -> None:
        from media_library.transcoding import videos

        videos.make(work)
