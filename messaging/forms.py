"""The admin's forms: of a contact, and of a channel, made from the options of its type."""

from typing import Any

from django import forms
from rest_framework import serializers

from inro.common.errors import Refused
from messaging import phones
from messaging.channels import CHANNELS
from messaging.connecting import connect_channel
from messaging.contacts import KNOWN_BY
from messaging.models import Channel
from messaging.serializers.contact_changes import MAX_NOTES


class SecretTextarea(forms.Textarea):
    """Never shows again what was typed, as a password field does not."""

    def format_value(self, value: Any) -> str | None:
        return None


def _form_field(name: str, field: serializers.Field, kinds: str, secret: bool) -> forms.Field:
    """Never required by the form itself: which are needed depends on the kind."""
    several = isinstance(field, serializers.ListField)
    hint = (
        f"For {kinds}."
        + (" One per line." if several else "")
        + (" Kept encrypted." if secret else "")
    )
    common: dict[str, Any] = {
        "required": False,
        "label": name.replace("_", " ").capitalize(),
        "help_text": hint,
    }
    if isinstance(field, serializers.ChoiceField):
        return forms.ChoiceField(choices=[("", "–"), *field.choices.items()], **common)
    if several:
        area = SecretTextarea if secret else forms.Textarea
        return forms.CharField(widget=area(attrs={"rows": 2, "cols": 60}), **common)
    line = forms.PasswordInput if secret else forms.TextInput
    widget = line(attrs={"size": 60, "autocomplete": "off"})
    return forms.CharField(widget=widget, **common)


def _option_fields() -> dict[str, forms.Field]:
    found: dict[str, forms.Field] = {}
    for channel_type in CHANNELS:
        for name, field in channel_type.Options().fields.items():
            secret = name in channel_type.secret_fields
            found[name] = _form_field(name, field, channel_type.label, secret)
    return found


OPTION_FIELDS = _option_fields()


class ContactForm(forms.ModelForm):
    """The rules of the API; what was there before and is left as it is, is not judged."""

    notes = forms.CharField(widget=forms.Textarea, required=False, max_length=MAX_NOTES)
    bio = forms.CharField(widget=forms.Textarea, required=False, max_length=MAX_NOTES)

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or self.cleaned_data
        if self.instance.pk is None and not any(given.get(name) for name in KNOWN_BY):
            raise forms.ValidationError(f"Give at least one of {', '.join(KNOWN_BY)}.")
        return given

    def clean_username(self) -> str:
        username: str = self.cleaned_data["username"]
        return username.removeprefix("@") if "username" in self.changed_data else username

    def clean_phone(self) -> str:
        phone: str = self.cleaned_data["phone"]
        if not phone or "phone" not in self.changed_data:
            return phone
        try:
            return phones.normalised(phone)
        except ValueError as error:
            raise forms.ValidationError(str(error)) from None


class ConnectForm(forms.ModelForm):
    """Connects a channel through `connect_channel`, whose faults stand at their fields."""

    kind = forms.ChoiceField(choices=[(each.kind, each.label) for each in CHANNELS])
    name = forms.CharField(max_length=120, required=False, help_text="For people.")

    class Meta:
        model = Channel
        fields = ("workspace",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields.update(_option_fields())

    def options(self) -> dict[str, Any]:
        """What was filled in, shaped as the kind's options take it."""
        channel_type = CHANNELS[self.cleaned_data["kind"]]
        given: dict[str, Any] = {}
        for name, field in channel_type.Options().fields.items():
            value = self.cleaned_data.get(name) or ""
            several = isinstance(field, serializers.ListField)
            if value:
                given[name] = value.split() if several else value.strip()
        return given

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        if self.errors:
            return cleaned
        try:
            self.connected = connect_channel(
                self.cleaned_data["workspace"],
                self.cleaned_data["kind"],
                self.cleaned_data["name"],
                self.options(),
            )
        except Refused as refused:
            for path, found in (refused.details or {"": [refused.message]}).items():
                name = path.split(".")[0]
                self.add_error(name if name in self.fields else None, found)
        return cleaned

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        if hasattr(self, "connected"):
            self.instance = self.connected

    def save(self, commit: bool = True) -> Channel:
        return self.connected

    def save_m2m(self) -> None:
        return
