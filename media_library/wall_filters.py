"""By what the wall of files is filtered."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest


class FolderFilter(admin.SimpleListFilter):
    """The files in this very folder; `null`: in none."""

    title = "folder"
    parameter_name = "folder_id"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, str]]:
        return [("null", "In no folder")]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        value = self.value()
        if value is None:
            return queryset
        if value != "null" and not value.isdecimal():
            raise IncorrectLookupParameters
        return queryset.filter(folder=None if value == "null" else int(value))


class StatusFilter(admin.ChoicesFieldListFilter):
    """The deleted are not shown."""

    def choices(self, changelist: Any) -> Any:
        return [each for each in super().choices(changelist) if each["display"] != "Deleted"]


def chips_of(cl: ChangeList) -> list[tuple[str, list[Any]]]:
    """Folders have their own place on the page."""
    specs = [each for each in cl.filter_specs if not isinstance(each, FolderFilter)]
    return [(str(spec.title), list(spec.choices(cl))) for spec in specs]
