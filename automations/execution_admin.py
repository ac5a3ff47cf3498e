"""Executions: the list, and the page that shows the path of one."""

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from django.views.decorators.http import require_POST

from automations.executions import cancel_execution
from automations.models import LIVE, Execution
from automations.paths import path_of
from automations.reasons import reason_of_end
from automations.states import status_badge
from automations.triggers import TRIGGER_TYPES
from inro.accounts.live import Live, answer_live, render_part
from inro.accounts.models import AuditEntry
from inro.accounts.workspace_admin import ReadOnlyAdmin, moment, scoped
from inro.common.errors import Refused
from messaging.models import Contact

_LARGEST = 2**63 - 1
PEOPLE_FOUND = 200


class TriggerFilter(admin.SimpleListFilter):
    """By what began them, without asking the listed rows which there are."""

    title = "what began it"
    parameter_name = "trigger_type"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, str]]:
        return [(each.trigger_type, each.label) for each in TRIGGER_TYPES]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        trigger_type = self.value()
        return queryset if trigger_type is None else queryset.filter(trigger_type=trigger_type)


@admin.register(Execution)
class ExecutionAdmin(ReadOnlyAdmin):
    list_display = ("run", "scenario", "person", "state", "reason", "begun_by", "when")
    empty_value_display = ""
    list_filter = ("status", TriggerFilter)
    search_fields = ("story",)
    search_help_text = "A person's name, username, e-mail or phone; a scenario's title; a number."
    list_select_related = ("definition__scenario", "contact", "channel")
    sortable_by: ClassVar = ()
    nothing_yet = "No executions yet. One begins each time somebody sets off a scenario."

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet, search_term: str
    ) -> tuple[QuerySet, bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        known = scoped(Contact.objects.search(term), "workspace", request)
        people = list(known.values_list("pk", flat=True)[:PEOPLE_FOUND])
        found = Q(contact__in=people) | Q(definition__scenario__title__icontains=term)
        if term.isascii() and term.isdecimal() and len(term) < 19:
            found |= Q(pk=int(term))
        return queryset.filter(found), False

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).defer("variables")

    @admin.display(description="Execution")
    def run(self, execution: Execution) -> str:
        return f"No. {execution.pk}"

    @admin.display(description="Scenario")
    def scenario(self, execution: Execution) -> SafeString:
        scenario = execution.definition.scenario
        address = reverse("admin:automations_scenario_change", args=[scenario.pk])
        return format_html('<a href="{}" dir="auto">{}</a>', address, scenario)

    @admin.display(description="Person")
    def person(self, execution: Execution) -> SafeString:
        address = reverse("admin:messaging_contact_change", args=[execution.contact_id])
        return format_html(
            '<a href="{}" dir="auto">{}</a>', address, Truncator(execution.contact).chars(40)
        )

    @admin.display(description="Status")
    def state(self, execution: Execution) -> SafeString:
        return status_badge(execution.status)

    @admin.display(description="Reason")
    def reason(self, execution: Execution) -> str:
        reason = reason_of_end(execution.reason_code)
        return reason.title if reason else ""

    @admin.display(description="Begun")
    def when(self, execution: Execution) -> str:
        return moment(execution.created_at)

    @admin.display(description="Begun by")
    def begun_by(self, execution: Execution) -> str:
        found = TRIGGER_TYPES.get(execution.trigger_type)
        return found.label if found else execution.trigger_type

    def get_urls(self) -> list[URLPattern]:
        own = {"path": self.path_view, "cancel": require_POST(self.cancel_view)}
        return [
            path(
                f"<int:pk>/{name}/",
                self.admin_site.admin_view(view),
                name=f"automations_execution_{name}",
            )
            for name, view in own.items()
        ] + super().get_urls()

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        execution: Execution = context["original"]
        context |= {
            "execution": execution,
            "live": self._path(request, execution),
            "begun_by": self.begun_by(execution),
            "may_cancel": execution.status in LIVE,
        }
        return super().render_change_form(request, context, *args, **kwargs)

    def path_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The path, for as long as it grows."""
        return answer_live(request, self._path(request, self._mine(request, pk)))

    def cancel_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Stop one that runs or waits; one that has ended meanwhile stays as it ended."""
        execution = self._mine(request, pk)
        try:
            with transaction.atomic():
                cancel_execution(execution)
                AuditEntry.record(
                    execution.workspace, request.user, "execution canceled", execution
                )
        except Refused as refused:
            self.message_user(request, refused.message, messages.WARNING)
        else:
            self.message_user(request, "The execution is canceled.", messages.SUCCESS)
        return redirect("admin:automations_execution_change", pk)

    def _mine(self, request: HttpRequest, pk: int) -> Execution:
        if not self.has_view_permission(request) or pk > _LARGEST:
            raise Http404
        mine = self.get_queryset(request).select_related(*self.list_select_related)
        execution: Execution = get_object_or_404(mine, pk=pk)
        return execution

    def _path(self, request: HttpRequest, execution: Execution) -> Live:
        """It asks no more once nothing can happen to it."""
        taken = path_of(execution)
        html = render_part(request, "admin/parts/path.html", {"path": taken})
        address = reverse("admin:automations_execution_path", args=[execution.pk])
        return Live("path", html, address if taken.is_live else "", says=taken.summary)
