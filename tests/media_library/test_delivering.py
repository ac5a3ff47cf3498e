"""Which form of a file goes out on which channel."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media_library.channel_rules import CHANNEL_RULES
from media_library.delivering import AS_IT_IS, Source, deliverable, route, wanted
from media_library.kinds import TYPES, MediaKind
from media_library.recipes import JPEG, M4A, MP4, OPUS, POSTER, RECIPES, THUMBNAIL, Recipe
from messaging.channels import CHANNELS
from messaging.channels.base import Outgoing, refused_by
from messaging.models import MessageType

MB = 1024 * 1024
IG, WA, RCS = "instagram", "whatsapp", "rcs"
KINDS = [IG, WA, RCS]


def source(mime_type: str, size: int = 1000, kind: str = "", **details: Any) -> Source:
    return Source.of(kind or TYPES[mime_type].kind, mime_type, size, details)


def ways(given: Source) -> list[str]:
    """For each channel: `as it is`, a recipe, or `no`."""
    found = [route(given, CHANNEL_RULES[kind]) for kind in KINDS]
    return [
        "as it is" if each == AS_IT_IS else each.recipe.name if each.recipe else "no"
        for each in found
    ]


ALL, NONE = ["as it is"] * 3, ["no"] * 3


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (source("image/jpeg"), ALL),
        (source("image/jpeg", 5 * MB), ALL),
        (source("image/jpeg", 5 * MB + 1), ["as it is", "jpeg-5mb", "as it is"]),
        (source("image/jpeg", 8 * MB + 1), ["jpeg-5mb", "jpeg-5mb", "as it is"]),
        (source("image/jpeg", 100 * MB + 1), ["jpeg-5mb"] * 3),
        (source("image/jpeg", color="CMYK"), ["jpeg-5mb"] * 3),
        (source("image/jpeg", color="rgb"), ALL),
        (source("image/png", bits=8), ALL),
        (source("image/png", bits=16), ["as it is", "jpeg-5mb", "as it is"]),
        (source("image/webp"), ["jpeg-5mb"] * 3),
        (source("image/heic"), ["jpeg-5mb"] * 3),
        (source("image/gif", animated=True), ["as it is", "jpeg-5mb", "as it is"]),
        (source("audio/mp4"), ALL),
        (source("audio/mp4", audio_codec="aac", channels=2), ALL),
        (source("audio/mp4", audio_codec="alac"), ["as it is", "m4a-16mb", "as it is"]),
        (source("audio/mpeg"), ["m4a-16mb", "as it is", "as it is"]),
        (source("audio/aac"), ALL),
        (source("audio/wav"), ["as it is", "m4a-16mb", "m4a-16mb"]),
        (source("audio/amr"), ["m4a-16mb", "as it is", "m4a-16mb"]),
        (source("audio/ogg"), ["m4a-16mb", "as it is", "m4a-16mb"]),
        (
            source("audio/ogg", audio_codec="opus", channels=1),
            ["m4a-16mb", "as it is", "m4a-16mb"],
        ),
        (
            source("audio/ogg", audio_codec="opus", channels=2),
            ["m4a-16mb", "opus-16mb", "m4a-16mb"],
        ),
        (
            source("audio/ogg", audio_codec="vorbis", channels=1),
            ["m4a-16mb", "opus-16mb", "m4a-16mb"],
        ),
        (source("audio/webm"), ["m4a-16mb"] * 3),
        (source("audio/3gpp"), ["m4a-16mb", "m4a-16mb", "as it is"]),
        (source("audio/mpeg", 17 * MB), ["m4a-16mb", "m4a-16mb", "as it is"]),
        (source("video/mp4"), ALL),
        (source("video/mp4", video_codec="h264", audio_codec="aac", faststart=True), ALL),
        (source("video/mp4", video_codec="h264", audio_codec=None, faststart=True), ALL),
        (source("video/mp4", video_codec="hevc"), ["as it is", "mp4-16mb", "as it is"]),
        *(
            (source("video/mp4", video_codec="h264", video_profile=each, b_frames=False), ALL)
            for each in ("Baseline", "Constrained Baseline", "Main")
        ),
        *(
            (
                source("video/mp4", video_codec="h264", video_profile=each),
                ["as it is", "mp4-16mb", "as it is"],
            )
            for each in ("Extended", "High", "High 10", "High 4:2:2", "High 4:4:4 Predictive")
        ),
        (source("video/mp4", b_frames=True), ["as it is", "mp4-16mb", "as it is"]),
        (source("video/mp4", audio_codec="mp3"), ["as it is", "mp4-16mb", "as it is"]),
        (source("video/mp4", faststart=False), ["as it is", "mp4-16mb", "as it is"]),
        (source("video/mp4", 17 * MB), ["as it is", "mp4-16mb", "as it is"]),
        (source("video/quicktime"), ["as it is", "mp4-16mb", "mp4-16mb"]),
        (source("video/webm"), ["as it is", "mp4-16mb", "as it is"]),
        (source("video/3gpp", video_codec="h263"), ["mp4-16mb"] * 3),
        (source("video/mp4", kind="audio"), ALL),
        (source("application/pdf"), ALL),
        (source("application/pdf", 26 * MB), ["no", "as it is", "as it is"]),
        (source("text/plain"), ["no", "as it is", "no"]),
        (source("text/csv"), NONE),
    ],
)
def test_ways(given, expected):
    assert ways(given) == expected


@pytest.mark.parametrize(
    ("given", "kind", "words"),
    [
        (
            source("image/jpeg", int(7.3 * MB)),
            WA,
            "WhatsApp takes images up to 5 MB; this file has 7.3 MB.",
        ),
        (
            source("image/jpeg", 5 * MB + 1),
            WA,
            "WhatsApp takes images up to 5 MB; this file has 5.1 MB.",
        ),
        (source("image/webp"), WA, "WhatsApp takes images as JPG or PNG; this file is WEBP."),
        (source("text/csv"), RCS, "RCS takes documents as PDF; this file is CSV."),
        (
            source("video/mp4", video_codec="hevc"),
            WA,
            "WhatsApp takes pictures coded as H.264; here it is HEVC.",
        ),
        (
            source("video/mp4", video_codec="h264", video_profile="High 10"),
            WA,
            "WhatsApp takes H.264 of the profile Baseline, Constrained Baseline or Main; "
            "here it is High 10.",
        ),
        (
            source("video/mp4", b_frames=True),
            WA,
            "WhatsApp takes videos without B-frames, which not every phone plays there.",
        ),
        (
            source("audio/mp4", audio_codec="alac"),
            WA,
            "WhatsApp takes sound coded as AAC, AMR, AMR-WB, MP3 or Opus; here it is ALAC.",
        ),
        (
            source("image/png", bits=16),
            WA,
            "WhatsApp takes PNG with 8 bits a colour; this file has 16.",
        ),
        (
            source("audio/ogg", channels=2),
            WA,
            "WhatsApp takes OGG with one channel of Opus sound only, as in voice notes.",
        ),
    ],
)
def test_words(given, kind, words):
    objection = route(given, CHANNEL_RULES[kind]).objection
    assert objection
    assert objection.words == words


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (
            {},
            {
                "ok": True,
                "rendition": None,
                "reason": "RCS takes images as GIF, JPG or PNG; this file is WEBP. "
                "A JPEG of up to 5 MB is yet to be made.",
            },
        ),
        (
            {"status": "running", "progress": 40},
            {
                "ok": True,
                "rendition": None,
                "reason": "RCS takes images as GIF, JPG or PNG; this file is WEBP. "
                "A JPEG of up to 5 MB is being made: 40 % done.",
            },
        ),
        (
            {"status": "ready", "size": 5},
            {"ok": True, "rendition": "jpeg-5mb", "reason": None},
        ),
        (
            {"status": "failed", "message": "It is damaged."},
            {
                "ok": False,
                "rendition": None,
                "reason": "RCS takes images as GIF, JPG or PNG; this file is WEBP. "
                "A JPEG of up to 5 MB could not be made of it: It is damaged.",
            },
        ),
    ],
)
def test_deliverable(entry, expected):
    assert deliverable(source("image/webp"), {"jpeg-5mb": entry})[RCS] == expected


def test_what_is_wanted():
    assert wanted(source("image/webp")) == [JPEG, THUMBNAIL]
    assert wanted(source("image/jpeg")) == [THUMBNAIL]
    assert wanted(source("video/quicktime")) == [MP4, POSTER]
    assert wanted(source("audio/ogg", channels=2)) == [M4A, OPUS]
    assert wanted(source("audio/mp4")) == []
    assert wanted(source("text/csv")) == []


sources = st.builds(
    lambda mime_type, size, details: source(mime_type, size, **details),
    st.sampled_from(sorted(TYPES)),
    st.integers(1, 200 * MB),
    st.fixed_dictionaries(
        {},
        optional={
            "video_codec": st.sampled_from(["h264", "hevc", "vp9", None]),
            "video_profile": st.sampled_from(["Main", "High", "High 10", None]),
            "b_frames": st.sampled_from([True, False, None]),
            "audio_codec": st.sampled_from(["aac", "opus", "vorbis", "mp3", None]),
            "channels": st.sampled_from([1, 2, 6, None]),
            "faststart": st.sampled_from([True, False, None]),
            "bits": st.sampled_from([1, 8, 16, None]),
            "color": st.sampled_from(["rgb", "cmyk", "gray", None]),
            "orientation": st.sampled_from([1, 6, None]),
            "pages": st.none() | st.integers(0, 9),
            "animated": st.booleans(),
            "has_alpha": st.booleans(),
        },
    ),
)


def result_of(recipe: Recipe) -> Source:
    """The largest that may come of it, as its form promises it."""
    details: dict[str, Any] = {
        "video_codec": "h264",
        "video_profile": "Main",
        "b_frames": False,
        "audio_codec": "aac",
        "faststart": True,
        "bits": 8,
    }
    if recipe == OPUS:
        details = {"audio_codec": "opus", "channels": 1}
    return source(recipe.mime_type, recipe.max_bytes, **details)


@given(sources, st.sampled_from(KINDS))
def test_every_file_has_one_way_and_a_reason(given, kind):
    found = route(given, CHANNEL_RULES[kind])
    shown = deliverable(given, {})[kind]
    assert shown["ok"] == (found.objection is None or found.recipe is not None)
    assert (shown["reason"] is None) == (found == AS_IT_IS)
    if found.recipe:
        assert found.recipe in wanted(given)
        assert found.recipe.file_type.kind == given.kind
        assert route(result_of(found.recipe), CHANNEL_RULES[kind]) == AS_IT_IS
        done = deliverable(given, {found.recipe.name: {"status": "ready", "size": 1}})[kind]
        assert done == {"ok": True, "rendition": found.recipe.name, "reason": None}
    elif found.objection:
        assert given.kind == MediaKind.DOCUMENT, "only of documents nothing can be made"


@given(sources)
def test_what_instagram_takes_as_it_is_its_adapter_does_not_refuse(given):
    if route(given, CHANNEL_RULES[IG]) != AS_IT_IS:
        return
    message_type = MessageType("file" if given.kind == MediaKind.DOCUMENT else given.kind)
    outgoing = Outgoing(1, "9", message_type, mime_type=given.mime_type, size=given.size)
    assert refused_by(CHANNELS[IG].capabilities, outgoing) is None


def test_the_sandbox_is_no_channel_to_be_pleased():
    assert CHANNEL_RULES.keys() == KINDS
    assert {each.kind for each in CHANNELS} - {"sandbox"} <= set(KINDS)


def test_names_fit_their_column():
    assert max(len(each.name) for each in RECIPES) <= 40
