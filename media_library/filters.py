from typing import Any, Literal

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema_field

from inro.api.filters import ChoiceFilter, MomentFilter
from inro.common.folding import fold
from media_library.kinds import MediaKind

_NULL: Literal["null"] = "null"
_MAX_DIGITS = 18


class IdOrNullField(forms.CharField):
    """Cleans to an id, "null", or None when nothing is asked."""

    def clean(self, value: Any) -> int | Literal["null"] | None:
        text = super().clean(value)
        if not text:
            return None
        if text == _NULL:
            return _NULL
        if text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS and int(text):
            return int(text)
        raise ValidationError("Must be a whole number from 1 on, or null.")


_ID_OR_NULL = {"oneOf": [{"type": "integer", "minimum": 1}, {"type": "string", "enum": [_NULL]}]}


class IdOrNullFilter(filters.CharFilter):
    """`null` finds what has none."""

    field_class = IdOrNullField

    def __init__(self, field_name: str, *, label: str) -> None:
        super().__init__(field_name, label=label)
        # The document takes no label of a filter whose type it is told.
        extend_schema_field({**_ID_OR_NULL, "description": label})(self)

    def filter(self, queryset: QuerySet, value: int | Literal["null"] | None) -> QuerySet:
        if value is None:
            return queryset
        return queryset.filter(**{self.field_name: None if value == _NULL else value})


class MediaFolderFilter(filters.FilterSet):
    parent_id = IdOrNullFilter("parent", label="Folders of this one; `null`: those at the top.")
    search = filters.CharFilter(method="with_name", label="In the name.")

    def with_name(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        return queryset.filter(name_folded__contains=fold(value))


class MediaFileFilter(filters.FilterSet):
    media_type = ChoiceFilter(choices=MediaKind.choices)
    folder_id = IdOrNullFilter("folder", label="In this very folder; `null`: in none.")
    search = filters.CharFilter(method="with_text", label="In the name or the caption.")
    created_since = MomentFilter("created_at", "gte", label="Stored at this time or later.")
    created_until = MomentFilter("created_at", "lte", label="Stored at this time or earlier.")

    def with_text(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        return queryset.filter(search_text__contains=fold(value))
