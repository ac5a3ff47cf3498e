"""Parts of admin pages that keep themselves up to date, and pages that are whole without that."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.safestring import SafeString


@dataclass(frozen=True)
class Live:
    """A rendered part. It asks `url` for itself every `seconds`; never, when `url` is empty.

    `says` is read out by screen readers when the part has changed.
    """

    name: str
    html: SafeString
    url: str = ""
    seconds: int = 5
    says: str = ""

    @property
    def digest(self) -> str:
        return hashlib.sha256(f"{self.url}{self.html}".encode()).hexdigest()[:16]


def render_part(request: HttpRequest, template: str, context: Mapping[str, Any]) -> SafeString:
    return render_to_string(template, dict(context), request=request)


def answer_live(request: HttpRequest, live: Live) -> HttpResponse:
    """The part for its own request: nothing (204) when the page shows just this already.

    What has not changed is left alone, with the reader's focus and whatever they have unfolded.
    """
    if request.GET.get("shown") == live.digest:
        return HttpResponse(status=204)
    context = {"live": live, "in_answer": True}
    return HttpResponse(render_to_string("admin/parts/live.html", context, request=request))
