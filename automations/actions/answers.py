"""Which answer of a question a reply is."""

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from automations.triggers.keywords import read
from automations.triggers.written import same

# A label, or an object of `label` and `keywords`.
Answer = str | Mapping[str, Any]

_KEYCAP = "\u20e3"


def label_of(answer: Answer) -> str:
    return answer if isinstance(answer, str) else str(answer["label"])


def keywords_of(answer: Answer) -> Sequence[str]:
    return () if isinstance(answer, str) else answer.get("keywords") or ()


def choose(text: str, answers: Sequence[Answer], count: int) -> int | None:
    """The index of the answer that `text` is, if it is one; there are `count` of them.

    `answers` may be fewer: those without a label have their number only. What an answer is called
    goes before what another one is numbered.
    """
    written = bare(read(text).exact)
    if not written:
        return None
    for index, answer in enumerate(answers):
        if any(written == name for _, name in names_of(answer)):
            return index
    if written.isdecimal() and len(written) < 4 and 1 <= int(written) <= count:
        return int(written) - 1
    return None


def names_of(answer: Answer) -> Iterator[tuple[int | None, str]]:
    """What the answer goes by: its label, its keywords with their places."""
    yield None, name_of(label_of(answer))
    for place, keyword in enumerate(keywords_of(answer)):
        yield place, name_of(keyword)


@lru_cache(maxsize=4096)
def name_of(label: str) -> str:
    """Equal for labels that people would call the same; empty for one that shows nothing."""
    return bare(same(label))


def bare(folded: str) -> str:
    """Without the punctuation around it, unless there is nothing else."""
    folded = folded.replace(_KEYCAP, "")
    inner = [place for place, char in enumerate(folded) if not _is_around(char)]
    return folded[inner[0] : inner[-1] + 1] if inner else folded


def _is_around(char: str) -> bool:
    return char.isspace() or unicodedata.category(char).startswith("P")
