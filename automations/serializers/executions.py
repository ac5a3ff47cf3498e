"""Executions as the API shows them."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from automations.models import Execution, ExecutionStatus, Step, StepStatus


class StepSerializer(serializers.ModelSerializer):
    number = serializers.IntegerField()
    action = serializers.DictField(help_text="The action as it was when it ran.")
    branch = serializers.SerializerMethodField()
    status = serializers.ChoiceField(choices=StepStatus.choices)
    error = serializers.SerializerMethodField()
    answer = serializers.SerializerMethodField()
    attempts = serializers.IntegerField(
        help_text="How often the action was at work: a reminder counts, and so does the reply."
    )
    at = serializers.DateTimeField()

    class Meta:
        model = Step
        fields = (
            "number",
            "action_key",
            "action",
            "branch",
            "status",
            "error",
            "answer",
            "attempts",
            "at",
        )

    def get_branch(self, step: Step) -> str | None:
        return step.branch or None

    def get_error(self, step: Step) -> str | None:
        return step.error or None

    def get_answer(self, step: Step) -> str | None:
        return step.answer or None


# Wants rows as `with_scenario()` of their query set gives them.
class ExecutionSerializer(serializers.ModelSerializer):
    """One run of a scenario for one contact."""

    scenario_id = serializers.IntegerField(source="definition.scenario.pk")
    scenario_title = serializers.CharField(source="definition.scenario.title")
    contact_id = serializers.IntegerField()
    channel_id = serializers.IntegerField()
    status = serializers.ChoiceField(choices=ExecutionStatus.choices)
    reason_code = serializers.SerializerMethodField()
    current_action = serializers.SerializerMethodField()
    wake_at = serializers.DateTimeField(
        allow_null=True,
        help_text="When it goes on by itself; null also while a question was not sent yet.",
    )
    variables = serializers.DictField()
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)

    class Meta:
        model = Execution
        fields: tuple[str, ...] = (
            "id",
            "scenario_id",
            "scenario_title",
            "contact_id",
            "channel_id",
            "trigger_type",
            "status",
            "reason_code",
            "current_action",
            "wake_at",
            "variables",
            "created_at",
            "finished_at",
        )

    def get_reason_code(self, execution: Execution) -> str | None:
        return execution.reason_code or None

    @extend_schema_field({"type": ["string", "null"], "description": "An `action_key`."})
    def get_current_action(self, execution: Execution) -> Any:
        return execution.current_key or None


class ExecutionInFullSerializer(ExecutionSerializer):
    """One run of a scenario for one contact, step by step."""

    steps = StepSerializer(many=True)

    class Meta(ExecutionSerializer.Meta):
        fields = (*ExecutionSerializer.Meta.fields, "steps")
