"""The reference page of channels."""

from inspect import getdoc
from typing import Any

from inro.api.references import options_table
from inro.common.referencing import PAGES, Page, code, table
from messaging.channels import CHANNELS
from messaging.channels.base import Capabilities, ChannelType


def register() -> None:
    PAGES.add(Page("channels", "Channels", channels_page))


def channels_page() -> str:
    about = (
        "What a channel takes when it is created, and what it can carry. How to connect one: "
        "[channels](../channels.md)."
    )
    return "\n\n".join([about, *map(_channel, CHANNELS)])


def _channel(kind: ChannelType) -> str:
    secret = ", ".join(map(code, kind.secret_fields))
    parts = [
        f"## {kind.label}",
        f"`kind`: `{kind.kind}`. {getdoc(type(kind))}",
        options_table(kind.Options) or "It takes no options.",
        f"Write-only, shown as a mask: {secret}." if secret else "",
        _carries(kind.capabilities),
        _errors(getattr(kind, "errors", {})),
    ]
    return "\n\n".join(filter(None, parts))


def _carries(can: Capabilities) -> str:
    rows = [("`text`", _text_limit(can), "")]
    for message_type, limit in can.media.items():
        size = f"{limit.max_bytes / 1024**2:g} MB"
        rows.append((f"`{message_type}`", size, ", ".join(sorted(limit.mime_types))))
    notes = []
    if can.window:
        hours = can.window.total_seconds() / 3600
        notes.append(f"Only within {hours:g} hours after the person last wrote.")
    if can.captions:
        notes.append(f"Captions go with: {', '.join(sorted(can.captions))}.")
    else:
        notes.append("A caption goes out as a message of its own.")
    return f"{table(('Message type', 'At most', 'Files'), rows)}\n\n{' '.join(notes)}"


def _text_limit(can: Capabilities) -> str:
    if can.text_max_bytes:
        return f"{can.text_max_bytes:,} bytes"
    return f"{can.text_max_chars:,} characters" if can.text_max_chars else ""


def _errors(errors: Any) -> str:
    """What the provider's refusals are called in `error.code` of a message."""
    by_code = {each.code: each for each in errors.values()}
    rows = [
        (code(name), "yes" if each.retryable else "no", each.message)
        for name, each in sorted(by_code.items())
    ]
    text = table(("`error.code`", "Tried again", "Meaning"), rows)
    return f"### What its provider refuses\n\n{text}" if text else ""
