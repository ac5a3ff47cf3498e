"""Third pass: whether each action carries what its type needs, and what channels can take."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from automations.actions.base import ActionType
from automations.definition.drafts import ActionDraft
from automations.definition.faults import Faults
from automations.definition.shapes import INLINE
from automations.engine.templating import longest
from messaging.buttons import Button
from messaging.channels.arranging import least_text
from messaging.channels.base import Capabilities, ChannelType, Outgoing
from messaging.models import MessageType


@dataclass(frozen=True)
class TextLimit:
    """How much text a channel takes, as it counts it."""

    most: int
    unit: str
    size: Callable[[str], int]
    channel: str
    capabilities: Capabilities


def limits_of(channel_types: Iterable[ChannelType]) -> list[TextLimit]:
    """The text limits of some channels, the narrowest first."""
    limits = []
    for each in channel_types:
        can = each.capabilities
        if can.text_max_bytes:
            limits.append(TextLimit(can.text_max_bytes, "bytes", _bytes, each.label, can))
        if can.text_max_chars:
            limits.append(TextLimit(can.text_max_chars, "characters", len, each.label, can))
    return sorted(limits, key=lambda limit: limit.most)


def _bytes(text: str) -> int:
    return len(text.encode())


def check_contents(drafts: list[ActionDraft], limits: list[TextLimit], faults: Faults) -> None:
    for draft in drafts:
        if draft.type is None:
            continue
        _check_inline(draft, draft.type, faults)
        _check_content(draft, draft.type, faults)
        _check_length(draft, draft.type, limits, faults)


def _check_inline(draft: ActionDraft, kind: ActionType, faults: Faults) -> None:
    for name in INLINE:
        if draft.inline(name) is not None and name not in kind.inline:
            faults.add(f"{draft.path}.{name}", f"The action {kind.action_type} takes no {name}.")
    if kind.media_required and draft.inline("media_file") is None:
        faults.add(f"{draft.path}.media_file", f"The action {kind.action_type} needs one.")


def _check_content(draft: ActionDraft, kind: ActionType, faults: Faults) -> None:
    if "content" in draft.unreadable:
        return
    there = bool(draft.content.strip())
    if there and not kind.content_meaning:
        faults.add(f"{draft.path}.content", f"The action {kind.action_type} takes none.")
    elif not there and _judged_to_need_content(draft, kind):
        faults.add(f"{draft.path}.content", f"The action {kind.action_type} needs one.")


def _judged_to_need_content(draft: ActionDraft, kind: ActionType) -> bool:
    """Options that could not be read might have stood in for the content."""
    return "options" not in draft.unreadable and kind.needs_content(kind.complete(draft.options))


def _check_length(
    draft: ActionDraft, kind: ActionType, limits: list[TextLimit], faults: Faults
) -> None:
    options = kind.complete(draft.options)
    buttons = kind.buttons(options)
    for place, text in kind.texts(draft.content, options).items():
        for limit in limits:
            list_ = _list_under(text, buttons, limit.capabilities)
            room = limit.most - limit.size(list_)
            if limit.size(text) <= room:
                continue  # read as a template, it can only be shorter
            found = longest(text, limit.size)
            if found > room:
                faults.add(f"{draft.path}.{place}", _too_long(found, limit, list_))
                break


def _list_under(text: str, buttons: tuple[Button, ...], capabilities: Capabilities) -> str:
    """What has to be written below `text` because the channel cannot show it as buttons."""
    if not buttons:
        return ""
    outgoing = Outgoing(0, "", MessageType.TEXT, text, buttons=buttons)
    return least_text(capabilities, outgoing).removeprefix(text)


def _too_long(found: int, limit: TextLimit, list_: str) -> str:
    most = f"{limit.channel} takes at most {limit.most:,}."
    if not list_:
        return f"Has {found:,} {limit.unit}; {most}"
    total = found + limit.size(list_)
    return f"Has {total:,} {limit.unit} with its answers, too long for buttons, as a list; {most}"
