"""What may be said of a contact. Null is the same as empty, as far as a field can be empty."""

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from inro.api.rows import MAX_ID
from inro.api.serializers import ChoiceField, StrictSerializer
from messaging import phones
from messaging.contacts import KNOWN_BY, OWN_FIELDS, Reach
from messaging.models import Channel, Contact, ContactStatus
from messaging.serializers.contacts import ContactSerializer

MAX_NOTES = 10_000
MAX_CHANNELS = 50
# Shown, and not to be set here: what the contact does not have must not be lost in silence.
_OF_OTHERS = ("custom_properties", "folders")


def _text(most: int, **more: Any) -> serializers.CharField:
    return serializers.CharField(
        required=False, allow_blank=True, allow_null=True, max_length=most, **more
    )


class ContactFields(StrictSerializer):
    """The own fields, by the names that a contact's answer has them under.

    A field that comes back as it is shown stays as it is, whatever it holds; the contact that is
    changed stands in the context.
    """

    name = _text(200)
    username = _text(150, help_text="With or without a leading @.")
    email = serializers.EmailField(
        required=False, allow_blank=True, allow_null=True, max_length=254
    )
    phone = _text(40, help_text="International, 10 to 15 digits; kept as E.164.")
    real_name = _text(200)
    language = _text(20)
    status = ChoiceField(ContactStatus.choices, required=False)
    notes = _text(MAX_NOTES, trim_whitespace=False)
    bio = _text(MAX_NOTES, trim_whitespace=False)
    website = _text(500)

    def get_fields(self) -> dict[str, serializers.Field]:
        shown = ContactSerializer.Meta.fields
        return {
            **{name: serializers.CharField(read_only=True) for name in shown},
            **super().get_fields(),
        }

    def validate_username(self, username: str | None) -> str | None:
        return username and username.removeprefix("@")

    def validate_phone(self, phone: str | None) -> str | None:
        try:
            return phone and phones.normalised(phone)
        except ValueError as error:
            raise ValidationError(str(error)) from None

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, Mapping):
            return super().to_internal_value(data)
        current: Contact | None = self.context.get("contact")
        news = {
            name: value
            for name, value in data.items()
            if not (current and name in OWN_FIELDS and getattr(current, name) == value)
        }
        faults = self.faults_of_others(data, current)
        try:
            values = super().to_internal_value(news)
        except ValidationError as error:
            raise ValidationError({**error.detail, **faults}) from None  # type: ignore[dict-item]
        if faults:
            raise ValidationError(faults)
        return {
            name: "" if value is None and name in OWN_FIELDS else value
            for name, value in values.items()
        }

    def faults_of_others(self, data: Mapping[Any, Any], current: Contact | None) -> dict[str, Any]:
        known = ContactSerializer()
        has = {
            "custom_properties": known.get_custom_properties(current) if current else {},
            "folders": known.get_folders(current) if current else [],
        }
        return {
            name: ["Cannot be set here; leave it out, or send it as it is shown."]
            for name in _OF_OTHERS
            if data.get(name) and data[name] != has[name]
        }


class NewIdentity(StrictSerializer):
    """How one channel names the contact."""

    channel_id = serializers.IntegerField(min_value=1, max_value=MAX_ID)
    external_id = serializers.CharField(
        max_length=200, help_text="What the channel's provider calls the person."
    )
    kind = serializers.CharField(read_only=True)
    window_open_until = serializers.CharField(read_only=True)

    def validate_external_id(self, external_id: str) -> str:
        if not external_id.isprintable():
            raise ValidationError("Must be printable.")
        return external_id


class NewContact(ContactFields):
    """A contact to be made: at least one thing to know them by."""

    channels = NewIdentity(
        many=True,
        required=False,
        help_text="Where the contact can be reached; each id is known to a channel once.",
    )

    def validate_channels(self, channels: list[dict[str, Any]]) -> list[Reach]:
        if len(channels) > MAX_CHANNELS:
            raise ValidationError(f"At most {MAX_CHANNELS}.")
        own = Channel.objects.for_workspace(self.context["workspace"])
        found = own.in_bulk({each["channel_id"] for each in channels})
        faults: dict[int, dict[str, list[str]]] = {}
        taken = set()
        for index, each in enumerate(channels):
            pk, person = each["channel_id"], (each["channel_id"], each["external_id"])
            if pk not in found:
                message = f"There is no channel {pk} in this workspace."
                faults[index] = {"channel_id": [message]}
            elif person in taken:
                faults[index] = {"external_id": ["Stands in this list twice."]}
            taken.add(person)
        if faults:
            raise ValidationError(faults)  # type: ignore[arg-type]
        return [
            Reach(found[each["channel_id"]], each["external_id"], f"channels.{index}")
            for index, each in enumerate(channels)
        ]

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not any(attrs.get(name) for name in (*KNOWN_BY, "channels")):
            raise ValidationError(f"Give at least one of {', '.join(KNOWN_BY)}, channels.")
        return attrs


class ContactChange(ContactFields):
    """What may change of a contact; what is left out stays as it is."""

    updated_at = serializers.DateTimeField(
        required=False,
        allow_null=True,
        help_text="The change is refused with 409 if the contact is no longer of this time.",
    )

    def faults_of_others(self, data: Mapping[Any, Any], current: Contact | None) -> dict[str, Any]:
        faults = super().faults_of_others(data, current)
        if data.get("channels") and not _is_known(data["channels"], current):
            faults["channels"] = ["Cannot be changed; make a new contact to reach somebody else."]
        return faults


def _is_known(channels: Any, current: Contact | None) -> bool:
    """Whether all that `channels` names is the contact's already."""
    if not isinstance(channels, list) or not all(isinstance(each, Mapping) for each in channels):
        return False
    identities = current.identities.all() if current else ()
    has = {(each.channel_id, each.external_id) for each in identities}
    asked = [(each.get("channel_id"), each.get("external_id")) for each in channels]
    return all(any(person == known for known in has) for person in asked)


class ContactInBody(StrictSerializer):
    """`{"contact": {…}}`; the contact's fields as in a PATCH."""

    contact = ContactChange()


class LocatedContact(ContactInBody):
    """The same with the locator beside it, unless that stands in the address."""

    id = serializers.IntegerField(required=False)
    username = serializers.CharField(required=False)
    email = serializers.CharField(required=False)
