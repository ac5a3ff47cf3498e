"""Pictures: their structure is walked, then Pillow decodes the first frame for real."""

from __future__ import annotations

import re
import threading
import warnings

import pillow_heif
from PIL import Image

from inro.common.errors import Refused
from media_library import limits
from media_library.sniffing.facts import Bytes, Facts, Sample, number, parts, truncated, unsupported

pillow_heif.register_heif_opener()
# The pixels are counted here.
warnings.simplefilter("ignore", Image.DecompressionBombWarning)

_decoders = threading.BoundedSemaphore(limits.IMAGES_DECODED_AT_ONCE)
_EXIF_ORIENTATION = 0x0112
_TURNED = frozenset({5, 6, 7, 8})

# Between two segments nothing may stand but a few fill bytes; a scan ends at the next marker that
# is neither a stuffed 0xFF nor a restart.
_MARKER = re.compile(rb"\xff{1,64}[^\x00\xff]")
_AFTER_SCAN = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
_SCAN, _END = 0xDA, 0xD9


def jpeg(sample: Sample) -> Facts:
    return _decoded(sample, "JPEG", "image/jpeg", scans=_count_scans(sample.data))


def png(sample: Sample) -> Facts:
    _walk_png(sample.data)
    return _decoded(sample, "PNG", "image/png")


def gif(sample: Sample) -> Facts:
    _walk_gif(sample.data)
    return _decoded(sample, "GIF", "image/gif")


def webp(sample: Sample) -> Facts:
    return _decoded(sample, "WEBP", "image/webp")


def heic(sample: Sample) -> Facts:
    return _decoded(sample, "HEIF", "image/heic")


def _decoded(sample: Sample, format: str, mime_type: str, scans: int = 1) -> Facts:
    sample.file.seek(0)
    try:
        with _decoders, Image.open(sample.file, formats=[format]) as image:
            width, height = image.size
            _check_pixels(width * height, scans)
            # A JPEG is decoded at an eighth of its size, still from the first byte to the last.
            image.draft("L", (1, 1))
            image.load()
            turned = image.getexif().get(_EXIF_ORIENTATION) in _TURNED
    except Image.DecompressionBombError:
        raise _too_many_pixels() from None
    except Refused:
        raise
    except Exception as error:  # decoders raise whatever their format's library does
        raise truncated("image") from error
    return Facts(mime_type, *((height, width) if turned else (width, height)))


def _check_pixels(pixels: int, scans: int) -> None:
    if pixels > limits.MAX_PIXELS:
        raise _too_many_pixels()
    if pixels * scans > limits.MAX_SCAN_PIXELS:
        raise unsupported("The image is in too many pieces.")


def _too_many_pixels() -> Refused:
    return unsupported(f"The image has more than {limits.MAX_PIXELS // 1_000_000} megapixels.")


def _count_scans(data: Bytes) -> int:
    at, scans = 2, 0
    for _ in parts("image"):
        marker = _AFTER_SCAN.search(data, at) if scans else _MARKER.match(data, at)
        if marker is None:
            raise truncated("image")
        code = data[marker.end() - 1]
        if code == _END:
            return scans
        at = marker.end() + max(number(data, marker.end(), 2, "image"), 2)
        scans += code == _SCAN
    return scans


def _walk_png(data: Bytes) -> None:
    at = 8
    for _ in parts("image"):
        end = at + 12 + number(data, at, 4, "image")
        if end > len(data):
            raise truncated("image")
        if data[at + 4 : at + 8] == b"IEND":
            return
        at = end


def _walk_gif(data: Bytes) -> None:
    blocks = parts("image", limits.MAX_GIF_BLOCKS)
    at = 13 + _colour_table(number(data, 10, 1, "image"))
    while (introducer := number(data, at, 1, "image")) != 0x3B:
        if introducer == 0x21:
            at += 2
        elif introducer == 0x2C:
            at += 11 + _colour_table(number(data, at + 9, 1, "image"))
        else:
            raise truncated("image")
        while size := number(data, at, 1, "image"):
            next(blocks)
            at += size + 1
        at += 1
        next(blocks)


def _colour_table(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0
