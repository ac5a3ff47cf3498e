"""The shape of one trigger and of one action in a request."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from inro.api.serializers import StrictSerializer

# The objects that may stand in an action itself.
INLINE = ("media_file", "conversion_link", "survey", "folder")


class RawField(serializers.Field):
    """Anything at all: who reads it judges it. Null is the same as absent."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, allow_null=True, **kwargs)

    def to_internal_value(self, data: Any) -> Any:
        return data

    def to_representation(self, value: Any) -> Any:
        return value


@extend_schema_field({"type": "object"})
class RawObject(RawField):
    pass


class TriggerShape(StrictSerializer):
    """One way for the scenario to start."""

    id = serializers.IntegerField(required=False, allow_null=True)
    trigger_type = serializers.CharField(
        max_length=40, help_text="One of those that GET /trigger_types lists."
    )
    options = RawObject(help_text="As GET /trigger_types describes them.")


class ActionShape(StrictSerializer):
    """One action of the tree."""

    id = serializers.IntegerField(required=False, allow_null=True)
    action_key = serializers.CharField(
        max_length=100,
        required=False,
        allow_null=True,
        help_text="Names the action in this request; made up when left out.",
    )
    action_type = serializers.CharField(
        max_length=40, help_text="One of those that GET /action_types lists."
    )
    parent_id = serializers.IntegerField(required=False, allow_null=True)
    parent_key = serializers.CharField(
        max_length=100,
        required=False,
        allow_null=True,
        help_text="The action that this one follows; only the first action has none.",
    )
    parent_branch = serializers.CharField(
        max_length=40,
        required=False,
        allow_null=True,
        allow_blank=True,
        help_text="The branch of the parent; may be left out where that has `next`.",
    )
    content = serializers.CharField(
        required=False, allow_null=True, allow_blank=True, trim_whitespace=False
    )
    options = RawObject(help_text="As GET /action_types describes them.")
    media_file = RawObject(help_text='{"id": 123} or {"file_url": "https://…"}')
    conversion_link = RawObject()
    survey = RawObject()
    folder = RawObject()


@extend_schema_field(TriggerShape(many=True))
class RawTriggers(RawField):
    pass


@extend_schema_field(ActionShape(many=True))
class RawActions(RawField):
    pass


@extend_schema_field({"type": "integer"})
class RawTemplateId(RawField):
    pass


@extend_schema_field({"type": "string"})
class RawPrompt(RawField):
    pass


@extend_schema_field({})
class OursField(serializers.ReadOnlyField):
    """Something that only we say: ignored when our own answer is sent back."""


class ScenarioShape(StrictSerializer):
    """A scenario to be made; one of triggers and actions, template_id and prompt."""

    title = serializers.CharField(max_length=200, required=False, allow_null=True)
    active = serializers.BooleanField(required=False, allow_null=True)
    scenario_type = serializers.CharField(max_length=40, required=False, allow_null=True)
    triggers = RawTriggers()
    actions = RawActions()
    template_id = RawTemplateId(help_text="Clone a template, instead of triggers and actions.")
    prompt = RawPrompt(help_text="Have it written by the AI model, instead of all other ways.")
    id = OursField()
    webhook_url = OursField()
    generation_data = OursField()
    metrics = OursField()
    warnings = OursField()
    created_at = OursField()
    updated_at = OursField()


class ScenarioChangeShape(StrictSerializer):
    """What may change of a scenario; what is left out stays as it is."""

    title = serializers.CharField(max_length=200, required=False, allow_null=True)
    active = serializers.BooleanField(required=False, allow_null=True)
    scenario_type = serializers.CharField(max_length=40, required=False, allow_null=True)
    triggers = RawTriggers(help_text="The complete list: what is not in it is removed.")
    actions = RawActions(help_text="The complete list: what is not in it is removed.")
    updated_at = serializers.DateTimeField(
        required=False,
        allow_null=True,
        help_text="The change is refused with 409 if the scenario is no longer of this time.",
    )
    id = OursField()
    webhook_url = OursField()
    generation_data = OursField()
    metrics = OursField()
    warnings = OursField()
    created_at = OursField()
