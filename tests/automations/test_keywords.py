import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automations.triggers import TRIGGER_TYPES
from automations.triggers.base import Occasion
from automations.triggers.choosing import Candidate, choose
from automations.triggers.keywords import Text, phrase_of, wanted
from automations.triggers.written import is_emoji_only, same, words
from messaging.channels.base import EventKind
from tests.automations.support import unhurried


def covered(text, *keywords):
    """The places of the words that are part of a keyword."""
    _, places = Text(text).search(wanted(keywords))
    return {place for place in range(places.bit_length()) if places >> place & 1}


@pytest.mark.parametrize(
    ("keyword", "text", "found"),
    [
        ("hello", "Hello", True),
        ("hello", "well, HELLO there!", True),
        ("hello", "helloo", False),
        ("hello", "othello", False),
        ("cafe", "a Café, please", True),
        ("CAFÉ", "cafe", True),
        ("price list", "the price-list?", True),
        ("price list", "price of the list", False),
        ("price  list", "PRICE\nLIST", True),
        ("list price", "price list", False),
        ("#sale", "I saw #Sale", True),
        ("#sale", "a sale", False),
        ("sale", "#sale", True),
        ("@shop", "@shop hi", True),
        ("🔥", "hot🔥now", True),
        ("🔥", "🔥🔥", True),
        ("❤", "I ❤️ it", True),
        ("👍", "👍🏽", True),
        ("👩‍💻", "I am a 👩‍💻", True),
        ("👩", "👩‍💻", False),
        ("🇮🇹", "ciao 🇮🇹", True),
        ("amour", "l'amour", True),
        ("straße", "STRASSE", True),
        ("鞋子", "我想买鞋子", True),
        ("手机", "iPhone手机", True),
        ("iphone", "iPhone手机", True),
        ("नमस्ते", "नमस्ते जी", True),
        ("नम", "नमस्ते", False),
        ("привет", "Привет!", True),
        ("hello", "𝓗𝓮𝓵𝓵𝓸", True),
        ("1", "1️⃣", False),
        ("24", "24h", False),
        ("c++", "I know C++", True),
        ("+", "+", True),
        ("a_b", "a_b", True),
        ("info", "", False),
        ("#抽選", "抽選", False),
        ("#抽選", "今 #抽選 中", True),
        ("#抽選", "#抽選会", False),
        ("抽選", "#抽選会", True),
        ("今 #抽選", "今#抽選", True),
        ("#สวัสดี", "สวัสดี", False),
        ("#สวัสดี", "#สวัสดี", True),
        ("#sale", "#sale抽選", False),
        ("かき", "かぎ", False),
        ("ป", "ปู", False),
        ("what's new", "What’s new?", True),
        ("п'ять", "пʼять", True),
        ("п`ять", "п’ять", True),
        ("hello", "hello\u200b", True),
        ("hello", "\u200fhello\u200e", True),
        ("അവന്\u200d", "അവന്\u200d വന്നു", True),
        ("🇫🇷", "🇬🇫🇷🇺", False),
        ("🇬🇫", "🇬🇫🇷🇺", True),
        ("🏴󠁧󠁢󠁥󠁮󠁧󠁿", "🏴󠁧󠁢󠁳󠁣󠁴󠁿", False),
        ("🏴󠁧󠁢󠁥󠁮󠁧󠁿", "go 🏴󠁧󠁢󠁥󠁮󠁧󠁿!", True),
        ("👩‍💻", "👩🏽‍💻", True),
        ("brand", "Brand™", True),
    ],
)
def test_whole_words_and_phrases(keyword, text, found):
    assert bool(covered(text, keyword)) is found


def test_covers_the_words_that_matched():
    text = "red shoes and blue shoes"
    assert covered(text, "shoes") == {1, 4}
    assert covered(text, "red shoes") == {0, 1}
    assert covered(text, "red shoes", "blue", "green") == {0, 1, 3}


def by_hand(text, keyword):
    """The same, each place looked at by itself."""
    there, phrase = words(text), phrase_of(keyword)
    return {
        start + offset
        for start in range(len(there) - len(phrase) + 1)
        if there[start : start + len(phrase)] == [*phrase]
        for offset in range(len(phrase))
    }


