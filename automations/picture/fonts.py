"""How wide text is, about, without a font: labels are shortened and wrapped by it.

Widths are those of Arial in thousandths of the size. Other faces that a browser may choose are
wider, hence the margin; what is still too long is clipped by the picture.
"""

import unicodedata
from functools import lru_cache

MARGIN = 1.2
_OTHER = 600
_FULL = 1_000
_BOLD = 1.07
_WIDTHS = {
    char: width
    for width, chars in {
        191: "'",
        222: "ijl‘’",
        260: "|",
        278: " !,./:;If\\[]t",
        333: "()-`r“”",
        355: '"',
        389: "*",
        469: "^",
        556: "#$0123456789_?Labdeghnopqu–",
        584: "+<=>~",
        611: "FTZ",
        667: "&ABEKPSVXY",
        722: "CDHNRUw",
        778: "GOQ",
        833: "Mm",
        889: "%",
        944: "W",
        1000: "—…",
        1015: "@",
        500: "ckJsvxyz{}",
    }.items()
    for char in chars
}


@lru_cache(maxsize=4096)
def _of_char(char: str) -> int:
    if char in _WIDTHS:
        return _WIDTHS[char]
    if unicodedata.category(char) in {"Mn", "Me", "Cf"}:
        return 0
    if unicodedata.east_asian_width(char) in "WF":
        return _FULL
    base = unicodedata.normalize("NFD", char)[0]
    return _WIDTHS.get(base, _OTHER)


def width_of(text: str, size: float, *, bold: bool = False) -> float:
    """In the unit of `size`."""
    thousandths = sum(map(_of_char, text)) * (_BOLD if bold else 1)
    return thousandths * size * MARGIN / 1_000


def shorten(text: str, room: float, size: float, *, bold: bool = False) -> str:
    """`text` on one line, with an ellipsis where it had to end."""
    text = " ".join(text.split())
    if width_of(text, size, bold=bold) <= room:
        return text
    kept = _beginning(text, room - width_of("…", size, bold=bold), size, bold)
    return kept.rstrip() + "…"


def wrap(text: str, room: float, size: float, lines: int) -> list[str]:
    """`text` on at most so many lines, broken between words where there are any."""
    rest = " ".join(text.split())
    found: list[str] = []
    while rest and len(found) < lines - 1:
        line = _line(rest, room, size)
        found.append(line.rstrip())
        rest = rest[len(line) :].lstrip()
    return [*found, shorten(rest, room, size)] if rest else found


def _line(text: str, room: float, size: float) -> str:
    if width_of(text, size) <= room:
        return text
    fitting = _beginning(text, room, size, bold=False) or text[0]
    if text[len(fitting) : len(fitting) + 1] == " ":
        return fitting
    between = fitting.rfind(" ")
    return fitting[:between] if between > 0 else fitting


def _beginning(text: str, room: float, size: float, bold: bool) -> str:
    left = room * 1_000 / (size * MARGIN * (_BOLD if bold else 1))
    for index, char in enumerate(text):
        left -= _of_char(char)
        if left < 0:
            return text[:index]
    return text
