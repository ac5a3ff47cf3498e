from collections.abc import Mapping
from enum import IntEnum
from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from automations.triggers.base import Match, Occasion, TriggerOptions, TriggerType
from automations.triggers.keywords import MOST_KEYWORDS, MOST_WORDS, phrase_of, read, wanted
from automations.triggers.written import same
from inro.api.serializers import ChoiceField
from messaging.channels.base import EventKind

ANY, KEYWORDS, EMOJI_ONLY, AI_INTENT = "any", "keywords", "emoji_only", "ai_intent"


class Rank(IntEnum):
    FALLBACK = 0
    ANY = 1
    EMOJI_ONLY = 2
    KEYWORDS = 3
    STRICT = 4


class MessageOptions(TriggerOptions):
    message_type = ChoiceField(
        choices=[ANY, KEYWORDS, EMOJI_ONLY, AI_INTENT],
        required=False,
        help_text="`keywords` when there are keywords, else `any`. "
        "`ai_intent` needs an AI provider.",
    )
    keywords = serializers.ListField(
        child=serializers.CharField(max_length=200),
        max_length=200,
        default=[],
        help_text="Words, phrases, hashtags or emojis; case and accents do not matter. "
        f"At most {MOST_WORDS} words each, and {MOST_KEYWORDS:,} keywords in a scenario.",
    )
    keyword_logic = ChoiceField(
        choices=["or", "and"], default="or", help_text="Whether one keyword is enough."
    )
    strict = serializers.BooleanField(
        default=False, help_text="The message is the keyword and nothing else."
    )
    fallback = serializers.BooleanField(
        default=False, help_text="Starts only when no other scenario takes the message."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        faults: dict[str, Any] = {}
        kind, keywords = kind_of(attrs), attrs["keywords"]
        if kind == AI_INTENT:
            faults["message_type"] = "ai_intent needs an AI provider, and none is set up."
        elif kind == KEYWORDS and not keywords:
            faults["keywords"] = "message_type keywords needs at least one."
        elif kind != KEYWORDS and keywords:
            faults["keywords"] = f"message_type {kind} takes none."
        if attrs["strict"] and attrs["keyword_logic"] == "and" and len(keywords) > 1:
            faults["keyword_logic"] = "A text cannot be exactly each of several keywords."
        unfit = {
            index: fault
            for index, each in enumerate(keywords)
            if (fault := _keyword_fault(each, attrs["strict"]))
        }
        if unfit:
            faults.setdefault("keywords", unfit)
        if faults:
            raise ValidationError(faults)
        return attrs


def _keyword_fault(keyword: str, strict: bool) -> str:
    if not same(keyword):
        return "Shows nothing that a message could be compared with."
    count = 1 if strict else len(phrase_of(keyword))
    if not count:
        return f"{keyword!r} has no word, hashtag or emoji to look for."
    if count > MOST_WORDS:
        return f"Has {count} words; a keyword takes at most {MOST_WORDS}."
    return ""


def kind_of(options: Mapping[str, Any]) -> str:
    return str(options.get("message_type") or (KEYWORDS if options["keywords"] else ANY))


class Message(TriggerType):
    """Starts when a contact writes a direct message.

    A message starts one scenario of this type: strict keywords go before keywords, more matched
    words before fewer, keywords before emojis, those before `any`, `fallback` comes last; of equal
    ones the older scenario starts.
    """

    trigger_type = "message"
    label = "A contact sends a message"
    category = "Direct messages"
    Options = MessageOptions
    exclusive = True
    example = {
        "trigger_type": "message",
        "options": {"message_type": "keywords", "keywords": ["hello", "price list"]},
    }

    def fits(self, options: Mapping[str, Any], occasion: Occasion) -> Match | None:
        if occasion.kind != EventKind.MESSAGE:
            return None
        found = self._by_kind(options, occasion.text)
        if found is not None and options["fallback"]:
            return Match(Rank.FALLBACK, found.words)
        return found

    def _by_kind(self, options: Mapping[str, Any], text: str) -> Match | None:
        match kind_of(options):
            case "any":
                return Match(Rank.ANY)
            case "emoji_only":
                return Match(Rank.EMOJI_ONLY) if read(text).is_emoji_only else None
            case "keywords":
                return _by_keywords(options, text)
        return None


def _by_keywords(options: Mapping[str, Any], text: str) -> Match | None:
    written, keywords = read(text), wanted(tuple(options["keywords"]))
    if options["strict"]:
        return Match(Rank.STRICT, written.length) if written.equals(keywords) else None
    found, covered = written.search(keywords)
    enough = keywords.count if options["keyword_logic"] == "and" else 1
    return Match(Rank.KEYWORDS, covered.bit_count()) if found >= enough else None
