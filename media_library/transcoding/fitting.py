"""A picture as a JPEG that is no longer than it may be: less exact first, then smaller."""

from __future__ import annotations

import io

from PIL import Image

from media_library.transcoding.work import Work, in_words, too_large

_QUALITIES = (90, 82, 74, 66, 58)
_SHRINK = 0.8
_MIN_SIDE = 64


def write_jpeg(picture: Image.Image, work: Work, best: int = 90) -> None:
    """Raises TranscodingFailed when even a tiny one does not fit."""
    data = _fitting(picture, work.max_bytes, [each for each in _QUALITIES if each <= best])
    with work.file() as target:
        target.write(data)


def _fitting(picture: Image.Image, max_bytes: int, qualities: list[int]) -> bytes:
    size = picture.size
    while True:
        for quality in qualities:
            data = _encoded(picture, quality)
            if len(data) <= max_bytes:
                return data
        size = (round(size[0] * _SHRINK), round(size[1] * _SHRINK))
        if max(size) < _MIN_SIDE:
            raise too_large(
                f"Even {_MIN_SIDE} pixels wide, the picture has more than {in_words(max_bytes)}."
            )
        picture = picture.resize((max(size[0], 1), max(size[1], 1)), Image.Resampling.LANCZOS)


def _encoded(picture: Image.Image, quality: int) -> bytes:
    target = io.BytesIO()
    picture.save(target, "JPEG", quality=quality)
    return target.getvalue()
