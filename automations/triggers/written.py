"""What people write, taken apart: emojis first, then words; as keyboards and phones differ."""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from itertools import chain, islice

from inro.common.folding import fold

# Of a longer text only the beginning is read: it is read inside the transaction of an event.
LONGEST_TEXT = 4_096
MOST_WORDS_READ = 1_000
# More marks on one letter are no writing, and take quadratic time to bring into order.
_MOST_MARKS = 16

# Marks that colour an emoji or choose its style; people do not tell emojis apart by them.
_STYLE = "\ufe0e\ufe0f\U0001f3fb-\U0001f3ff"
_TAGS = "\U000e0020-\U000e007f"
_JOINER = "\u200d"
_PICTURE = (
    "[\u00a9\u00ae\u203c\u2049\u2122\u2139\u2190-\u21ff\u2300-\u23ff\u24c2\u25a0-\u27bf\u2900-\u297f"
    "\u2b00-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001f0ff\U0001f170-\U0001f3fa"
    f"\U0001f400-\U0001faff][{_STYLE}{_TAGS}]*"
)
_EMOJI = re.compile(
    f"[\U0001f1e6-\U0001f1ff]{{2}}|[0-9#*]\ufe0f?\u20e3|{_PICTURE}(?:{_JOINER}{_PICTURE})*"
)
_STYLES = re.compile(f"[{_STYLE}]")
# What shows nothing by itself, besides the format characters: parts of emojis gone astray, and
# marks that choose between glyphs.
_UNSEEN = re.compile(f"[{_STYLE}\u20e3\u034f\u180b-\u180d\u180f\ufe00-\ufe0d\U000e0100-\U000e01ef]")
# Phones put one for another.
_QUOTES = str.maketrans(
    dict.fromkeys("`´ʹʻʼʽˈˊˋ‘’‚‛′‵＇｀՚׳Ꞌꞌ᾽᾿`´῾", "'") | dict.fromkeys("“”„‟″‶«»＂״〝〞", '"')
)
# Scripts that put no space between words: each letter, with its marks, counts as a word there.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\U00020000-\U0003ffff]"
)
_SIGNS = "#@"


def same(text: str) -> str:
    """What is equal for texts that people would call the same; empty where nothing is to see."""
    return " ".join(piece for piece, _ in _pieces(text))


def is_emoji_only(text: str) -> bool:
    """Whether there is nothing but emojis, and at least one."""
    count = 0
    for _, is_emoji in _pieces(text):
        if not is_emoji:
            return False
        count += 1
    return count > 0


def words(text: str) -> list[str]:
    """Words, hashtags and mentions with their sign, emojis and symbols; no punctuation."""
    found = ([piece] if is_emoji else _words_in(piece) for piece, is_emoji in _pieces(text))
    return list(islice(chain.from_iterable(found), MOST_WORDS_READ))


def parts(word: str) -> list[str]:
    """A hashtag or mention without its sign, as it is read without it."""
    run = word.lstrip(_SIGNS)
    return [word] if run == word else list(_words_in(run)) or [run]


def _pieces(text: str) -> Iterator[tuple[str, bool]]:
    """Emojis, marked as such, and what stands between them, folded; nothing that is empty."""
    text = text[:LONGEST_TEXT]
    end = 0
    for emoji in _EMOJI.finditer(text):
        if between := _plain(text[end : emoji.start()]):
            yield between, False
        yield _STYLES.sub("", emoji.group()), True
        end = emoji.end()
    if rest := _plain(text[end:]):
        yield rest, False


def _plain(text: str) -> str:
    """Text without emojis, folded; of what decomposes to ever more, the beginning."""
    if not text.isascii():
        seen = _bounded(_UNSEEN.sub("", text)).translate(_QUOTES)
        text = unicodedata.normalize("NFKC", seen)[:LONGEST_TEXT]
    # Quotes once more: some letters decompose to one and a letter.
    return fold(text.translate(_QUOTES)).translate(_QUOTES) if text else ""


def _bounded(text: str) -> str:
    """Without format characters and without heaps of marks."""
    if "Cf" in map(unicodedata.category, text):
        text = "".join(char for char in text if unicodedata.category(char) != "Cf")
    if not any(map(unicodedata.combining, text)):
        return text
    kept, marks = [], 0
    for char in text:
        marks = marks + 1 if unicodedata.combining(char) else 0
        if marks <= _MOST_MARKS:
            kept.append(char)
    return "".join(kept)


def _words_in(plain: str) -> Iterator[str]:
    word, before = "", ""
    for char in plain:
        kind = _kind(char)
        if word and _continues(before, kind):
            word += char
            continue
        if word.strip(_SIGNS):
            yield word
        word, before = ("", "") if kind in "M" else (char, kind)
    if word.strip(_SIGNS):
        yield word


@lru_cache(maxsize=8192)
def _kind(char: str) -> str:
    """@ for signs, L for letters, U for those that are words, Mark, Symbol; empty for others."""
    if char in _SIGNS:
        return "@"
    kind = "L" if char == "_" else unicodedata.category(char)[0]
    if kind in "LN":
        return "U" if _UNSPACED.match(char) else "L"
    return kind if kind in "MS" else ""


def _continues(begun: str, kind: str) -> bool:
    """Whether a word that begins with `begun` goes on.

    A sign binds the run after it in every script; a mark belongs to the letter before it.
    """
    if begun == "@":
        return kind in ("L", "U", "M")
    return (kind == "M" and begun in ("L", "U")) or kind == begun == "L"
