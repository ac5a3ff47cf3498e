"""Pictures for the demo workspace, drawn the same each time."""

import time
from collections.abc import Mapping
from io import BytesIO

from PIL import Image, ImageDraw, ImageFont

from inro.accounts.models import Workspace
from media_library.ingest import ingest_stream
from media_library.models import MediaFile

Colour = tuple[int, int, int]
# Name, words on it, caption, and the colours at its top and bottom.
PICTURES: list[tuple[str, str, str, Colour, Colour]] = [
    ("welcome.jpg", "Welcome to\nStudio Lumen", "Nice to meet you!", (255, 183, 94),
     (237, 85, 100)),
    ("prices.png", "Portrait  from 89\nFamily  from 149\nWedding  from 1,290",
     "Our prices in 2026.", (72, 85, 99), (41, 50, 60)),
    ("summer-sale.jpg", "Summer sale\n-20 %", "Until the end of August.", (17, 153, 142),
     (56, 239, 125)),
    ("opening-hours.png", "Tue - Fri  10 - 19\nSat  10 - 16", "Come by any time.", (106, 48, 147),
     (160, 68, 255)),
    ("studio.jpg", "Via Roma 12", "Second floor, ring at Lumen.", (0, 90, 167), (20, 140, 180)),
]  # fmt: skip
BROCHURE = "brochure.pdf"
SIZE = (1200, 800)


def fill(workspace: Workspace) -> Mapping[str, int]:
    mine = MediaFile.objects.for_workspace(workspace).undeleted()
    there = set(mine.values_list("name", flat=True))
    for name, words, caption, top, bottom in PICTURES:
        if name not in there:
            content_type = "image/png" if name.endswith("png") else "image/jpeg"
            ingest_stream(
                workspace,
                _drawn(name, words, top, bottom),
                content_type,
                name=name,
                caption=caption,
                description="Made for the demo workspace.",
            )
    if BROCHURE not in there:
        ingest_stream(workspace, _brochure(), "application/pdf", name=BROCHURE)
    return {"media files": mine.count()}


def _drawn(name: str, words: str, top: Colour, bottom: Colour) -> BytesIO:
    file = BytesIO()
    _picture(words, top, bottom).save(file, "PNG" if name.endswith("png") else "JPEG", quality=88)
    file.seek(0)
    return file


def _picture(words: str, top: Colour, bottom: Colour) -> Image.Image:
    """Words on a gradient, over three circles."""
    mask = Image.linear_gradient("L").resize(SIZE)
    picture = Image.composite(Image.new("RGB", SIZE, bottom), Image.new("RGB", SIZE, top), mask)
    draw = ImageDraw.Draw(picture, "RGBA")
    for x, y, radius in ((1050, 120, 220), (160, 720, 260), (820, 760, 120)):
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=(255, 255, 255, 36))
    font = ImageFont.load_default(size=92)
    draw.multiline_text(
        (600, 400), words, font=font, fill="white", anchor="mm", align="center", spacing=28
    )
    return picture


def _brochure() -> BytesIO:
    """Two pages; its dates are fixed, so that its bytes are the same each time."""
    first, *others = [_picture(*each[1:2], *each[3:]) for each in PICTURES[:2]]
    file, never = BytesIO(), time.gmtime(0)
    first.save(file, "PDF", save_all=True, append_images=others, creationDate=never, modDate=never)
    file.seek(0)
    return file
