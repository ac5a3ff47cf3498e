"""Pictures: their structure is walked, then Pillow decodes the first frame for real."""

from __future__ import annotations

import threading
import warnings

import pillow_heif
from PIL import Image

from inro.common.errors import Refused
from media_library import limits
from media_library.sniffing.facts import (
    Details,
    Facts,
    Sample,
    check_pixels,
    number,
    too_many,
    truncated,
)
from media_library.sniffing.pieces import (
    GIF_FRAME,
    SCAN,
    gif_blocks,
    jpeg_segments,
    png_chunks,
    webp_chunks,
)

pillow_heif.register_heif_opener()
# The pixels are counted here.
warnings.simplefilter("ignore", Image.DecompressionBombWarning)

_decoders = threading.BoundedSemaphore(limits.IMAGES_DECODED_AT_ONCE)
_EXIF_ORIENTATION = 0x0112
_TURNED = frozenset({5, 6, 7, 8})
_COLORS = {
    **dict.fromkeys(("1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L", "F"), "gray"),
    **dict.fromkeys(("P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "YCbCr"), "rgb"),
    "CMYK": "cmyk",
}


def jpeg(sample: Sample) -> Facts:
    scans = sum(each.code == SCAN for each in jpeg_segments(sample.data))
    return _decoded(sample, "JPEG", "image/jpeg", Details(), scans)


def png(sample: Sample) -> Facts:
    data = sample.data
    details = Details(bits=number(data, 24, 1, "image"), animated=False)
    for chunk in png_chunks(data):
        if chunk.name == b"acTL":
            details["animated"] = number(data, chunk.at + 8, 4, "image") > 1
    return _decoded(sample, "PNG", "image/png", details)


def gif(sample: Sample) -> Facts:
    frames = sum(each.label == GIF_FRAME for each in gif_blocks(sample.data))
    return _decoded(sample, "GIF", "image/gif", Details(animated=frames > 1))


def webp(sample: Sample) -> Facts:
    frames = sum(each.name == b"ANMF" for each in webp_chunks(sample.data))
    return _decoded(sample, "WEBP", "image/webp", Details(animated=frames > 1))


def heic(sample: Sample) -> Facts:
    return _decoded(sample, "HEIF", "image/heic", Details())


def _decoded(
    sample: Sample, format: str, mime_type: str, details: Details, scans: int = 1
) -> Facts:
    sample.file.seek(0)
    try:
        with _decoders, Image.open(sample.file, formats=[format]) as image:
            width, height = image.size
            _check_size(width * height, scans)
            if color := _COLORS.get(image.mode):
                details["color"] = color
            # A JPEG is decoded at an eighth of its size, still from the first byte to the last.
            image.draft("L", (1, 1))
            image.load()
            if format != "JPEG":
                details["has_alpha"] = image.has_transparency_data
            orientation: object = image.getexif().get(_EXIF_ORIENTATION)
    except Image.DecompressionBombError:
        check_pixels(limits.MAX_PIXELS + 1)
        raise
    except Refused:
        raise
    except Exception as error:  # decoders raise whatever their format's library does
        raise truncated("image") from error
    if isinstance(orientation, int) and 2 <= orientation <= 8:
        details["orientation"] = orientation
    turned = details.get("orientation") in _TURNED
    size = (height, width) if turned else (width, height)
    return Facts(mime_type, *size, details=details)


def _check_size(pixels: int, scans: int) -> None:
    check_pixels(pixels)
    if pixels * scans > limits.MAX_SCAN_PIXELS:
        raise too_many("image")
