"""Scenarios as the API shows them."""

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from automations.definition.warnings import warnings_of
from automations.models import Action, Scenario, Trigger
from media_library.serializers.media_files import MediaFileSerializer


@extend_schema_field({"type": "null"})
class NullField(serializers.Field):
    """Part of the object that nothing fills yet."""

    def __init__(self) -> None:
        super().__init__(read_only=True, source="*")

    def to_representation(self, value: object) -> None:
        return None


class TriggerSerializer(serializers.ModelSerializer):
    options = serializers.DictField()

    class Meta:
        model = Trigger
        fields = ("id", "trigger_type", "options")


class ActionSerializer(serializers.ModelSerializer):
    parent_key = serializers.SerializerMethodField()
    parent_branch = serializers.SerializerMethodField()
    options = serializers.DictField()
    media_file = MediaFileSerializer(allow_null=True)
    conversion_link = NullField()
    survey = NullField()
    folder = NullField()

    class Meta:
        model = Action
        fields = (
            "id",
            "action_key",
            "action_type",
            "parent_id",
            "parent_key",
            "parent_branch",
            "content",
            "options",
            "media_file",
            "conversion_link",
            "survey",
            "folder",
        )

    def get_parent_key(self, action: Action) -> str | None:
        return action.parent.action_key if action.parent else None

    def get_parent_branch(self, action: Action) -> str | None:
        return action.parent_branch or None


class CountSerializer(serializers.Serializer):
    total = serializers.IntegerField()
    last_7_days = serializers.IntegerField()


class MetricsSerializer(serializers.Serializer):
    executions = CountSerializer()
    conversions = CountSerializer()


class WarningSerializer(serializers.Serializer):
    code = serializers.CharField()
    path = serializers.CharField()
    message = serializers.CharField()


# Wants rows as `Scenario.in_full()` gives them, measured by `metrics.measure`.
class ScenarioSerializer(serializers.ModelSerializer):
    webhook_url = NullField()
    generation_data = NullField()
    triggers = TriggerSerializer(many=True)
    actions = ActionSerializer(many=True, source="definition.actions.all")
    metrics = MetricsSerializer()
    warnings = serializers.SerializerMethodField()

    class Meta:
        model = Scenario
        fields = (
            "id",
            "title",
            "active",
            "scenario_type",
            "webhook_url",
            "generation_data",
            "triggers",
            "actions",
            "metrics",
            "warnings",
            "created_at",
            "updated_at",
        )

    @extend_schema_field(WarningSerializer(many=True))
    def get_warnings(self, scenario: Scenario) -> list[dict[str, str]]:
        return warnings_of(scenario.definition.actions.all())
