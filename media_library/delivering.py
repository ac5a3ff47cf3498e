"""Whether a file can go out on a channel: as it is, in another form, or not at all. Pure.

What is not known of a file is never held against it: the provider then decides.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any, NamedTuple

from media_library.channel_rules import CHANNEL_RULES, ChannelRules, KindRule
from media_library.kinds import TYPES, MediaKind, as_kind
from media_library.recipes import FOR_CHANNELS, OPUS, RECIPES, TO_LOOK_AT, Recipe

_MB = 1024 * 1024
_NOUNS = {
    MediaKind.IMAGE: "images",
    MediaKind.AUDIO: "audio",
    MediaKind.VIDEO: "videos",
    MediaKind.DOCUMENT: "documents",
}
# As people know them, where capitals alone do not do it.
_CODECS = {"h264": "H.264", "opus": "Opus", "vorbis": "Vorbis", "amr_nb": "AMR", "amr_wb": "AMR-WB"}
TOO_LARGE, NOT_SUPPORTED = "media_too_large", "media_not_supported"


@dataclass(frozen=True)
class Source:
    """What is known of a file; of its `details` (`Blob.details`) any may be missing."""

    kind: MediaKind
    mime_type: str
    size: int
    details: Mapping[str, Any]

    @classmethod
    def of(cls, kind: str, mime_type: str, size: int, details: Mapping[str, Any]) -> Source:
        """`mime_type` is that of the bytes, which files of either of two kinds may have."""
        file_type = as_kind(mime_type, kind)
        return cls(file_type.kind, file_type.mime_type, size, details)


class Objection(NamedTuple):
    """Why a channel does not take a file as it is; `code` is one of `messaging.reasons`."""

    code: str
    words: str


class Route(NamedTuple):
    """Without an objection the file goes as it is, else by `recipe`, and without one not at all."""

    recipe: Recipe | None = None
    objection: Objection | None = None


AS_IT_IS = Route()


def route(source: Source, rules: ChannelRules) -> Route:
    """How `source` goes out on the channel of `rules`."""
    rule = rules.media.get(source.kind)
    if rule is None:
        return Route(None, Objection(NOT_SUPPORTED, f"{rules.label} takes no {_noun(source)}."))
    objection = next(_objections(source, rule, rules.label), None)
    if objection is None:
        return AS_IT_IS
    return Route(_recipe(source, rule), objection)


def wanted(source: Source) -> list[Recipe]:
    """All that is to be made of a file: for the channels, and to look at."""
    found = [route(source, rules).recipe for rules in CHANNEL_RULES]
    to_look_at = TO_LOOK_AT.get(source.kind)
    return [each for each in RECIPES if each in {*found, to_look_at}]


def deliverable(source: Source, made: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """By kind of channel, as the API shows it; `made` is `Blob.made`."""
    return {rules.kind: _shown(route(source, rules), made) for rules in CHANNEL_RULES}


def unmade(recipe: Recipe, objection: Objection, entry: Mapping[str, Any]) -> str:
    """Why the result of `recipe` is not there, in words; `entry` is its part of `Blob.made`."""
    result = recipe.noun[0].upper() + recipe.noun[1:]
    if entry.get("status") == "failed":
        return f"{objection.words} {result} could not be made of it: {entry['message']}"
    done = entry.get("progress")
    how_far = f"is being made: {done} % done" if done is not None else "is yet to be made"
    return f"{objection.words} {result} {how_far}."


def _shown(found: Route, made: Mapping[str, Any]) -> dict[str, Any]:
    recipe, objection = found
    if objection is None:
        return {"ok": True, "rendition": None, "reason": None}
    if recipe is None:
        return {"ok": False, "rendition": None, "reason": objection.words}
    entry = made.get(recipe.name, {})
    if entry.get("status") == "ready":
        return {"ok": True, "rendition": recipe.name, "reason": None}
    failed = entry.get("status") == "failed"
    return {"ok": not failed, "rendition": None, "reason": unmade(recipe, objection, entry)}


def _recipe(source: Source, rule: KindRule) -> Recipe | None:
    # A voice note stays one where the channel has such.
    voice: tuple[Recipe, ...] = (OPUS,) if source.mime_type == OPUS.mime_type else ()
    for recipe in (*voice, *FOR_CHANNELS[source.kind]):
        if recipe.mime_type in rule.mime_types and recipe.max_bytes <= rule.max_bytes:
            return recipe
    return None


def _objections(source: Source, rule: KindRule, label: str) -> Iterator[Objection]:
    """All that `rule` has against the file as it is, the plainest first."""
    for words in _of_form(source, rule, label):
        yield Objection(NOT_SUPPORTED, words)
    if source.size > rule.max_bytes:
        most, size = f"{rule.max_bytes / _MB:g} MB", f"{ceil(source.size / _MB * 10) / 10:g} MB"
        words = f"{label} takes {_noun(source)} up to {most}; this file has {size}."
        yield Objection(TOO_LARGE, words)


def _of_form(source: Source, rule: KindRule, label: str) -> Iterator[str]:
    know = source.details
    if source.mime_type not in rule.mime_types:
        names = sorted({_extension(each) for each in rule.mime_types})
        yield (
            f"{label} takes {_noun(source)} as {_listed(names)}; "
            f"this file is {_extension(source.mime_type)}."
        )
    for key, allowed, what in (
        ("video_codec", rule.video_codecs, "pictures"),
        ("audio_codec", rule.audio_codecs, "sound"),
    ):
        if allowed and know.get(key) and know[key] not in allowed:
            coded = _listed(sorted(map(_codec, allowed)))
            yield f"{label} takes {what} coded as {coded}; here it is {_codec(know[key])}."
    profile = know.get("video_profile")
    if rule.video_profiles and profile and profile not in rule.video_profiles:
        coded = _listed(sorted(rule.video_profiles))
        yield f"{label} takes H.264 of the profile {coded}; here it is {profile}."
    if not rule.b_frames and know.get("b_frames"):
        yield f"{label} takes videos without B-frames, which not every phone plays there."
    if rule.mono_ogg and source.mime_type == OPUS.mime_type and _is_no_voice_note(know):
        yield f"{label} takes OGG with one channel of Opus sound only, as in voice notes."
    if rule.eight_bit and source.mime_type == "image/png" and (know.get("bits") or 8) > 8:
        yield f"{label} takes PNG with 8 bits a colour; this file has {know['bits']}."
    if str(know.get("color", "")).lower() == "cmyk":
        yield "Its colours are those of print (CMYK), which phones show wrong."
    if rule.faststart and know.get("faststart") is False:
        yield f"{label} takes videos that can be played while they load; this one cannot."


def _is_no_voice_note(know: Mapping[str, Any]) -> bool:
    return know.get("audio_codec", "opus") != "opus" or (know.get("channels") or 1) > 1


def _noun(source: Source) -> str:
    return _NOUNS[source.kind]


def _extension(mime_type: str) -> str:
    return TYPES[mime_type].extension.upper()


def _codec(name: str) -> str:
    return _CODECS.get(name, name.upper())


def _listed(names: list[str]) -> str:
    """`JPG, PNG or GIF`."""
    *most, last = names
    return f"{', '.join(most)} or {last}" if most else last
