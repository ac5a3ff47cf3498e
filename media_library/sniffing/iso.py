"""ISO media by its brands: MP4, M4A, MOV, 3GP, HEIC."""

from __future__ import annotations

from media_library.sniffing import images
from media_library.sniffing.facts import Bytes, Facts, Sample, number, unsupported
from media_library.sniffing.movies import Movie, read_movie

_HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis"}
_PICTURE_BRANDS = {b"mif1", b"msf1"}
# Files of these call themselves compatible with MP4, too.
_FOREIGN_BRANDS = {b"avif", b"avis", b"crx ", b"3g2a", b"3g2b", b"3g2c", b"hevc", b"hevx"}
_AUDIO_BRANDS = {b"M4A ", b"M4B ", b"F4A "}
_MP4_BRANDS = {b"mp41", b"mp42", b"avc1", b"dash", b"M4V ", b"M4VH", b"M4VP", b"MSNV", b"f4v "}
_BRANDS_END = 16 + 4 * 64


def iso_media(sample: Sample) -> Facts:
    data = sample.data
    size = number(data, 0, 4, "file")
    major, others = data[8:12], data[16 : min(size, _BRANDS_END)]
    brands = {major, *(others[at : at + 4] for at in range(0, len(others), 4))}
    if major in _HEIC_BRANDS or (major in _PICTURE_BRANDS and brands & _HEIC_BRANDS):
        return images.heic(sample)
    if major == b"qt  ":
        return quicktime(sample)
    if major[:3] == b"3gp":
        return _moving(data, "3gpp")
    is_mp4 = any(each in _MP4_BRANDS | _AUDIO_BRANDS or each[:3] == b"iso" for each in brands)
    if is_mp4 and major not in _PICTURE_BRANDS | _FOREIGN_BRANDS:
        return _moving(data, "mp4", sounds=bool(brands & _AUDIO_BRANDS))
    raise unsupported("Of the files in this container, MP4, M4A, MOV, 3GP and HEIC are accepted.")


def quicktime(sample: Sample) -> Facts:
    return _facts("video/quicktime", read_movie(sample.data))


def _moving(data: Bytes, container: str, sounds: bool = False) -> Facts:
    """By its tracks the file is sound or video; without any, by what its brand says."""
    movie = read_movie(data)
    if movie.handlers:
        sounds = b"vide" not in movie.handlers
    return _facts(f"{'audio' if sounds else 'video'}/{container}", movie)


def _facts(mime_type: str, movie: Movie) -> Facts:
    return Facts(mime_type, movie.width, movie.height, movie.duration, movie.details)
