from typing import Any, Literal

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django_filters import rest_framework as filters
from django_filters.filters import QuerySetRequestMixin
from drf_spectacular.utils import extend_schema_field
from rest_framework.request import Request

from inro.api.authentication import access_of
from inro.api.filters import ChoiceFilter, MomentFilter
from inro.common.folding import fold
from media_library.folders import no_folder
from media_library.kinds import MediaKind
from media_library.models import MediaFolder

_NULL: Literal["null"] = "null"
_MAX_DIGITS = 18


class FolderField(forms.CharField):
    """Cleans to the id of one of the folders, "null", or None when nothing is asked."""

    def __init__(self, *, queryset: QuerySet[MediaFolder], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._folders = queryset

    def clean(self, value: Any) -> int | Literal["null"] | None:
        text = super().clean(value)
        if not text:
            return None
        if text == _NULL:
            return _NULL
        if not (text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS and int(text)):
            raise ValidationError("Must be a whole number from 1 on, or null.")
        if not self._folders.filter(pk=int(text)).exists():
            raise ValidationError(no_folder(int(text)))
        return int(text)


def _own_folders(request: Request | None) -> QuerySet[MediaFolder]:
    workspace = access_of(request).workspace if request else None
    folders: QuerySet[MediaFolder] = MediaFolder.objects.for_workspace(workspace)
    return folders


_ID_OR_NULL = {"oneOf": [{"type": "integer", "minimum": 1}, {"type": "string", "enum": [_NULL]}]}


class InFolderFilter(QuerySetRequestMixin, filters.CharFilter):
    """What stands in one of the workspace's folders; `null` finds what stands in none."""

    field_class = FolderField

    def __init__(self, field_name: str, *, label: str) -> None:
        super().__init__(field_name, label=label, queryset=_own_folders)
        # The document takes no label of a filter whose type it is told.
        extend_schema_field({**_ID_OR_NULL, "description": label})(self)

    def filter(self, queryset: QuerySet, value: int | Literal["null"] | None) -> QuerySet:
        if value is None:
            return queryset
        return queryset.filter(**{self.field_name: None if value == _NULL else value})


class MediaFolderFilter(filters.FilterSet):
    parent_id = InFolderFilter("parent", label="Folders of this one; `null`: those at the top.")
    search = filters.CharFilter(method="with_name", label="In the name.")

    def with_name(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        return queryset.filter(name_folded__contains=fold(value))


class MediaFileFilter(filters.FilterSet):
    media_type = ChoiceFilter(choices=MediaKind.choices)
    folder_id = InFolderFilter("folder", label="In this very folder; `null`: in none.")
    search = filters.CharFilter(method="with_text", label="In the name or the caption.")
    created_since = MomentFilter("created_at", "gte", label="Stored at this time or later.")
    created_until = MomentFilter("created_at", "lte", label="Stored at this time or earlier.")

    def with_text(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        return queryset.filter(search_text__contains=fold(value))
