"""How a request names a file: one of the library, or one to be fetched."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class About:
    """What a person says of a file; an empty name is taken from the file itself."""

    name: str = ""
    caption: str = ""
    description: str = ""


@dataclass(frozen=True)
class MediaReference:
    """Either `id` or `file_url`; `about` goes with a `file_url`."""

    id: int | None = None
    file_url: str = ""
    about: About = field(default_factory=About)
