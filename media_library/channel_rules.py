"""What channels take of the library's files: the apps above say so themselves."""

from collections.abc import Mapping
from dataclasses import dataclass

from inro.common.registry import Registry
from media_library.kinds import MediaKind


@dataclass(frozen=True)
class KindRule:
    """What a channel takes of one kind. Where no codecs are named, any will do."""

    mime_types: frozenset[str]
    max_bytes: int
    video_codecs: frozenset[str] = frozenset()
    # Of H.264: where none are named, any will do.
    video_profiles: frozenset[str] = frozenset()
    b_frames: bool = True
    audio_codecs: frozenset[str] = frozenset()
    # Of Opus in OGG: one channel of sound only, as in a voice note.
    mono_ogg: bool = False
    # Of PNG: eight bits a colour.
    eight_bit: bool = False
    # Of MP4: what players need first has to come first.
    faststart: bool = False


@dataclass(frozen=True)
class ChannelRules:
    """`kind` is its key in `deliverable`; what is of a kind that is missing never goes out.

    `short` is what small badges say instead of the label.
    """

    kind: str
    label: str
    media: Mapping[MediaKind, KindRule]
    short: str = ""


CHANNEL_RULES: Registry[ChannelRules] = Registry("rules of channels", key=lambda rules: rules.kind)
