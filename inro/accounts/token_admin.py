"""The admin's pages of API tokens: issuing, limiting, ending them."""

from datetime import datetime
from itertools import groupby
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.formats import date_format

from inro.accounts import tokens
from inro.accounts.models import ABILITIES, ALL_ABILITIES, ApiToken, AuditEntry
from inro.accounts.workspace_admin import WorkspaceAdmin

# What a person may change about a token.
ASKED = ("name", "abilities", "rate_limit", "expires_at")
_VERBS = {
    "read": "look at them",
    "write": "make, change and delete them",
    "send": "send them to people",
}


def _day(at: datetime) -> str:
    return date_format(timezone.localtime(at), "DATE_FORMAT")


def _noun(ability: str) -> str:
    return ability.partition(".")[0]


def _ability_choices() -> list[tuple[str, list[tuple[str, str]]]]:
    """In groups by what they are about, each with what it allows."""
    groups = groupby(sorted(ABILITIES, key=_noun), key=_noun)
    named = [
        (
            noun.capitalize(),
            [(each, f"{each} – {_VERBS[each.partition('.')[2]]}") for each in all_of],
        )
        for noun, all_of in groups
    ]
    everything = (ALL_ABILITIES, "everything, also what later versions add")
    return [("All", [everything]), *named]


class ApiTokenForm(forms.ModelForm):
    abilities = forms.MultipleChoiceField(
        choices=_ability_choices(),
        initial=[ALL_ABILITIES],
        widget=forms.CheckboxSelectMultiple,
        help_text="Give it no more than what uses it needs: whoever finds it can do as much.",
    )

    class Meta:
        model = ApiToken
        fields = ("workspace", *ASKED)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        expires_at = self.fields.get("expires_at")
        if expires_at:  # two fields under one label
            expires_at.help_text = "In UTC. Empty: never."
            for widget, part in zip(expires_at.widget.widgets, ("day", "time"), strict=True):
                widget.attrs["aria-label"] = f"Expires at, {part}"


@admin.register(ApiToken)
class ApiTokenAdmin(WorkspaceAdmin):
    """A token is shown once, on the page that answers its creation or its regeneration."""

    form = ApiTokenForm
    change_form_template = "admin/accounts/apitoken/change_form.html"
    list_display = ("name", "workspace", "begins_with", "can_do", "limit", "state", "last_used_at")
    search_fields = ("name", "key_id")
    actions = ("revoke",)
    nothing_yet = "No tokens yet. Add one for each program or agent that is to come in."

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("workspace", "begins_with", "state", "last_used_at", "created_at") if obj else ()

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        asked = ("workspace", *ASKED)
        return (*asked, "begins_with", "state", "last_used_at", "created_at") if obj else asked

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # Revoked tokens stay, so that the audit log keeps meaning something.
        return False

    @admin.display(description="Begins with")
    def begins_with(self, token: ApiToken) -> str:
        return f"{token.PREFIX}{token.key_id}…"

    @admin.display(description="May do")
    def can_do(self, token: ApiToken) -> str:
        return "everything" if ALL_ABILITIES in token.abilities else ", ".join(token.abilities)

    @admin.display(description="Rate limit")
    def limit(self, token: ApiToken) -> str:
        limit: str = token.rate_limit or settings.API_RATE_LIMIT
        return "none" if limit == "0" else limit

    @admin.display(description="State")
    def state(self, token: ApiToken) -> str:
        if token.revoked_at:
            return f"revoked {_day(token.revoked_at)}"
        if not token.is_usable:
            return "expired"
        return f"until {_day(token.expires_at)}" if token.expires_at else "valid"

    def save_model(self, request: HttpRequest, obj: ApiToken, form: Any, change: bool) -> None:
        if change:
            # Not the whole row: the token may be revoked or regenerated at the same time.
            obj.save(update_fields=[*ASKED, "updated_at"])
        else:
            obj.plain = obj.renew()  # type: ignore[attr-defined]
            obj.save()
        done = "token changed" if change else "token issued"
        AuditEntry.record(obj.workspace, request.user, done, obj, abilities=obj.abilities)

    def response_add(
        self, request: HttpRequest, obj: ApiToken, post_url_continue: str | None = None
    ) -> HttpResponse:
        return self._show_once(request, "API token issued", obj, obj.plain)  # type: ignore[attr-defined]

    def get_urls(self) -> list[URLPattern]:
        verbs = {"regenerate": self.regenerate_view, "revoke": self.revoke_view}
        own = [
            path(
                f"<int:pk>/{verb}/",
                self.admin_site.admin_view(view),
                name=f"accounts_apitoken_{verb}",
            )
            for verb, view in verbs.items()
        ]
        return [*own, *super().get_urls()]

    def regenerate_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask, then give the token a new secret and show it."""
        token = self._asked_for(request, pk)
        if request.method != "POST":
            text = "It gets a new secret, shown once. The one in use now ends at once."
            return self._confirm(request, "Regenerate", token, text)
        plain = tokens.regenerate(token, request.user)
        if plain is None:
            self.message_user(request, "A token that has ended gets no secret.", messages.ERROR)
            return redirect("admin:accounts_apitoken_change", pk)
        return self._show_once(request, "API token regenerated", token, plain)

    def revoke_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask, then end the token."""
        token = self._asked_for(request, pk)
        if request.method != "POST":
            text = "It ends at once, and cannot be brought back."
            return self._confirm(request, "Revoke", token, text)
        if tokens.revoke(token, request.user):
            self.message_user(request, "The token is revoked.", messages.SUCCESS)
        return redirect("admin:accounts_apitoken_change", pk)

    def _asked_for(self, request: HttpRequest, pk: int) -> ApiToken:
        if not self.has_change_permission(request):
            raise PermissionDenied
        mine = self.get_queryset(request).select_related("workspace")
        token: ApiToken = get_object_or_404(mine, pk=pk)
        return token

    def _confirm(
        self, request: HttpRequest, title: str, token: ApiToken, consequence: str
    ) -> HttpResponse:
        context = self._about(request, title, token) | {"consequence": consequence}
        return TemplateResponse(request, "admin/accounts/apitoken/confirm.html", context)

    def _show_once(
        self, request: HttpRequest, title: str, token: ApiToken, plain: str
    ) -> HttpResponse:
        """The secret is in this one answer, not in a redirect, a cookie or the session."""
        context = self._about(request, title, token) | {"plain": plain, "base": settings.PUBLIC_URL}
        answer = TemplateResponse(request, "admin/accounts/apitoken/issued.html", context)
        answer["Cache-Control"] = "no-store"
        return answer

    def _about(self, request: HttpRequest, title: str, token: ApiToken) -> dict[str, Any]:
        site = self.admin_site.each_context(request)
        return {**site, "opts": self.opts, "title": title, "token": token}

    @admin.action(description="Revoke the selected tokens")
    def revoke(self, request: HttpRequest, queryset: QuerySet) -> None:
        chosen = queryset.select_related("workspace")
        revoked = sum(tokens.revoke(token, request.user) for token in chosen)
        self.message_user(request, f"{revoked} tokens revoked.", messages.SUCCESS)