@unhurried
@given(st.text("ab ", max_size=40), st.text("ab ", min_size=1, max_size=8))
def test_finds_what_looking_at_each_place_finds(text, keyword):
    assert covered(text, keyword) == (by_hand(text, keyword) if keyword.strip() else set())


@unhurried
@given(st.text(), st.text())
def test_a_word_is_found_between_others(before, after):
    assert covered(f"{before} keyword {after}", "keyword")


@unhurried
@given(st.text())
def test_case_does_not_matter(text):
    assert words(text.upper()) == words(text.upper().lower())


@unhurried
@given(st.text())
def test_reading_words_again_finds_the_same(text):
    found = words(text)
    assert words(" ".join(found)) == found
    assert all(found)


@pytest.mark.parametrize(
    ("text", "only"),
    [
        ("🔥", True),
        ("🔥 ❤️\n👩‍💻", True),
        ("🇮🇹", True),
        ("1️⃣", True),
        ("🏴󠁧󠁢󠁥󠁮󠁧󠁿", True),
        ("👍🏽", True),
        ("", False),
        (" ", False),
        ("ok 🔥", False),
        ("123", False),
        (":)", False),
        ("\u200d", False),
        ("\u200f👍", True),
        ("👍\u200b", True),
    ],
)
def test_emoji_only(text, only):
    assert is_emoji_only(text) is only


def test_styles_and_spaces_do_not_tell_texts_apart():
    assert same(" Ja  ❤️ ") == same("ja ❤")


@pytest.mark.parametrize("text", ["", "\u200b", "🏻", "\ufe0f", "\u0301", "x" + " x" * 5_000])
def test_nothing_is_exactly_what_shows_nothing_or_is_not_read_to_its_end(text):
    assert not Text(text).equals(wanted(("", "🏻", "\ufe0f", "\u0301", "x")))


def test_quotes_in_a_whole_text_are_one():
    assert same("say “hi”, it’s me") == same('say "hi", it`s me')


LETTERS = "".join(random.Random(1).choice("一二") for _ in range(4_096))
HARD = {
    "nearly everywhere": ([" ".join(["x"] * 19) + f" {i}" for i in range(1_000)], "x " * 2_048),
    "everywhere": ([" ".join(["x"] * (i % 20 + 1)) for i in range(1_000)], "x " * 2_048),
    "all found": ([LETTERS[i : i + 20] for i in range(950)], LETTERS),
    "grows": (["x"], "\ufdfa" * 4_096),
    "marks": (["x"], "か" + "\u0301" * 2_048 + "\u0316" * 2_047),
    "emojis": (["x"], "🔥\ufdfa" * 2_048),
    "long": (["x"], "x " * 500_000),
}


@pytest.mark.timeout(20)
@pytest.mark.parametrize("name", HARD)
def test_searching_ends_whatever_is_searched(name):
    """It happens inside the transaction of an event, and no keyword may hold that up."""
    keywords, text = HARD[name]
    candidates = [
        Candidate(1, 1, "message", {"keywords": keywords[start : start + 200]})
        for start in range(0, len(keywords), 200)
    ]
    for attempt in range(10):  # another text each time, or it would be remembered
        occasion = Occasion(kind=EventKind.MESSAGE, channel_id=1, text=text + str(attempt))
        assert len(choose(candidates, occasion)) <= 1


def ranked(options, text):
    occasion = Occasion(kind=EventKind.MESSAGE, channel_id=1, text=text)
    return TRIGGER_TYPES["message"].match(options, occasion)


def test_better_fits_are_greater():
    ranks = [
        ranked({"fallback": True}, "red shoes"),
        ranked({}, "red shoes"),
        ranked({"message_type": "emoji_only"}, "🔥"),
        ranked({"keywords": ["shoes"]}, "red shoes"),
        ranked({"keywords": ["red", "shoes"]}, "red shoes"),
        ranked({"keywords": ["red shoes"], "strict": True}, "red shoes"),
    ]
    assert None not in ranks
    assert ranks == sorted(ranks)
    assert len(set(ranks)) == len(ranks)
