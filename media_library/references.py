"""How a request names a file: one of the library, or one to be fetched."""

from dataclasses import dataclass, field
from enum import StrEnum


class OnDuplicate(StrEnum):
    """What to do with a new file whose bytes the library has already."""

    REUSE = "reuse"  # another media file of the same bytes
    RETURN = "return"  # the newest one that there is
    ERROR = "error"


@dataclass(frozen=True)
class About:
    """What a person says of a file; an empty name is taken from the file itself."""

    name: str = ""
    caption: str = ""
    description: str = ""
    folder_id: int | None = None


@dataclass(frozen=True)
class MediaReference:
    """Either `id` or `file_url`; `about` and `on_duplicate` go with a `file_url`."""

    id: int | None = None
    file_url: str = ""
    about: About = field(default_factory=About)
    on_duplicate: OnDuplicate = OnDuplicate.REUSE
