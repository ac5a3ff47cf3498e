"""The base of every admin page about a workspace's rows."""

from typing import Any

from django.contrib import admin
from django.db import models
from django.db.models import QuerySet
from django.http import HttpRequest

from inro.accounts.models import Workspace


class WorkspaceAdmin(admin.ModelAdmin):
    """Shows an operator the rows of their workspaces only, in lists, forms and autocompletes.

    `workspace_path` is the lookup from the model to its workspace. An operator is a staff user
    with a membership; inside their workspaces they may do what the page offers.
    """

    workspace_path = "workspace"
    list_per_page = 50
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return scoped(super().get_queryset(request), self.workspace_path, request)

    def formfield_for_foreignkey(
        self, db_field: models.ForeignKey, request: HttpRequest, **kwargs: Any
    ) -> Any:
        kwargs.setdefault("queryset", choices_of(db_field.remote_field.model, request))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Where there is only one workspace, nobody has to choose it."""
        initial: dict[str, Any] = dict(super().get_changeform_initial_data(request))
        mine = list(Workspace.objects.for_user(request.user).values_list("pk", flat=True)[:2])
        return {"workspace": mine[0], **initial} if len(mine) == 1 else initial

    def get_list_filter(self, request: HttpRequest) -> list[Any]:
        """The workspace as a filter where there is more than one to choose from."""
        given = list(super().get_list_filter(request))
        if Workspace.objects.for_user(request.user).count() > 1:
            given.insert(0, (self.workspace_path, admin.RelatedOnlyFieldListFilter))
        return given

    def has_module_permission(self, request: HttpRequest) -> bool:
        return is_operator(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_operator(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return is_operator(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_operator(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_operator(request)


class ReadOnlyAdmin(WorkspaceAdmin):
    """Rows that the product writes and people only look at."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def is_operator(request: HttpRequest) -> bool:
    """Looked up once a request: the admin asks for each of its models, several times."""
    known = getattr(request, "is_operator", None)
    if known is None:
        user = request.user
        staff = user.is_active and user.is_staff
        known = staff and (user.is_superuser or Workspace.objects.for_user(user).exists())
        request.is_operator = known  # type: ignore[attr-defined]
    return bool(known)


def scoped(queryset: QuerySet, path: str, request: HttpRequest) -> QuerySet:
    if request.user.is_superuser:
        return queryset
    return queryset.filter(**{f"{path}__in": Workspace.objects.for_user(request.user)})


def choices_of(model: type[models.Model], request: HttpRequest) -> QuerySet:
    """What a foreign key may point to: never another workspace's row."""
    if model is Workspace:
        return Workspace.objects.for_user(request.user)
    queryset = model._default_manager.all()
    if any(field.name == "workspace" for field in model._meta.get_fields()):
        return scoped(queryset, "workspace", request)
    return queryset if request.user.is_superuser else queryset.none()
