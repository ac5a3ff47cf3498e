"""How a message with buttons goes out on a channel that cannot show all of them. Pure.

Nothing that a person should see is lost or cut: what cannot be shown as a button is written out.
"""

from dataclasses import replace

from messaging.buttons import ButtonType, written_out
from messaging.channels.base import Capabilities, Outgoing, too_long
from messaging.models.messages import MessageType


def arranged(capabilities: Capabilities, outgoing: Outgoing) -> Outgoing:
    """`outgoing` with its buttons in one of the channel's layouts, or in its text.

    All of them in one layout, if there is such a one; else the answers in a layout and the links
    as lines of the text, which can be tapped there; else everything as lines. What fits in no way
    comes back as it was, without a layout, and `refused_by` refuses it.
    """
    answers = tuple(each for each in outgoing.buttons if each.type == ButtonType.REPLY)
    for shown in (outgoing.buttons, answers, ()):
        lines = [each for each in outgoing.buttons if each not in shown]
        text = written_out(outgoing.text, lines) if lines else outgoing.text
        if lines and not _has_room(capabilities, outgoing.message_type, text):
            continue
        found = replace(outgoing, text=text, buttons=shown, layout="")
        if not shown:
            return found
        if layout := layout_of(capabilities, found):
            return replace(found, layout=layout)
    return outgoing


def least_text(capabilities: Capabilities, outgoing: Outgoing) -> str:
    """The shortest text that `outgoing` can go out with, whether the channel has room or not."""
    answers = tuple(each for each in outgoing.buttons if each.type == ButtonType.REPLY)
    for shown in (outgoing.buttons, answers):
        lines = [each for each in outgoing.buttons if each not in shown]
        text = written_out(outgoing.text, lines) if lines else outgoing.text
        if layout_of(capabilities, replace(outgoing, text=text, buttons=shown)):
            return text
    return written_out(outgoing.text, outgoing.buttons)


def layout_of(capabilities: Capabilities, outgoing: Outgoing) -> str:
    """The name of the first layout that shows all its buttons as they are; '' for none."""
    for layout in capabilities.layouts:
        if layout.fits(outgoing.message_type, outgoing.text, outgoing.buttons):
            return layout.name
    return ""


def _has_room(capabilities: Capabilities, message_type: MessageType, text: str) -> bool:
    carries_text = message_type in {MessageType.TEXT, *capabilities.captions}
    return carries_text and too_long(capabilities, text) is None
