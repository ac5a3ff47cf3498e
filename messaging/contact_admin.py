"""The page of a contact: who they are, how they can be reached, and what was said."""

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from inro.accounts.live import render_part
from inro.accounts.workspace_admin import WorkspaceAdmin, moment
from messaging.contacts import change_contact
from messaging.conversation import news_since, read_page
from messaging.forms import ContactForm
from messaging.models import Contact, ContactStatus
from messaging.panels import CONTACT_PANELS
from messaging.reaching import reaches_of
from messaging.states import status_badge

_LARGEST = 2**63 - 1


@admin.register(Contact)
class ContactAdmin(WorkspaceAdmin):
    list_display = ("person", "username", "email", "phone", "state", "workspace", "when")
    empty_value_display = ""
    list_filter = ("status",)
    search_fields = ("name",)
    search_help_text = "Name, username, e-mail or phone."
    list_select_related = ("workspace",)
    nothing_yet = "Nobody has written yet. People appear here with their first message."
    fieldsets: ClassVar = [
        (None, {"fields": ("name", "username", "email", "phone", "status", "notes", "workspace")}),
        (
            "Profile",
            {
                "classes": ("collapse",),
                "fields": (
                    "real_name", "language", "bio", "website", "profile_picture", "is_follower",
                    "follower_count", "last_active_at", "created_at",
                ),
            },
        ),
    ]  # fmt: skip
    form = ContactForm
    # What providers tell, as the API has it.
    readonly_fields = (
        "profile_picture",
        "is_follower",
        "follower_count",
        "last_active_at",
        "created_at",
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("workspace", *self.readonly_fields) if obj else self.readonly_fields

    def save_model(self, request: HttpRequest, obj: Contact, form: Any, change: bool) -> None:
        if not change:
            return super().save_model(request, obj, form, change)
        # Only what was typed: the rest may have changed since the page was opened.
        typed = {name: form.cleaned_data[name] for name in form.changed_data}
        current = Contact.objects.select_for_update(no_key=True).get(pk=obj.pk)
        return change_contact(current, typed, request.user)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # Erasing a person also covers raw events and files; deleting the row alone would not.
        return False

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet, search_term: str
    ) -> tuple[QuerySet, bool]:
        # By the folded columns: the databases do not agree on case and accents.
        found = Contact.objects.search(search_term).order_by().values("pk") if search_term else None
        return (queryset.filter(pk__in=found) if search_term else queryset), False

    @admin.display(description="Person", ordering="name_folded")
    def person(self, contact: Contact) -> str:
        return Truncator(str(contact)).chars(60)

    @admin.display(description="Last active", ordering="last_active_at")
    def when(self, contact: Contact) -> str:
        return moment(contact.last_active_at)

    @admin.display(description="Status", ordering="status")
    def state(self, contact: Contact) -> SafeString:
        return status_badge(contact.status)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        own = [
            path("<int:pk>/older/", view(self.older_view), name="messaging_contact_older"),
            path("<int:pk>/news/", view(self.news_view), name="messaging_contact_news"),
        ]
        return [*own, *super().get_urls()]

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        contact = context.get("original")
        if contact is not None:
            context |= self._about(request, contact)
        return super().render_change_form(request, context, *args, **kwargs)

    def _about(self, request: HttpRequest, contact: Contact) -> dict[str, Any]:
        before = _before(request)
        return {
            "contact": contact,
            "contact_badge": status_badge(contact.status),
            "is_blocked": contact.status == ContactStatus.BLOCKED,
            "reaches": reaches_of(contact),
            "page": read_page(contact, before),
            "is_newest": before is None,
            "panels": [
                render_part(request, panel.template, {"contact": contact, **panel.read(contact)})
                for panel in CONTACT_PANELS
            ],
        }

    def older_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The messages before one, to be put before those that are shown."""
        contact = self._asked_for(request, pk)
        context = {"contact": contact, "page": read_page(contact, _before(request) or _LARGEST)}
        return _part(request, "admin/parts/older.html", context)

    def news_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """What a page that shows the messages `shown` does not show yet; 204 for nothing."""
        contact = self._asked_for(request, pk)
        news = news_since(contact, request.GET.getlist("shown"))
        if news is None:
            context = {"contact": contact, "page": read_page(contact)}
            return _part(request, "admin/parts/conversation_anew.html", context)
        if not news.added and not news.changed:
            return HttpResponse(status=204)
        return _part(request, "admin/parts/news.html", {"contact": contact, "news": news})

    def _asked_for(self, request: HttpRequest, pk: int) -> Contact:
        if not self.has_view_permission(request) or pk > _LARGEST:
            raise Http404
        contact: Contact = get_object_or_404(self.get_queryset(request), pk=pk)
        return contact


def _before(request: HttpRequest) -> int | None:
    """From which message on the conversation is shown; None for all, and for what is no id."""
    given = request.GET.get("before", "")
    if not (given.isascii() and given.isdecimal()):
        return None
    return min(int(given[:19]), _LARGEST)


def _part(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    return TemplateResponse(request, template, context)
