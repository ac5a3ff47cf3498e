from typing import Any

from django.db.models import QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field

from inro.api.filters import MomentFilter
from inro.common.folding import fold
from media_library.kinds import MediaKind


class MediaFileFilter(filters.FilterSet):
    media_type = filters.ChoiceFilter(choices=MediaKind.choices)
    folder_id = filters.NumberFilter(method="in_folder", min_value=1, decimal_places=0)
    search = filters.CharFilter(method="with_text", label="In the name or the caption.")
    created_since = MomentFilter("created_at", "gte")
    created_until = MomentFilter("created_at", "lte")

    @extend_schema_field(OpenApiTypes.INT)
    def in_folder(self, queryset: QuerySet, name: str, value: Any) -> QuerySet:
        return queryset.none()

    def with_text(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        return queryset.filter(search_text__contains=fold(value))
