"""What channels take of the library's files, for `deliverable` and for what is made of files.

WhatsApp: "Media" of the Cloud API, developers.facebook.com/docs/whatsapp/cloud-api/reference/media;
that Android's clients play neither H.264's profile High nor B-frames is told by "Video messages",
developers.facebook.com/documentation/business-messaging/whatsapp/messages/video-messages.
RCS: "Send messages" of RCS for Business,
developers.google.com/business-communications/rcs-business-messaging/guides/build/messages/send;
OGG counts there as application/ogg, as which files are not served.
"""

from dataclasses import replace

from media_library.channel_rules import CHANNEL_RULES, ChannelRules, KindRule
from media_library.kinds import TYPES, MediaKind
from messaging.channels.base import ChannelType
from messaging.channels.instagram import Instagram
from messaging.channels.sandbox import KINDS

MB = 1024 * 1024
_DOCUMENTS = {each for each in TYPES if TYPES[each].kind == MediaKind.DOCUMENT}

WHATSAPP = ChannelRules(
    "whatsapp",
    "WhatsApp",
    {
        MediaKind.IMAGE: KindRule(
            frozenset({"image/jpeg", "image/png"}), max_bytes=5 * MB, eight_bit=True
        ),
        MediaKind.AUDIO: KindRule(
            frozenset({"audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", "audio/ogg"}),
            max_bytes=16 * MB,
            audio_codecs=frozenset({"aac", "mp3", "opus", "amr_nb", "amr_wb"}),
            mono_ogg=True,
        ),
        MediaKind.VIDEO: KindRule(
            frozenset({"video/mp4", "video/3gpp"}),
            max_bytes=16 * MB,
            video_codecs=frozenset({"h264"}),
            video_profiles=frozenset({"Baseline", "Constrained Baseline", "Main"}),
            b_frames=False,
            audio_codecs=frozenset({"aac"}),
            faststart=True,
        ),
        MediaKind.DOCUMENT: KindRule(frozenset(_DOCUMENTS - {"text/csv"}), max_bytes=100 * MB),
    },
    short="WA",
)
RCS = ChannelRules(
    "rcs",
    "RCS",
    {
        MediaKind.IMAGE: KindRule(
            frozenset({"image/jpeg", "image/png", "image/gif"}), max_bytes=100 * MB
        ),
        MediaKind.AUDIO: KindRule(
            frozenset({"audio/aac", "audio/mpeg", "audio/mp4", "audio/3gpp"}), max_bytes=100 * MB
        ),
        MediaKind.VIDEO: KindRule(frozenset({"video/mp4", "video/webm"}), max_bytes=100 * MB),
        MediaKind.DOCUMENT: KindRule(frozenset({"application/pdf"}), max_bytes=100 * MB),
    },
)


def register() -> None:
    for rules in (replace(rules_of(Instagram()), short="IG"), WHATSAPP, RCS):
        CHANNEL_RULES.add(rules)


def rules_of(channel_type: ChannelType) -> ChannelRules:
    """What a channel type says of itself."""
    media = {
        KINDS[message_type]: KindRule(limit.mime_types, limit.max_bytes)
        for message_type, limit in channel_type.capabilities.media.items()
    }
    return ChannelRules(channel_type.kind, channel_type.label, media)
