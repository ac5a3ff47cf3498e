"""States as people read them at a glance: a word, a sign and a colour, never the colour alone."""

from collections.abc import Mapping
from enum import StrEnum

from django.utils.html import format_html
from django.utils.safestring import SafeString


class Tone(StrEnum):
    GOOD = "good"
    BUSY = "busy"  # on its way
    WARN = "warn"
    BAD = "bad"
    QUIET = "quiet"  # over, or nothing to it


SIGNS: Mapping[Tone, str] = {
    Tone.GOOD: "✓",
    Tone.BUSY: "…",
    Tone.WARN: "!",
    Tone.BAD: "✕",
    Tone.QUIET: "–",
}


def badge(text: object, tone: Tone) -> SafeString:
    return format_html(
        '<span class="badge badge-{}"><span aria-hidden="true">{}</span> {}</span>',
        tone.value,
        SIGNS[tone],
        text,
    )
