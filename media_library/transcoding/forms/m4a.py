from __future__ import annotations

from typing import TYPE_CHECKING

from media_library.transcoding.caps import SOUND_SECONDS
from media_library.transcoding.forms.base import SOUNDS, VIDEOS, Form

if TYPE_CHECKING:
    from media_library.transcoding.work import Work


class M4a(Form):
    """AAC in MP4, mono or stereo."""

    name = "m4a"
    label = "AAC sound"
    mime_type = "audio/mp4"
    extension = "m4a"
    sources = SOUNDS | VIDEOS
    seconds = SOUND_SECONDS

    def make(self, work: Work) -> None:
        from media_library.transcoding import sounds

        sounds.make(work, sounds.M4A)
