import pytest
from hypothesis import given
from hypothesis import strategies as st

from automations.triggers import TRIGGER_TYPES
from automations.triggers.base import Occasion
from automations.triggers.keywords import Text, is_emoji_only, same, words
from messaging.channels.base import EventKind
from tests.automations.support import unhurried


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
    ],
)
def test_whole_words_and_phrases(keyword, text, found):
    assert bool(Text(text).covered_by(keyword)) is found


def test_covers_the_words_that_matched():
    text = Text("red shoes and blue shoes")
    assert text.covered_by("shoes") == {1, 4}
    assert text.covered_by("red shoes") == {0, 1}


@unhurried
@given(st.text(), st.text())
def test_a_word_is_found_between_others(before, after):
    assert Text(f"{before} keyword {after}").covered_by("keyword")


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
    ],
)
def test_emoji_only(text, only):
    assert is_emoji_only(text) is only


def test_styles_and_spaces_do_not_tell_texts_apart():
    assert same(" Ja  ❤️ ") == same("ja ❤")


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
