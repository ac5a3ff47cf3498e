"""The forms that files can be made into, each in a file of its own."""

from __future__ import annotations

from media_library.transcoding.forms.base import Form
from media_library.transcoding.forms.jpeg import Jpeg
from media_library.transcoding.forms.m4a import M4a
from media_library.transcoding.forms.mp4 import Mp4
from media_library.transcoding.forms.opus import Opus
from media_library.transcoding.forms.poster import Poster
from media_library.transcoding.forms.thumbnail import Thumbnail

__all__ = ["FORMS", "Form"]

FORMS: dict[str, Form] = {
    form.name: form for form in (Jpeg(), Thumbnail(), Poster(), Mp4(), M4a(), Opus())
}
