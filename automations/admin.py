from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.text import Truncator

from automations.models import Action, Execution, Scenario, Step, Trigger
from automations.scenarios import reasons_against_starting
from inro.accounts.workspace_admin import ReadOnlyAdmin, WorkspaceAdmin


class ShownInline(admin.TabularInline):
    """Rows that are looked at, not edited, on their parent's page."""

    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True


class TriggerInline(ShownInline):
    model = Trigger
    fields = ("trigger_type", "options")


class ScenarioForm(forms.ModelForm):
    class Meta:
        model = Scenario
        fields = ("title", "active")

    def clean_active(self) -> bool:
        active = bool(self.cleaned_data["active"])
        if active and not self.instance.active:
            reasons = reasons_against_starting(self.instance)
            if reasons:
                raise forms.ValidationError(reasons)
        return active


@admin.register(Scenario)
class ScenarioAdmin(WorkspaceAdmin):
    """Scenarios come by the API; here they are looked at, renamed and switched on and off."""

    form = ScenarioForm
    list_display = ("title", "active", "workspace", "trigger_types", "updated_at")
    list_filter = ("active",)
    search_fields = ("title",)
    list_select_related = ("workspace",)
    fields = ("title", "active", "workspace", "scenario_type", "tree", "created_at", "updated_at")
    readonly_fields = ("workspace", "scenario_type", "tree", "created_at", "updated_at")
    inlines = (TriggerInline,)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("triggers")

    @admin.display(description="Actions")
    def tree(self, scenario: Scenario) -> Any:
        """Each action under its parent, with the branch that leads to it."""
        actions = list(scenario.definition.actions.all())
        depth: dict[int | None, int] = {None: -1}
        for action in actions:
            depth[action.pk] = depth[action.parent_id] + 1
        rows = (
            (
                f"{depth[action.pk] * 1.5}em",
                f"{action.parent_branch} → " if action.parent_id else "",
                action.action_key,
                action.action_type,
                Truncator(action.content).chars(80),
            )
            for action in actions
        )
        return format_html_join(
            "", '<div style="padding-left:{}">{}<strong>{}</strong> {} <em>{}</em></div>', rows
        )

    @admin.display(description="Triggers")
    def trigger_types(self, scenario: Scenario) -> str:
        return ", ".join(trigger.trigger_type for trigger in scenario.triggers.all())


@admin.register(Action)
class ActionAdmin(ReadOnlyAdmin):
    workspace_path = "definition__workspace"
    list_display = ("action_key", "action_type", "scenario", "parent", "parent_branch")
    list_filter = ("action_type",)
    search_fields = ("action_key",)
    list_select_related = ("definition__scenario", "parent")

    @admin.display(description="Scenario")
    def scenario(self, action: Action) -> str:
        return str(action.definition.scenario)


class StepInline(ShownInline):
    model = Step
    fields = ("number", "action_key", "branch", "status", "error", "at")


@admin.register(Execution)
class ExecutionAdmin(ReadOnlyAdmin):
    list_display = (
        "id",
        "scenario",
        "contact",
        "channel",
        "trigger_type",
        "status",
        "reason_code",
        "created_at",
    )
    list_filter = ("status", "trigger_type")
    search_fields = ("contact__username_folded", "story")
    list_select_related = ("definition__scenario", "contact", "channel")
    inlines = (StepInline,)

    @admin.display(description="Scenario")
    def scenario(self, execution: Execution) -> Any:
        scenario = execution.definition.scenario
        address = reverse("admin:automations_scenario_change", args=[scenario.pk])
        return format_html('<a href="{}">{}</a>', address, scenario)
