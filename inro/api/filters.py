"""Filters of a list: a parameter or value that is not known is refused by name, never ignored."""

from collections.abc import Iterable, Mapping
from datetime import UTC
from typing import TYPE_CHECKING, Any, ClassVar

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django_filters.fields import IsoDateTimeField
from django_filters.filters import ChoiceFilter as AnyChoiceFilter
from django_filters.filters import IsoDateTimeFilter, ModelChoiceFilter
from django_filters.rest_framework import DjangoFilterBackend, FilterSet
from rest_framework.request import Request

from inro.api.pagination import PAGING
from inro.common.errors import invalid

if TYPE_CHECKING:  # settings name this module: rest_framework.views imports it while it loads
    from rest_framework.views import APIView


class MomentField(IsoDateTimeField):
    """A moment in UTC; one outside the calendar in UTC is a fault, not an accident."""

    def clean(self, value: Any) -> Any:
        try:
            moment = super().clean(value)
            return moment and moment.astimezone(UTC)
        except OverflowError:
            raise ValidationError(self.error_messages["invalid"], code="invalid") from None


class MomentFilter(IsoDateTimeFilter):
    """A time in ISO 8601; without an offset it is in UTC."""

    field_class = MomentField


class ChoiceFilter(AnyChoiceFilter):
    """One of some words; a refusal names them."""

    def __init__(self, *args: Any, choices: Iterable[tuple[str, Any]], **kwargs: Any) -> None:
        choices = list(choices)
        words = ", ".join(value for value, _ in choices)
        messages = {"invalid_choice": f"Must be one of: {words}."}
        super().__init__(*args, choices=choices, error_messages=messages, **kwargs)


class RowFilter(ModelChoiceFilter):
    """Rows that belong to another row of the workspace, named by its id."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        messages = {"invalid_choice": "There is none with this id."}
        super().__init__(*args, error_messages=messages, **kwargs)


class StrictFilterBackend(DjangoFilterBackend):
    """django-filter, with the view's `filterset_class`; views without one take paging only."""

    def filter_queryset(self, request: Request, queryset: QuerySet, view: "APIView") -> QuerySet:
        filterset_class = self.get_filterset_class(view, queryset)
        known = set(filterset_class.base_filters) if filterset_class else set()
        known |= PAGING
        if getattr(view, "unbounded", False):
            known.add("cursor")
        faults = unknown_parameters(request, known)
        # Making a filterset takes longer than a query: most lists are asked for without filters.
        if filterset_class and _is_asked(filterset_class, request):
            filterset = self.get_filterset(request, queryset, view)
            if not filterset.is_valid():
                faults |= {name: list(map(str, found)) for name, found in filterset.errors.items()}
            elif not faults:
                filtered: QuerySet = filterset.qs
                return filtered
        if faults:
            raise invalid(faults)
        return queryset


def _is_asked(filterset_class: type[FilterSet], request: Request) -> bool:
    """Whether the request says something of these filters, or fails to say what it has to."""
    filters = filterset_class.base_filters
    has_to = any(each.extra.get("required") for each in filters.values())
    return has_to or bool(filters.keys() & request.query_params.keys())


def unknown_parameters(request: Request, known: set[str]) -> dict[str, list[str]]:
    """The faults of every query parameter that is not `known`, given twice, or empty."""
    hint = f"Known here: {', '.join(sorted(known))}." if known else "None is known here."
    faults = {
        name: [f"Unknown parameter. {hint}"] for name in request.query_params if name not in known
    }
    for name in known & set(request.query_params):
        if len(request.query_params.getlist(name)) > 1:
            faults[name] = ["Give it once."]
        elif not request.query_params[name].strip():
            faults[name] = ["Must not be empty."]
    return faults


class NoParameters:
    """For endpoints that take no query parameter but those that `parameters` name by action."""

    parameters: ClassVar[Mapping[str, frozenset[str]]] = {}

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)  # type: ignore[misc]
        method = (request.method or "").lower()
        if method == "options" or not hasattr(self, method):
            return  # what is wrong is the method
        known = self.parameters.get(getattr(self, "action", None) or "", frozenset())
        faults = unknown_parameters(request, set(known))
        if faults:
            raise invalid(faults)
