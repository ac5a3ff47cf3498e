from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest
from django.utils.text import Truncator

from inro.accounts.models import AuditEntry
from inro.accounts.workspace_admin import ReadOnlyAdmin, WorkspaceAdmin
from messaging.forms import OPTION_FIELDS, ConnectForm
from messaging.models import (
    Channel,
    Contact,
    Direction,
    Event,
    Identity,
    Message,
    MessageType,
    Pump,
    Stream,
)


@admin.register(Channel)
class ChannelAdmin(WorkspaceAdmin):
    """Accounts that are written on. Secrets can be set, never read."""

    list_display = ("name", "kind", "workspace", "account_id", "status", "status_reason")
    list_filter = ("kind", "status")
    search_fields = ("name", "account_id")
    list_select_related = ("workspace",)
    shown = ("workspace", "kind", "account_id", "webhook_url", "verify_token", "created_at")

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        if obj is None:
            kwargs |= {"form": ConnectForm, "fields": ("workspace",)}
        return super().get_form(request, obj, change, **kwargs)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        if obj is None:
            return ("workspace", "kind", "name", *OPTION_FIELDS)
        return ("name", "status", "status_reason", *self.shown)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return self.shown if obj else ()

    def save_model(self, request: HttpRequest, obj: Channel, form: Any, change: bool) -> None:
        if change:
            super().save_model(request, obj, form, change)
        done = "channel changed" if change else "channel connected"
        AuditEntry.record(obj.workspace, request.user, done, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # It would take the whole conversation with it.
        return False


class IdentityInline(admin.TabularInline):
    model = Identity
    extra = 0
    can_delete = False
    fields = readonly_fields = ("channel", "external_id", "last_inbound_at")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True


@admin.register(Contact)
class ContactAdmin(WorkspaceAdmin):
    list_display = (
        "__str__",
        "username",
        "email",
        "phone",
        "status",
        "workspace",
        "last_active_at",
    )
    list_filter = ("status",)
    search_fields = ("name", "username_folded", "email_folded", "phone")
    list_select_related = ("workspace",)
    inlines = (IdentityInline,)
    readonly_fields = ("last_active_at", "created_at")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("workspace", *self.readonly_fields) if obj else self.readonly_fields

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # Erasing a person also covers raw events and files; deleting the row alone would not.
        return False


@admin.register(Message)
class MessageAdmin(ReadOnlyAdmin):
    list_display = (
        "id",
        "contact",
        "said",
        "status",
        "reason",
        "channel",
        "created_at",
    )
    list_filter = ("direction", "status", "message_type")
    search_fields = ("provider_message_id",)
    list_select_related = ("contact", "channel")
    ordering: ClassVar = ["-id"]

    @admin.display(description="Message")
    def said(self, message: Message) -> str:
        """→ what went out, ← what came in."""
        arrow = "→" if message.direction == Direction.OUTBOUND else "←"
        kind = "" if message.message_type == MessageType.TEXT else f"[{message.message_type}] "
        return f"{arrow} {kind}{Truncator(message.text).chars(60)}"

    @admin.display(description="Reason")
    def reason(self, message: Message) -> str:
        return message.error_message or message.error_code


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    """What providers told us, raw."""

    list_display = ("id", "kind", "channel", "external_id", "happened_at", "status", "error")
    list_filter = ("kind", "status")
    search_fields = ("key", "external_id")
    list_select_related = ("channel",)


@admin.register(Stream)
class StreamAdmin(ReadOnlyAdmin):
    workspace_path = "channel__workspace"
    list_display = ("channel", "kind", "rank", "state")
    list_filter = ("kind", "state")
    list_select_related = ("channel",)


@admin.register(Pump)
class PumpAdmin(ReadOnlyAdmin):
    workspace_path = "channel__workspace"
    list_display = ("channel", "lease_until", "turn", "window")
    list_select_related = ("channel",)
