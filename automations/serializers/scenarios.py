"""Scenarios as the API shows them."""

from rest_framework import serializers

from automations.definition.warnings import warnings_of
from automations.models import Action, Scenario, Trigger
from media_library.serializers.media_files import MediaFileSerializer


class TriggerSerializer(serializers.ModelSerializer):
    class Meta:
        model = Trigger
        fields = ("id", "trigger_type", "options")


class ActionSerializer(serializers.ModelSerializer):
    parent_key = serializers.SerializerMethodField()
    parent_branch = serializers.SerializerMethodField()
    media_file = MediaFileSerializer()
    conversion_link = serializers.SerializerMethodField()
    survey = serializers.SerializerMethodField()
    folder = serializers.SerializerMethodField()

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

    def get_conversion_link(self, action: Action) -> None:
        return None

    def get_survey(self, action: Action) -> None:
        return None

    def get_folder(self, action: Action) -> None:
        return None


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


class ScenarioSerializer(serializers.ModelSerializer):
    """Wants rows as `Scenario.in_full()` gives them, measured by `metrics.measure`."""

    webhook_url = serializers.SerializerMethodField()
    generation_data = serializers.SerializerMethodField()
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

    def get_webhook_url(self, scenario: Scenario) -> None:
        return None

    def get_generation_data(self, scenario: Scenario) -> None:
        return None

    def get_warnings(self, scenario: Scenario) -> list[dict[str, str]]:
        return warnings_of(scenario.definition.actions.all())
