"""Pictures as phones and editors write them: with where they were taken, and by whom."""

import io
import struct
import zlib
from functools import cache
from typing import Any

from PIL import ExifTags, Image, ImageCms, PngImagePlugin

from tests.media_library import files

# What must be nowhere in a file that is served.
SECRETS = (b"SERIAL-4711", b"Jane Owner", b"52.520008", b"Taken at home")
XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-'
    b'syntax-ns#"><rdf:Description exif:GPSLatitude="52.520008"/></rdf:RDF></x:xmpmeta>'
)


def exif(orientation: int = 1) -> bytes:
    """With a position, a serial number and an owner."""
    tags = Image.Exif()
    tags[ExifTags.Base.Orientation] = orientation
    tags[ExifTags.Base.Artist] = "Jane Owner"
    tags[ExifTags.Base.ImageDescription] = "Taken at home"
    tags.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.BodySerialNumber] = "SERIAL-4711"
    place = tags.get_ifd(ExifTags.IFD.GPSInfo)
    place[ExifTags.GPS.GPSLatitudeRef] = "N"
    place[ExifTags.GPS.GPSLatitude] = (52.0, 31.0, 12.0)
    return tags.tobytes()


@cache
def icc() -> bytes:
    """Made once: it holds the second it was made in."""
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def photo(format: str, orientation: int = 1, size: tuple[int, int] = (64, 48)) -> bytes:
    """A picture with EXIF, XMP, a comment, a colour profile, as far as the format has them."""
    options: dict[str, Any] = {"exif": exif(orientation), "icc_profile": icc(), "xmp": XMP}
    if format == "JPEG":
        options["comment"] = b"Taken at home"
    if format == "PNG":
        options.pop("xmp")
        texts = PngImagePlugin.PngInfo()
        texts.add_text("Author", "Jane Owner")
        texts.add_text("Comment", "Taken at home", zip=True)
        texts.add_itxt("XML:com.adobe.xmp", XMP.decode())
        options["pnginfo"] = texts
    return files.noise(format, size, **options)


def gif_with_comment() -> bytes:
    body = files.animation("GIF", loop=0)
    at = body.index(b"\x21\xff")  # what makes it go round
    extension = b"\x21\xff\x0bXMP DataXMP" + XMP + b"\x01" + bytes(range(255, -1, -1)) + b"\0"
    comment = b"\x21\xfe\x0dTaken at home\0"
    return body[:at] + comment + extension + body[at:]


def cmyk_jpeg() -> bytes:
    target = io.BytesIO()
    Image.new("CMYK", (64, 48), (10, 20, 30, 40)).save(target, "JPEG")
    return target.getvalue()


def deep_png() -> bytes:
    """16 bits a colour."""
    row = b"\0" + struct.pack(">HHH", 1000, 2000, 3000) * 64
    header = struct.pack(">IIBBBBB", 64, 48, 16, 2, 0, 0, 0)
    chunks = (b"IHDR", header), (b"IDAT", zlib.compress(row * 48)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(files.png_chunk(*chunk) for chunk in chunks)


def gray_jpeg() -> bytes:
    target = io.BytesIO()
    Image.new("L", (64, 48), 90).save(target, "JPEG")
    return target.getvalue()


def clear(format: str) -> bytes:
    target = io.BytesIO()
    Image.new("RGBA", (64, 48), (200, 30, 30, 90)).save(target, format)
    return target.getvalue()
