"""The sandbox's two sides: what comes in by the simulator, and what went out."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from inro.api.serializers import StrictSerializer
from media_library.models import MediaStatus
from media_library.serving import url_of
from messaging.models import Message
from messaging.serializers.messages import ButtonsField
from messaging.tapping import answers_shown_to

_LATER = {"comment", "story_reply", "reaction"}
_NOT_SIMULATED = ErrorDetail("The simulator makes texts, attachments and taps only.")
_MOST_NAMED = 30


class SimulatedEventSerializer(StrictSerializer):
    """What a pretend person does: writes a text, sends a file (or both), or taps a button."""

    # The context holds the `channel`.

    text = serializers.CharField(
        required=False, max_length=4096, help_text="With `postback`, the title of what is tapped."
    )
    attachment_url = serializers.URLField(
        required=False, max_length=2048, help_text="Where the file is that they send."
    )
    quick_reply = serializers.CharField(
        required=False,
        max_length=1000,
        help_text="The payload or the title of an answer that was shown to this person.",
    )
    postback = serializers.CharField(
        required=False, max_length=1000, help_text="The payload of a menu item or an ice breaker."
    )

    def get_fields(self) -> dict[str, serializers.Field]:
        person = serializers.CharField(
            max_length=150, help_text="The person's id on this channel, and username."
        )
        return {"from": person, **super().get_fields()}

    def to_internal_value(self, data: Any) -> Any:
        try:
            return super().to_internal_value(data)
        except serializers.ValidationError as error:
            if isinstance(error.detail, dict):
                for name in _LATER & set(error.detail):
                    error.detail[name] = [_NOT_SIMULATED]
            raise

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        taps = [name for name in ("quick_reply", "postback") if attrs.get(name)]
        if not taps and not attrs.get("text") and not attrs.get("attachment_url"):
            raise serializers.ValidationError(
                {"text": ["Give text, attachment_url, quick_reply or postback."]}
            )
        excluded = {"quick_reply": ("text", "attachment_url"), "postback": ("attachment_url",)}
        faults = {other: [f"Not with {tap}."] for tap in taps for other in excluded[tap]}
        faults = {name: fault for name, fault in faults.items() if name in attrs}
        if len(taps) > 1:
            faults["postback"] = ["Not with quick_reply."]
        if faults:
            raise serializers.ValidationError(faults)
        return self._tapped(attrs) if "quick_reply" in taps else attrs

    def _tapped(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """With the title as the text, as a real tap comes."""
        wanted, person = attrs["quick_reply"], attrs["from"]
        shown = answers_shown_to(self.context["channel"], person)
        for same in (lambda each: each.payload == wanted, lambda each: each.title == wanted):
            for each in filter(same, shown):
                return {**attrs, "quick_reply": each.payload, "text": each.title}
        titles = list(dict.fromkeys(each.title for each in shown))[:_MOST_NAMED]
        there_is = (
            f"There is to tap: {', '.join(titles)}." if titles else "There is nothing to tap."
        )
        raise serializers.ValidationError(
            {"quick_reply": [f"{person} was not shown {wanted!r}. {there_is}"]}
        )


class SimulatedSerializer(serializers.Serializer):
    event_id = serializers.IntegerField()


class OutboxSerializer(serializers.ModelSerializer):
    """A message that went out, as the person sees it."""

    to = serializers.CharField(help_text="The person's id on this channel.")
    media_url = serializers.SerializerMethodField()
    buttons = ButtonsField()
    at = serializers.DateTimeField(source="sent_at")

    class Meta:
        model = Message
        fields = ("id", "to", "message_type", "text", "media_url", "buttons", "at")

    @extend_schema_field(serializers.URLField(allow_null=True))
    def get_media_url(self, message: Message) -> str | None:
        file = message.media_file
        return url_of(file) if file and file.status == MediaStatus.READY else None
