"""Pictures: their structure is walked, then Pillow decodes the first frame for real."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Mapping

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
_COSTS = {"PNG": 4, "GIF": 1, "WEBP": 16, "HEIF": 7}
_PROGRESSIVE_COST = 6  # all of its coefficients are held until the last scan
_PNG_EXIF = {"exif", "Raw profile type exif"}
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
            if width * height * _decoding_cost(image) <= limits.MAX_DECODING_BYTES:
                # A JPEG is decoded at an eighth of its size, still from the first byte to the last.
                image.draft("L", (1, 1))
                image.load()
            if format != "JPEG":
                details["has_alpha"] = image.has_transparency_data
            orientation: object = _exif(image).get(_EXIF_ORIENTATION)
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


def _decoding_cost(image: Image.Image) -> int:
    """Bytes a pixel, as measured: decoders keep more than the picture."""
    if image.format in ("JPEG", "MPO"):
        return _PROGRESSIVE_COST if image.info.get("progressive") else 0
    return _COSTS[image.format or ""]


def _exif(image: Image.Image) -> Mapping[int, object]:
    """Pillow would decode a PNG to look behind its pixels."""
    if image.format == "PNG" and not _PNG_EXIF & image.info.keys():
        return {}
    return image.getexif()


def _check_size(pixels: int, scans: int) -> None:
    check_pixels(pixels)
    if pixels * scans > limits.MAX_SCAN_PIXELS:
        raise too_many("image")
