"""The admin's pages of a scenario: what it does as a picture, how it goes, its switch."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.views.decorators.http import require_POST

from automations import scenario_page
from automations.editing import change_scenario
from automations.models import Action, Scenario
from automations.revision_admin import RevisedAdmin
from inro.accounts.workspace_admin import ReadOnlyAdmin
from inro.common.errors import Refused

MANY = 5  # faults that a notice names; the page shows the rest


class RenameForm(forms.ModelForm):
    class Meta:
        model = Scenario
        fields = ("title",)


@admin.register(Scenario)
class ScenarioAdmin(RevisedAdmin):
    """Scenarios come by the API; here they are looked at, renamed and switched on and off."""

    form = RenameForm
    change_form_template = "admin/automations/scenario/change_form.html"
    list_display = ("title", "active", "workspace", "trigger_types", "updated_at")
    list_filter = ("active",)
    search_fields = ("title",)
    list_select_related = ("workspace",)
    nothing_yet = (
        "No scenarios yet. They are made by the API, or by an agent that is told what to do."
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).prefetch_related("triggers")

    def get_urls(self) -> list[URLPattern]:
        own = {"switch": require_POST(self.switch_view), "live": self.live_view}
        return [
            path(
                f"<int:pk>/{name}/",
                self.admin_site.admin_view(view),
                name=f"automations_scenario_{name}",
            )
            for name, view in own.items()
        ] + super().get_urls()

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        scenario = self.get_object(request, object_id)
        about: dict[str, Any] = {}
        if scenario:
            about = {**scenario_page.about(scenario), "revisions": self.revisions(scenario)}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **about})

    def switch_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Switch on or off, by `active` true or false; what is against it is said on the page."""
        scenario = self._mine(request, pk)
        active = request.POST.get("active") == "true"
        try:
            change_scenario(scenario, {"active": active}, actor=str(request.user))
        except Refused as refused:
            for fault in _faults(refused)[:MANY]:
                self.message_user(request, fault, messages.ERROR)
        else:
            done = "The scenario is active." if active else "The scenario is switched off."
            self.message_user(request, done, messages.SUCCESS)
        return redirect("admin:automations_scenario_change", pk)

    def live_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """What changes while one looks: the counts, the latest executions."""
        live = scenario_page.live(self._mine(request, pk))
        seen = request.GET.get("version", "")
        context = {**live, "swap": True, "stale": seen != live["version"]}
        return TemplateResponse(request, "admin/automations/scenario/live.html", context)

    def _mine(self, request: HttpRequest, pk: int) -> Scenario:
        mine = self.get_queryset(request).select_related("definition", "workspace")
        scenario: Scenario = get_object_or_404(mine, pk=pk)
        return scenario

    @admin.display(description="Triggers")
    def trigger_types(self, scenario: Scenario) -> str:
        return ", ".join(trigger.trigger_type for trigger in scenario.triggers.all())


def _faults(refused: Refused) -> list[str]:
    found = [f"{place}: {said}" for place, all in refused.details.items() for said in all]
    return found or [refused.message]


@admin.register(Action)
class ActionAdmin(ReadOnlyAdmin):
    under_the_hood = True
    workspace_path = "definition__workspace"
    list_display = ("action_key", "action_type", "scenario", "parent", "parent_branch")
    list_filter = ("action_type",)
    search_fields = ("action_key",)
    list_select_related = ("definition__scenario", "parent")

    @admin.display(description="Scenario")
    def scenario(self, action: Action) -> str:
        return str(action.definition.scenario)
