"""Any picture as upright sRGB on white.

One of 50 megapixels takes 200 MB once it is decoded. So there is never a second copy of it: strips
of it are converted and scaled one after the other.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

import pillow_heif
from PIL import Image, ImageOps

from media_library import limits
from media_library.transcoding.colours import Colours
from media_library.transcoding.work import Work, damaged

_FORMATS = {
    "image/jpeg": "JPEG",
    "image/png": "PNG",
    "image/gif": "GIF",
}
_HEIC, _WEBP = "image/heic", "image/webp"
# Pillow's reader of WebP is that of animations, and keeps four copies of the picture. A larger one
# is read by ffmpeg, which knows no animations.
_LARGE_WEBP_PIXELS = 12_000_000
# Without loss, ffmpeg takes twice as much for it, and the file's own size besides.
_LOSSLESS_WEBP_MEGAPIXELS, _LOSSLESS_WEBP_MB = 24, 25
_ORIENTATION = 0x0112
_STRIP_ROWS = 128
# Rows of the result beyond a strip's ends that its last rows depend on.
_MARGIN = 4

# The pixels are counted here.
Image.MAX_IMAGE_PIXELS = None


@dataclass(frozen=True)
class Decoded:
    """A picture's pixels, of which `strip` copies the rows from one to before another."""

    size: tuple[int, int]
    strip: Callable[[int, int], Image.Image]
    profile: bytes
    orientation: int


def read(work: Work, max_side: int) -> Image.Image:
    """The first frame, at most so many pixels wide and high. Raises TranscodingFailed."""
    try:
        if work.mime_type == _HEIC:
            decoded = _heic(work.source)
        elif work.mime_type == _WEBP:
            decoded = _webp(work, max_side)
        else:
            decoded = _decoded(work.source, _FORMATS[work.mime_type], max_side)
    except (OSError, SyntaxError, ValueError, EOFError, RuntimeError) as error:
        raise damaged("The picture is damaged: it cannot be read to its end.") from error
    work.progress(40)
    picture, orientation = _scaled(decoded, max_side), decoded.orientation
    del decoded  # before there are more copies
    work.progress(70)
    return picture if orientation == 1 else _upright(picture, orientation)


def _decoded(source: BinaryIO, format: str, max_side: int) -> Decoded:
    picture = Image.open(source, formats=[format])
    _check(picture.size)
    # A JPEG can be decoded smaller by halves.
    picture.draft(None, _fitted(picture.size, max_side))
    picture.load()

    def strip(start: int, end: int) -> Image.Image:
        return picture.crop((0, start, picture.width, end))

    orientation = picture.getexif().get(_ORIENTATION, 1)
    return Decoded(picture.size, strip, _profile(picture.info), orientation)


def _heic(source: BinaryIO) -> Decoded:
    """Straight from the decoder's memory; it has turned the picture already."""
    pillow_heif.options.DECODE_THREADS = 1
    picture = pillow_heif.open_heif(source, remove_stride=False)
    _check(picture.size)
    data, stride, mode = memoryview(picture.data), picture.stride, picture.mode

    def strip(start: int, end: int) -> Image.Image:
        rows = data[start * stride : end * stride]
        size = (picture.size[0], end - start)
        return Image.frombytes(mode, size, rows, "raw", mode, stride)

    return Decoded(picture.size, strip, _profile(picture.info), 1)


def _webp(work: Work, max_side: int) -> Decoded:
    with Image.open(work.source, formats=["WEBP"]) as header:
        size, profile = header.size, _profile(header.info)
        orientation = header.getexif().get(_ORIENTATION, 1)
        is_animated = getattr(header, "is_animated", False)
    if is_animated or size[0] * size[1] <= _LARGE_WEBP_PIXELS:
        return _decoded(work.source, "WEBP", max_side)
    _check(size)
    if _is_lossless(work.source):
        _check_lossless(size, work.source)
    picture = _large_webp(work, _fitted(size, max_side))

    def strip(start: int, end: int) -> Image.Image:
        return picture.crop((0, start, picture.width, end))

    return Decoded(picture.size, strip, profile, orientation)


def _large_webp(work: Work, size: tuple[int, int]) -> Image.Image:
    # Other pictures do without ffmpeg and the memory that it takes.
    from media_library.transcoding.containers import opened

    with opened(work) as container:
        [stream] = container.streams.video
        stream.codec_context.thread_count = 1
        frame = next(container.decode(stream), None)
        if frame is None:
            raise ValueError("no picture")
        mode, format = ("RGB", "rgb24") if frame.format.name == "yuv420p" else ("RGBA", "rgba")
        pixels = frame.reformat(*size, format=format).planes[0]
        return Image.frombytes(mode, size, bytes(pixels), "raw", mode, pixels.line_size)


def _profile(info: Mapping[Any, Any]) -> bytes:
    profile = info.get("icc_profile")
    return profile if isinstance(profile, bytes) else b""


def _is_lossless(source: BinaryIO) -> bool:
    """Whether the picture of a WebP is a chunk `VP8L` (developers.google.com/speed/webp)."""
    at = 12
    while True:
        source.seek(at)
        head = source.read(8)
        if len(head) < 8 or head[:4] in (b"VP8 ", b"VP8L"):
            return head[:4] == b"VP8L"
        size = int.from_bytes(head[4:], "little")
        at += 8 + size + size % 2


def _check_lossless(size: tuple[int, int], source: BinaryIO) -> None:
    megapixels = size[0] * size[1] / 1_000_000
    megabytes = source.seek(0, os.SEEK_END) / 1_000_000
    if megapixels > _LOSSLESS_WEBP_MEGAPIXELS or megabytes > _LOSSLESS_WEBP_MB:
        most = f"{_LOSSLESS_WEBP_MEGAPIXELS} megapixels and {_LOSSLESS_WEBP_MB} MB"
        raise damaged(f"A WebP without loss can be converted up to {most}.")


def _check(size: tuple[int, int]) -> None:
    if size[0] * size[1] > limits.MAX_PIXELS:
        most = limits.MAX_PIXELS // 1_000_000
        raise damaged(f"The picture has more than {most} megapixels.")


def _fitted(size: tuple[int, int], max_side: int) -> tuple[int, int]:
    scale = min(1.0, max_side / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _scaled(decoded: Decoded, max_side: int) -> Image.Image:
    width, height = decoded.size
    size = _fitted(decoded.size, max_side)
    colours = Colours(decoded.profile)
    result = Image.new("RGB", size, "white")
    step = height / size[1]
    rows = max(8, int(_STRIP_ROWS / step))
    margin = 0 if size == decoded.size else _MARGIN
    for top in range(0, size[1], rows):
        first, last = max(top - margin, 0), min(top + rows + margin, size[1])
        start, end = math.floor(first * step), min(math.ceil(last * step), height)
        strip = colours.convert(decoded.strip(start, end))
        if margin:
            box = (0, first * step - start, width, min(last * step, height) - start)
            strip = strip.resize((size[0], last - first), Image.Resampling.LANCZOS, box)
        kept = strip.crop((0, top - first, size[0], min(top + rows, size[1]) - first))
        result.paste(kept, (0, top))
    return result


def _upright(picture: Image.Image, orientation: int) -> Image.Image:
    picture.getexif()[_ORIENTATION] = orientation
    turned = ImageOps.exif_transpose(picture)
    turned.info.clear()
    return turned
