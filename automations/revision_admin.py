"""The history of a scenario on its page in the admin."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.safestring import SafeString

from automations.definition.differences import differences
from automations.editing import change_scenario
from automations.models import Revision, Scenario
from automations.restoring import restore_revision
from automations.revisions import snapshot
from inro.accounts.workspace_admin import WorkspaceAdmin
from inro.common.errors import Refused

SHOWN = 20


class RevisedAdmin(WorkspaceAdmin):
    """Shows the latest changes of a scenario, restores any of them, and adds those made here."""

    def revisions(self, scenario: Scenario) -> SafeString:
        found = Revision.objects.filter(definition=scenario.definition_id).defer("snapshot")
        context = {"revisions": found[:SHOWN], "scenario": scenario}
        return render_to_string("admin/automations/scenario/revisions.html", context)

    def get_urls(self) -> list[URLPattern]:
        address = path(
            "<int:pk>/revisions/<int:number>/restore/",
            self.admin_site.admin_view(self.restore_view),
            name="automations_revision_restore",
        )
        return [address, *super().get_urls()]

    def restore_view(self, request: HttpRequest, pk: int, number: int) -> HttpResponse:
        """Show what would become of the scenario, then restore it."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        scenario = get_object_or_404(self.get_queryset(request), pk=pk)
        found = Revision.objects.filter(definition=scenario.definition_id)
        revision = get_object_or_404(found, number=number)
        if request.method != "POST":
            return self._confirm(request, scenario, revision)
        try:
            restore_revision(scenario, number, actor=str(request.user))
        except Refused as refused:
            faults = [f"{path}: {each}" for path, told in refused.details.items() for each in told]
            self.message_user(
                request, " ".join(["Not restored.", *(faults or [refused.message])]), messages.ERROR
            )
        else:
            self.message_user(request, f"Restored change {number}.", messages.SUCCESS)
        return redirect("admin:automations_scenario_change", pk)

    def _confirm(
        self, request: HttpRequest, scenario: Scenario, revision: Revision
    ) -> HttpResponse:
        wanted = {**revision.snapshot, "active": scenario.active}
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"Restore change {revision.number}",
            "scenario": scenario,
            "changes": differences(snapshot(scenario), wanted),
        }
        return TemplateResponse(request, "admin/automations/scenario/restore.html", context)

    def save_model(self, request: HttpRequest, obj: Scenario, form: Any, change: bool) -> None:
        typed = {name: form.cleaned_data[name] for name in form.changed_data}
        current = Scenario.objects.select_related("definition", "workspace").get(pk=obj.pk)
        change_scenario(current, typed, actor=str(request.user))

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().changeform_view(request, *args, **kwargs)
        except Refused as refused:  # somebody else was faster than the form's own check
            self.message_user(request, refused.message, messages.ERROR)
            return redirect(request.path)
