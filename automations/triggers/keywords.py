"""Keywords in what people write: case and accents do not matter, words and emojis are whole.

A text is searched for many keywords inside the transaction of an event. Each place of a text is a
bit, so that one step moves all places at once: the time grows with the words of the keywords, and
hardly with how often they begin to fit.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from automations.triggers.written import is_emoji_only, parts, same, words

# A scenario's keywords, and the words of one: what keeps a search short (see `tests`).
MOST_KEYWORDS = 1_000
MOST_WORDS = 20

# Nobody makes a keyword of more, and longer texts are not compared with one as a whole.
_LONGEST_EXACT = 1_000

Phrase = tuple[str, ...]
# Stands for the inside of a hashtag, whose whole stands at its first word.
_INSIDE = "\0"


@dataclass(frozen=True, slots=True)
class Wanted:
    """The keywords of a trigger, each kept once."""

    count: int
    by_first_word: Mapping[str, Sequence[Phrase]]
    exact: frozenset[str]


@lru_cache(maxsize=1024)
def wanted(keywords: tuple[str, ...]) -> Wanted:
    """Read once, though many messages are searched for them."""
    phrases = {phrase_of(each) for each in keywords}
    by_first_word: dict[str, list[Phrase]] = defaultdict(list)
    for phrase in filter(None, phrases):
        by_first_word[phrase[0]].append(phrase)
    return Wanted(len(phrases), dict(by_first_word), frozenset(map(same, keywords)))


def phrase_of(keyword: str) -> Phrase:
    """The words that have to stand in a row; a hashtag is whole, and counts as what is in it."""
    return tuple(whole for word in words(keyword) for _, whole in _forms(word))


def _forms(word: str) -> Iterable[tuple[str, str]]:
    """Each part of `word` as it is found without a sign and with it.

    `#sale` is also found by `sale`; `sale` only by itself.
    """
    bare = parts(word)
    return zip(bare, [word, *[_INSIDE] * (len(bare) - 1)], strict=True)


class Text:
    """What somebody wrote, ready to be searched for many keywords."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._places: dict[str, int] = {}
        self.length = 0
        for word in words(text):
            for forms in _forms(word):
                for form in {*forms}:
                    self._places[form] = self._places.get(form, 0) | 1 << self.length
                self.length += 1

    @cached_property
    def is_emoji_only(self) -> bool:
        return is_emoji_only(self._text)

    @cached_property
    def exact(self) -> str:
        """Equal to the keywords that are the whole text; empty when none can be."""
        bare = " ".join(self._text.split())
        return same(bare) if len(bare) <= _LONGEST_EXACT else ""

    def equals(self, keywords: Wanted) -> bool:
        return bool(self.exact) and self.exact in keywords.exact

    def search(self, keywords: Wanted) -> tuple[int, int]:
        """How many of `keywords` are found, and the places that they cover together, as bits."""
        found = covered = 0
        for word in keywords.by_first_word.keys() & self._places.keys():
            for phrase in keywords.by_first_word[word]:
                places = self.covered_by(phrase)
                found += places > 0
                covered |= places
        return found, covered

    def covered_by(self, phrase: Phrase) -> int:
        """The places where the words of `phrase` stand in a row, as bits."""
        starts = -1 if phrase else 0
        for offset, word in enumerate(phrase):
            starts &= self._places.get(word, 0) >> offset
            if not starts:
                return 0
        covered, width = starts, 1
        while width < len(phrase):
            step = min(width, len(phrase) - width)
            covered |= covered << step
            width += step
        return covered


@lru_cache(maxsize=64)
def read(text: str) -> Text:
    """Read once, though many triggers look at it."""
    return Text(text)
