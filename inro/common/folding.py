"""Text as people mean it: compared without case and accents, the same on every database."""

import re
import unicodedata

# Where an accent only colours the letter. Elsewhere a mark makes another one: か and が, ม่ and ม้.
_ACCENTED = ("LATIN ", "GREEK ", "CYRILLIC ")
# Hebrew points and Arabic harakat: vowels that are written or left out. Not the Arabic madda and
# hamzas (U+0653 to U+0655), which belong to their letter.
_VOWELS = re.compile(
    "[\u0591-\u05c7\ufb1e\u0610-\u061a\u064b-\u0652\u0656-\u065f\u0670\u06d6-\u06ed\u08d3-\u08ff]"
)


def fold(text: str) -> str:
    """`Café ` and `CAFE` fold to the same; emojis and letters of every script stay.

    The result is in NFKC, folds to itself, and is at most 18 times as long as `text`: one
    character can be a whole sentence (U+FDFA).
    """
    if text.isascii():
        return " ".join(text.casefold().split())
    # Folding case can bring new compositions and decomposing can bring new cases.
    for _ in range(2):
        text = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return " ".join(unicodedata.normalize("NFKC", _without_accents(text)).split())


def _without_accents(decomposed: str) -> str:
    if not any(map(unicodedata.combining, decomposed)):
        return decomposed
    kept = []
    base = " "
    for char in decomposed:
        if not unicodedata.combining(char):
            base = char
        elif base.isspace() or _VOWELS.match(char) or _takes_accents(base):
            continue
        kept.append(char)
    return "".join(kept)


def _takes_accents(base: str) -> bool:
    return unicodedata.name(base, "").startswith(_ACCENTED)
