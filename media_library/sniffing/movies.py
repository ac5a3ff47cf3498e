"""What the tracks of ISO media are of, how large their pictures are, how long they last."""

from __future__ import annotations

from dataclasses import dataclass, field

from media_library import limits
from media_library.sniffing.boxes import Box, Walk, top
from media_library.sniffing.codecs import Codec, codec_of
from media_library.sniffing.facts import (
    Bytes,
    Details,
    check_pixels,
    lasting,
    truncated,
    unsupported,
)
from media_library.sniffing.fragments import fragments_end
from media_library.sniffing.tables import check_samples

_SHOWN = frozenset((b"vide", b"soun"))
_UNKNOWN = {0, 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF}


@dataclass
class Movie:
    handlers: set[bytes] = field(default_factory=set)
    width: int | None = None
    height: int | None = None
    duration: float | None = None
    details: Details = field(default_factory=Details)


@dataclass(frozen=True)
class Track:
    number: int
    handler: bytes
    size: tuple[int, int]
    turned: bool
    codec: Codec
    reorders: bool | None
    timescale: int
    seconds: float


def read_movie(data: Bytes) -> Movie:
    """Raises Refused when a box is not whole, or one that a player needs is missing."""
    outer = top(data)
    names = [each.name for each in outer]
    if b"moov" not in names:
        raise truncated("file")
    head, walk = outer[names.index(b"moov")], Walk(data)
    tracks = [_track(walk, each) for each in walk.all(head, b"trak")]
    if tracks and b"mdat" not in names:
        raise truncated("file")
    movie = Movie({track.handler for track in tracks} & _SHOWN)
    _describe(movie, tracks, _turned(walk, walk.one(head, b"mvhd"), 36))
    if b"mdat" in names:
        movie.details["faststart"] = names.index(b"moov") < names.index(b"mdat")
    scales = {track.number: track.timescale for track in tracks}
    seconds = _clock(walk, walk.one(head, b"mvhd"))[1] or max(
        (t.seconds for t in tracks), default=0
    )
    if b"moof" in names:
        fragments = [each for each in outer if each.name == b"moof"]
        seconds = max(
            seconds, fragments_end(Walk(data, limits.MAX_FRAGMENT_BOXES), head, fragments, scales)
        )
    movie.duration = lasting(seconds)
    return movie


def _describe(movie: Movie, tracks: list[Track], turned: bool) -> None:
    for track in tracks:
        width, height = track.size
        if track.handler == b"vide":
            check_pixels(width * height, "video")
            if movie.width is None and width and height:
                across = track.turned != turned
                movie.width, movie.height = (height, width) if across else (width, height)
            if track.codec.name and "video_codec" not in movie.details:
                movie.details |= _pictures_of(track)
        elif track.handler == b"soun":
            if track.codec.name:
                movie.details.setdefault("audio_codec", track.codec.name)
            if track.codec.channels:
                movie.details.setdefault("channels", track.codec.channels)


def _track(walk: Walk, box: Box) -> Track:
    head, handler = walk.one(box, b"tkhd"), walk.one(box, b"mdia", b"hdlr")
    kind = walk.data[handler.start + 8 : handler.start + 12] if handler else b""
    table = walk.one(box, b"mdia", b"minf", b"stbl")
    codec, reorders = Codec(), None
    if kind in _SHOWN and _is_elsewhere(walk, box):
        raise unsupported("The file refers to other files.")
    if table:
        check_samples(walk, table)
        entries = walk.one(table, b"stsd")
        if entries:
            codec = codec_of(walk, entries, kind)
        reorders = _reorders(walk, table)
    timescale, seconds = _clock(walk, walk.one(box, b"mdia", b"mdhd"))
    if codec.width and codec.height:
        check_pixels(codec.width * codec.height, "video")
    return Track(
        number=_later(walk, head, 12) if head else 0,
        handler=kind,
        size=_shown_size(walk, head) or (codec.width, codec.height),
        turned=_turned(walk, head, 40),
        codec=codec,
        reorders=reorders,
        timescale=timescale,
        seconds=seconds,
    )


def _pictures_of(track: Track) -> Details:
    details = Details(video_codec=track.codec.name)
    if track.codec.profile:
        details["video_profile"] = track.codec.profile
    if track.codec.name == "h264" and track.reorders is not None:
        details["b_frames"] = track.reorders
    return details


def _reorders(walk: Walk, table: Box) -> bool | None:
    """Whether samples are shown in another order than they are decoded; None when fragments tell.

    One offset for all of them only delays.
    """
    found = {each.name: each for each in walk.inside(table)}
    times, offsets = found.get(b"stts"), found.get(b"ctts")
    if times is None or not walk.number(times, 4, 4):
        return None
    return offsets is not None and walk.number(offsets, 4, 4) > 1


def _is_elsewhere(walk: Walk, track: Box) -> bool:
    """Whether its samples are said to lie in another file, which a player would open."""
    places = walk.one(track, b"mdia", b"minf", b"dinf", b"dref")
    each = walk.inside(places, 8) if places else ()
    return any(not walk.number(place, 3, 1) & 1 for place in each)


def _shown_size(walk: Walk, head: Box | None) -> tuple[int, int] | None:
    if head is None:
        return None
    width, height = (_later(walk, head, at) + 0x8000 >> 16 for at in (76, 80))
    return (width, height) if width and height else None


def _turned(walk: Walk, head: Box | None, matrix: int) -> bool:
    """Whether a header's matrix, at so many bytes, turns by a quarter."""
    if head is None:
        return False
    a, b, c, d = (abs(_signed(_later(walk, head, matrix + at))) for at in (0, 4, 12, 16))
    return b + c > a + d


def _later(walk: Walk, head: Box, at: int) -> int:
    """A field behind the times of a track's or movie's header, which version 1 writes longer."""
    version = walk.number(head, 0, 1)
    longer = (8 if at == 12 else 12) if version == 1 else 0
    return walk.number(head, at + longer, 4)


def _signed(value: int) -> int:
    return value - (1 << 32) if value >> 31 else value


def _clock(walk: Walk, head: Box | None) -> tuple[int, float]:
    """Ticks a second and seconds in all, of the header of a movie or of a track's media."""
    if head is None:
        return 0, 0
    version = walk.number(head, 0, 1)
    at, size = (20, 8) if version == 1 else (12, 4)
    timescale, duration = walk.number(head, at, 4), walk.number(head, at + 4, size)
    if not timescale or duration in _UNKNOWN:
        return timescale, 0
    return timescale, duration / timescale
