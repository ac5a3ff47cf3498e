"""Whatever a picture's colours are, as sRGB on white."""

from __future__ import annotations

import io

from PIL import Image, ImageCms

_SPACES = {"RGB": "RGB", "CMYK": "CMYK", "GRAY": "L"}


class Colours:
    """Converts pictures whose colours `profile` describes: an ICC profile, or none."""

    def __init__(self, profile: bytes) -> None:
        self._mode, self._transform = _transform(profile)

    def convert(self, picture: Image.Image) -> Image.Image:
        picture = _eight_bits(picture)
        if not picture.has_transparency_data:
            return self._as_srgb(picture)
        layer = picture.convert("RGBA")
        result = Image.new("RGB", picture.size, "white")
        colour = picture.getchannel("L") if picture.mode == "LA" else layer.convert("RGB")
        result.paste(self._as_srgb(colour), mask=layer.getchannel("A"))
        return result

    def _as_srgb(self, picture: Image.Image) -> Image.Image:
        if self._transform is None:
            return picture.convert("RGB")
        if picture.mode != self._mode:
            if "CMYK" in (picture.mode, self._mode):
                return picture.convert("RGB")  # the profile is of another picture
            picture = picture.convert(self._mode)
        converted = ImageCms.applyTransform(picture, self._transform)
        return converted if converted is not None else picture


def _eight_bits(picture: Image.Image) -> Image.Image:
    if not picture.mode.startswith("I"):
        return picture
    return picture.convert("I").point(lambda value: value * (1 / 257) + 0.5).convert("L")


def _transform(profile: bytes) -> tuple[str, ImageCms.ImageCmsTransform | None]:
    if not profile:
        return "RGB", None
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        mode = _SPACES[source.profile.xcolor_space.strip()]
        srgb = ImageCms.createProfile("sRGB")
        return mode, ImageCms.buildTransform(source, srgb, mode, "RGB")
    except (OSError, KeyError, ValueError, TypeError, ImageCms.PyCMSError):
        return "RGB", None  # broken ones are common, and pictures look right without
