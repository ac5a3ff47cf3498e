from __future__ import annotations

from typing import TYPE_CHECKING

from media_library.transcoding.caps import SOUND_SECONDS
from media_library.transcoding.forms.base import SOUNDS, VIDEOS, Form

if TYPE_CHECKING:
    from media_library.transcoding.work import Work


class Opus(Form):
    """A voice note: Opus in OGG, mono."""

    name = "opus"
    label = "Voice note"
    mime_type = "audio/ogg"
    extension = "ogg"
    sources = SOUNDS | VIDEOS
    seconds = SOUND_SECONDS

    def make(self, work: Work) -> None:
        from media_library.transcoding import sounds

        sounds.make(work, sounds.OPUS)
