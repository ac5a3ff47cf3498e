"""What a channel states of the buttons that it can show."""

from collections.abc import Collection
from dataclasses import dataclass

from messaging.buttons import Button, ButtonType
from messaging.models.messages import MessageType


@dataclass(frozen=True)
class Layout:
    """One way in which a channel shows buttons, by the provider's documentation.

    Lengths are in characters; None is no limit of its own.
    """

    name: str
    types: frozenset[ButtonType]  # that may stand side by side
    under: frozenset[MessageType]  # the kinds of message that it stands under
    most: int | None = None
    title_max_chars: int | None = None
    payload_max_chars: int | None = None
    text_max_chars: int | None = None  # of the text above the buttons

    def fits(self, message_type: MessageType, text: str, buttons: Collection[Button]) -> bool:
        """Whether all of `buttons` can be shown like this, with nothing cut off."""
        return (
            message_type in self.under
            # Nowhere do buttons stand alone.
            and (message_type != MessageType.TEXT or bool(text.strip()))
            and _within(len(text), self.text_max_chars)
            and _within(len(buttons), self.most)
            and all(self._takes(button) for button in buttons)
        )

    def _takes(self, button: Button) -> bool:
        return (
            button.type in self.types
            and _within(len(button.title), self.title_max_chars)
            and _within(len(button.payload), self.payload_max_chars)
        )


def _within(length: int, limit: int | None) -> bool:
    return limit is None or length <= limit
