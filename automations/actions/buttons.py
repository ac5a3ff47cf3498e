"""The buttons that an author puts under a message."""

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from automations.engine.step import Step
from automations.engine.templating import variables_in
from inro.api.serializers import ChoiceField, StrictSerializer
from messaging.buttons import Button, ButtonType

# What every channel shows as buttons, and how many when one of them opens a page.
TITLE_LENGTH = 20
MOST_BUTTONS = 13
MOST_BESIDE_LINKS = 3
URL_LENGTH = 2_000


class ButtonShape(StrictSerializer):
    """A button that answers with its title, or one that opens an address."""

    type = ChoiceField(
        choices=[each.value for each in ButtonType],
        help_text="`reply`: tapping it is like writing its title. `url`: it opens `url`.",
    )
    title = serializers.CharField(max_length=TITLE_LENGTH, help_text="What stands on it.")
    url = serializers.CharField(
        max_length=URL_LENGTH,
        required=False,
        help_text="http or https; variables in it are filled in encoded.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["type"] == ButtonType.REPLY and "url" in attrs:
            raise ValidationError({"url": "A button of the type reply opens nothing."})
        if attrs["type"] == ButtonType.URL and (fault := _url_fault(attrs.get("url", ""))):
            raise ValidationError({"url": fault})
        return attrs


def _url_fault(url: str) -> str:
    if not url:
        return "A button of the type url needs one."
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        host = None
    # Whom the address belongs to is the author's to say, not what a person has written.
    if not host or parts.scheme not in {"http", "https"} or any(variables_in(parts.netloc)):
        return "Must be an address like https://mybrand.com/page."
    return "" if url.isprintable() and " " not in url else "Must not have spaces in it."


class ButtonsField(serializers.ListField):
    child = ButtonShape()

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=MOST_BUTTONS, default=[], **kwargs)

    def to_internal_value(self, data: Any) -> list[dict[str, Any]]:
        buttons = super().to_internal_value(data)
        links = any(each["type"] == ButtonType.URL for each in buttons)
        if links and len(buttons) > MOST_BESIDE_LINKS:
            raise ValidationError(
                f"At most {MOST_BESIDE_LINKS} when one of them opens an address; "
                f"there are {len(buttons)}."
            )
        return [dict(each) for each in buttons]


def made(buttons: Iterable[Mapping[str, Any]], step: Step) -> tuple[Button, ...]:
    """The buttons for one person."""
    return tuple(
        Button.link(each["title"], step.render_url(each["url"]))
        if each["type"] == ButtonType.URL
        else Button.reply(each["title"], "")
        for each in buttons
    )
