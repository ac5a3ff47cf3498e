"""The base of every admin page about a workspace's rows."""

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters, ShowFacets
from django.contrib.admin.views.main import ERROR_FLAG, ChangeList
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db import DataError, models
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import cached_property
from django.utils.text import capfirst

from inro.accounts.models import Workspace
from inro.common.counting import Capped, capped

# Lists are counted no further: people search and filter, they do not turn so many pages.
COUNTED_AT_MOST = 10_000


class BoundedPaginator(Paginator):
    """Counts a bounded number of rows, however many there are."""

    @cached_property
    def count(self) -> int:
        return int(self.object_list.order_by()[: COUNTED_AT_MOST + 1].count())  # type: ignore[attr-defined]

    @property
    def counted(self) -> Capped:
        """As the page shows it."""
        return capped(self.count, COUNTED_AT_MOST)


class WorkspaceFilter(admin.RelatedFieldListFilter):
    """The operator's own workspaces, without asking the listed rows which there are."""

    def field_choices(
        self, field: models.Field, request: HttpRequest, model_admin: admin.ModelAdmin
    ) -> list[tuple[str, Any]]:
        return [(str(each.pk), str(each)) for each in Workspace.objects.for_user(request.user)]


class WholeOrFound(ChangeList):
    """Tells how many were found, and offers all, only where something was asked for."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        if not self.query and not self.get_filters_params():
            self.full_result_count = self.result_count


class WorkspaceAdmin(admin.ModelAdmin):
    """Shows an operator the rows of their workspaces only, in lists, forms and autocompletes.

    `workspace_path` is the lookup from the model to its workspace. An operator is a staff user
    with a membership; inside their workspaces they may do what the page offers.
    """

    workspace_path = "workspace"
    # Whether the rows are the machine's own, which only superusers find in the navigation.
    under_the_hood = False
    # What an empty list says.
    nothing_yet = ""
    list_per_page = 50
    list_max_show_all = 0
    show_full_result_count = False
    # Counting each choice of each filter would read the whole table.
    show_facets = ShowFacets.NEVER
    paginator = BoundedPaginator

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return scoped(super().get_queryset(request), self.workspace_path, request)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return WholeOrFound

    def formfield_for_foreignkey(
        self, db_field: models.ForeignKey, request: HttpRequest, **kwargs: Any
    ) -> Any:
        kwargs.setdefault("queryset", choices_of(db_field.remote_field.model, request))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Where there is only one workspace, nobody has to choose it."""
        initial: dict[str, Any] = dict(super().get_changeform_initial_data(request))
        mine = workspace_ids(request)
        return {"workspace": mine[0], **initial} if len(mine) == 1 else initial

    def get_list_display(self, request: HttpRequest) -> Any:
        """Without the workspace where there is only one."""
        given = super().get_list_display(request)
        alone = len(workspace_ids(request)) == 1
        return [name for name in given if not (alone and name == "workspace")]

    def get_list_filter(self, request: HttpRequest) -> list[Any]:
        """The workspace as a filter where there is more than one to choose from."""
        given = list(super().get_list_filter(request))
        if len(workspace_ids(request)) > 1:
            given.insert(0, (self.workspace_path, WorkspaceFilter))
        return given

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Filters that no row can match, like the year 0, end as Django's own faulty ones do."""
        title = capfirst(self.opts.verbose_name_plural)
        context = {"title": title, "nothing_yet": self.nothing_yet}
        try:
            return super().changelist_view(request, {**context, **(extra_context or {})})
        except (ArithmeticError, ValueError, DataError, ValidationError, IncorrectLookupParameters):
            if request.method != "GET" or ERROR_FLAG in request.GET or not request.GET:
                raise
            return redirect(f"{request.path}?{ERROR_FLAG}=1")

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


def moment(at: datetime | None) -> str:
    """A time as lists show it, where the reader is."""
    return date_format(timezone.localtime(at), "DATETIME_FORMAT") if at else ""


def is_operator(request: HttpRequest) -> bool:
    """Looked up once a request: the admin asks for each of its models, several times."""
    known = getattr(request, "is_operator", None)
    if known is None:
        user = request.user
        staff = user.is_active and user.is_staff
        known = staff and (user.is_superuser or bool(workspace_ids(request)))
        request.is_operator = known  # type: ignore[attr-defined]
    return bool(known)


def workspace_ids(request: HttpRequest) -> list[int]:
    """The operator's workspaces, looked up once a request. Named one by one, they leave a list in
    the order of its index."""
    known: list[int] | None = getattr(request, "workspace_ids", None)
    if known is None:
        known = list(Workspace.objects.for_user(request.user).values_list("pk", flat=True))
        request.workspace_ids = known  # type: ignore[attr-defined]
    return known


def scoped(queryset: QuerySet, path: str, request: HttpRequest) -> QuerySet:
    if request.user.is_superuser:
        return queryset
    return queryset.filter(**{f"{path}__in": workspace_ids(request)})


def choices_of(model: type[models.Model], request: HttpRequest) -> QuerySet:
    """What a foreign key may point to: never another workspace's row."""
    if model is Workspace:
        return Workspace.objects.for_user(request.user)
    queryset = model._default_manager.all()
    if any(field.name == "workspace" for field in model._meta.get_fields()):
        return scoped(queryset, "workspace", request)
    return queryset if request.user.is_superuser else queryset.none()
