"""Dialects of the API whose refusals read otherwise than our own (`inro.api.errors`).

A view of such a dialect names its shape as `error_shape`. What is refused before or behind any view
is told in the shape of the view at the request's address: so the URLs of a dialect end with a
`NothingHere` of its own for all that lies below them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.http import HttpRequest
from django.urls import Resolver404, resolve

from inro.common.errors import Refused


@dataclass(frozen=True)
class ErrorShape:
    """`render(refused, status)` makes the body of an answer.

    `name` is its component in the OpenAPI document, `schema` what stands there; `statuses` are of
    codes that have another status here.
    """

    name: str
    schema: Mapping[str, Any]
    render: Callable[[Refused, int], dict[str, Any]]
    statuses: Mapping[str, int] = field(default_factory=dict)


def shape_of(view: Any) -> ErrorShape | None:
    """The shape that `view`, a class or an instance, answers with; None for our own."""
    return getattr(view, "error_shape", None)


def shape_at(request: HttpRequest) -> ErrorShape | None:
    """The shape of the view at the request's address, whether or not it was asked."""
    try:
        found = resolve(request.path_info)
    except Resolver404:
        return None
    return shape_of(getattr(found.func, "cls", None))
