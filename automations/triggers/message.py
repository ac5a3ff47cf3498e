from collections.abc import Mapping
from enum import IntEnum
from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from automations.triggers.base import Match, Occasion, TriggerOptions, TriggerType
from automations.triggers.keywords import is_emoji_only, read, same, words_of
from messaging.channels.base import EventKind

ANY, KEYWORDS, EMOJI_ONLY, AI_INTENT = "any", "keywords", "emoji_only", "ai_intent"


class Rank(IntEnum):
    FALLBACK = 0
    ANY = 1
    EMOJI_ONLY = 2
    KEYWORDS = 3
    STRICT = 4


class MessageOptions(TriggerOptions):
    message_type = serializers.ChoiceField(
        choices=[ANY, KEYWORDS, EMOJI_ONLY, AI_INTENT],
        required=False,
        help_text="`keywords` when there are keywords, else `any`. "
        "`ai_intent` needs an AI provider.",
    )
    keywords = serializers.ListField(
        child=serializers.CharField(max_length=200),
        max_length=200,
        default=[],
        help_text="Words, phrases, hashtags or emojis; case and accents do not matter.",
    )
    keyword_logic = serializers.ChoiceField(
        choices=["or", "and"], default="or", help_text="Whether one keyword is enough."
    )
    strict = serializers.BooleanField(
        default=False, help_text="The message is the keyword and nothing else."
    )
    fallback = serializers.BooleanField(
        default=False, help_text="Starts only when no other scenario takes the message."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        faults: dict[str, str] = {}
        kind, keywords = kind_of(attrs), attrs["keywords"]
        if kind == AI_INTENT:
            faults["message_type"] = "ai_intent needs an AI provider, and none is set up."
        elif kind == KEYWORDS and not keywords:
            faults["keywords"] = "message_type keywords needs at least one."
        elif kind != KEYWORDS and keywords:
            faults["keywords"] = f"message_type {kind} takes none."
        if attrs["strict"] and attrs["keyword_logic"] == "and" and len(keywords) > 1:
            faults["keyword_logic"] = "A text cannot be exactly each of several keywords."
        empty = [] if attrs["strict"] else [each for each in keywords if not words_of(each)]
        if empty:
            faults["keywords"] = f"{empty[0]!r} has no word, hashtag or emoji to look for."
        if faults:
            raise ValidationError(faults)
        return attrs


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
                return Match(Rank.EMOJI_ONLY) if is_emoji_only(text) else None
            case "keywords":
                return _by_keywords(options, text)
        return None


def _by_keywords(options: Mapping[str, Any], text: str) -> Match | None:
    found = read(text)
    if options["strict"]:
        equal = same(text) in {same(each) for each in options["keywords"]}
        return Match(Rank.STRICT, len(found.words)) if equal else None
    places = [found.covered_by(each) for each in options["keywords"]]
    enough = all if options["keyword_logic"] == "and" else any
    return Match(Rank.KEYWORDS, len(set().union(*places))) if enough(places) else None
