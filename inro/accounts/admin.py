from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest

from inro.accounts.models import AuditEntry, Membership, User, Workspace
from inro.accounts.token_admin import ApiTokenAdmin
from inro.accounts.workspace_admin import ReadOnlyAdmin, WorkspaceAdmin

admin.site.unregister(Group)

__all__ = ["ApiTokenAdmin", "AuditEntryAdmin", "InroUserAdmin", "WorkspacesAdmin"]


class MembershipInline(admin.TabularInline):
    model = Membership
    extra = 0
    autocomplete_fields = ("workspace",)


@admin.register(User)
class InroUserAdmin(UserAdmin):
    """Who may sign in; superusers only."""

    list_display = ("username", "email", "is_staff", "is_superuser", "last_login")
    inlines = (MembershipInline,)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return request.user.is_superuser

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.is_superuser

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.is_superuser

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.is_superuser

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.is_superuser


@admin.register(Workspace)
class WorkspacesAdmin(WorkspaceAdmin):
    """A member may rename their workspace and set its time zone; the rest is the superuser's."""

    list_display = ("name", "subdomain", "plan", "timezone", "created_at")
    search_fields = ("name", "subdomain")
    list_filter = ("plan",)

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return Workspace.objects.for_user(request.user)

    def get_list_filter(self, request: HttpRequest) -> list[Any]:
        return list(self.list_filter)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return () if request.user.is_superuser else ("subdomain", "plan")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.is_superuser

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # Conversations and files hang on it, the files also outside the database.
        return False


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    nothing_yet = "Nothing yet. What people and tokens change is noted here."
    list_display = ("created_at", "workspace", "actor", "action", "target")
    search_fields = ("actor", "action", "target")
    list_filter = ("action",)
    date_hierarchy = "created_at"
