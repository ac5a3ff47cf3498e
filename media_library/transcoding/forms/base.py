"""What every form is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from media_library.transcoding.work import Work

IMAGES = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp", "image/heic"})
SOUNDS = frozenset(
    {
        "audio/mpeg",
        "audio/mp4",
        "audio/aac",
        "audio/ogg",
        "audio/wav",
        "audio/amr",
        "audio/webm",
        "audio/3gpp",
    }
)
VIDEOS = frozenset({"video/mp4", "video/quicktime", "video/webm", "video/3gpp", "video/ogg"})


class Form(ABC):
    """`sources` are the types of the files it can be made of; `label` is for people.

    `make` runs in a process of its own, and imports there what the others should not load.
    """

    name: ClassVar[str]
    label: ClassVar[str]
    mime_type: ClassVar[str]
    extension: ClassVar[str]
    sources: ClassVar[frozenset[str]]
    seconds: ClassVar[float]

    @abstractmethod
    def make(self, work: Work) -> None:
        """Raises TranscodingFailed; of other errors the process makes one itself."""
