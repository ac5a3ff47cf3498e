"""Keywords in what people write: case and accents do not matter, words and emojis are whole."""

import re
import unicodedata
from collections import defaultdict
from functools import lru_cache

from inro.common.folding import fold

# Marks that colour an emoji or choose its style; people do not tell emojis apart by them.
_STYLES = re.compile("[\ufe0e\ufe0f\U0001f3fb-\U0001f3ff]")
# Scripts that put no space between words: each letter counts as a word there.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\U00020000-\U0003ffff]"
)
_JOINER = "\u200d"
_PICTURE = (
    "[\u00a9\u00ae\u203c\u2049\u2122\u2139\u2190-\u21ff\u2300-\u23ff\u24c2\u25a0-\u27bf\u2900-\u297f"
    "\u2b00-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff]"
    "[\ufe0e\ufe0f\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f]*"
)
_EMOJI = re.compile(
    f"[\U0001f1e6-\U0001f1ff]{{2}}|[0-9#*]\ufe0f?\u20e3|{_PICTURE}(?:{_JOINER}{_PICTURE})*"
)


def same(text: str) -> str:
    """What is equal for texts that people would call the same."""
    # Twice: letters of fancy alphabets (𝓗𝓲) become plain capitals the first time.
    return _STYLES.sub("", fold(fold(text)))


def is_emoji_only(text: str) -> bool:
    """Whether there is nothing but emojis, and at least one."""
    bare = "".join(text.split())
    return bool(bare) and not _EMOJI.sub("", bare)


@lru_cache(maxsize=8192)
def words_of(keyword: str) -> tuple[str, ...]:
    return tuple(words(keyword))


def words(text: str) -> list[str]:
    """Words, hashtags and mentions with their sign, emojis and symbols; no punctuation."""
    found: list[str] = []
    open_word = ""
    for char in same(text):
        if open_word and _continues(open_word, char):
            open_word += char
            continue
        if open_word:
            found.append(open_word)
        open_word = char if _begins_word(char) else ""
    found.append(open_word)
    return [word for word in found if word.strip("#@")]


def _is_letter(char: str) -> bool:
    return char == "_" or unicodedata.category(char)[0] in "LMN"


def _begins_word(char: str) -> bool:
    return char in "#@" or _is_letter(char) or unicodedata.category(char)[0] == "S"


def _continues(word: str, char: str) -> bool:
    last = word[-1]
    if _JOINER in (last, char):
        return True
    if not _is_letter(char) or _UNSPACED.match(char) or _UNSPACED.match(last):
        return False
    return last in "#@" or _is_letter(last)


class Text:
    """What somebody wrote, ready to be searched for many keywords."""

    def __init__(self, text: str) -> None:
        self.words = words(text)
        self._places: dict[str, list[int]] = defaultdict(list)
        for place, word in enumerate(self.words):
            for form in _forms(word):
                self._places[form].append(place)

    def covered_by(self, keyword: str) -> set[int]:
        """The places where the words of `keyword` stand in a row."""
        wanted = words_of(keyword)
        found: set[int] = set()
        for start in self._places.get(wanted[0], ()) if wanted else ():
            there = self.words[start : start + len(wanted)]
            if len(there) == len(wanted) and all(
                want in _forms(word) for want, word in zip(wanted, there, strict=True)
            ):
                found.update(range(start, start + len(wanted)))
        return found


@lru_cache(maxsize=64)
def read(text: str) -> Text:
    """Read once, though many triggers look at it."""
    return Text(text)


def _forms(word: str) -> set[str]:
    """`#sale` is also found by `sale`; `sale` only by itself."""
    return {word, word.lstrip("#@")}
