"""The other forms in which a file may be kept, each under a name and a limit of its own.

One limit serves all channels: the strictest. Megabytes are counted by thousands here, so that a
result also fits where a provider counts them that way.
"""

from dataclasses import dataclass

from inro.common.registry import Registry
from media_library.kinds import TYPES, FileType, MediaKind

_MB = 1_000_000


@dataclass(frozen=True)
class Recipe:
    """`form` is a name of `media_library.transcoding`; `noun` is what people call the result."""

    name: str
    form: str
    mime_type: str
    max_bytes: int
    noun: str

    @property
    def file_type(self) -> FileType:
        return TYPES[self.mime_type]


JPEG = Recipe("jpeg-5mb", "jpeg", "image/jpeg", 5 * _MB, "a JPEG of up to 5 MB")
MP4 = Recipe("mp4-16mb", "mp4", "video/mp4", 16 * _MB, "an MP4 of up to 16 MB")
M4A = Recipe("m4a-16mb", "m4a", "audio/mp4", 16 * _MB, "an M4A of up to 16 MB")
OPUS = Recipe("opus-16mb", "opus", "audio/ogg", 16 * _MB, "a voice note of up to 16 MB")
# RCS takes previews of up to 100 kB.
THUMBNAIL = Recipe("thumbnail", "thumbnail", "image/jpeg", 100_000, "a thumbnail")
POSTER = Recipe("poster", "poster", "image/jpeg", 100_000, "a still picture")

RECIPES: Registry[Recipe] = Registry(
    "recipes", key=lambda recipe: recipe.name, items=[JPEG, MP4, M4A, OPUS, THUMBNAIL, POSTER]
)
# What a file of a kind may be turned into for a channel, the best first.
FOR_CHANNELS: dict[MediaKind, tuple[Recipe, ...]] = {
    MediaKind.IMAGE: (JPEG,),
    MediaKind.AUDIO: (M4A,),
    MediaKind.VIDEO: (MP4,),
    MediaKind.DOCUMENT: (),
}
# What people look at before they open a file.
TO_LOOK_AT = {MediaKind.IMAGE: THUMBNAIL, MediaKind.VIDEO: POSTER}
