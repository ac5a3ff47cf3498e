"""`ETag` and `If-Match`: a change that was made to what is no longer there is refused."""

from django.utils.http import parse_etags
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework.request import Request

IF_MATCH = OpenApiParameter(
    "If-Match",
    location=OpenApiParameter.HEADER,
    description="The `ETag` of the answer that the change was made to; `*` is any.",
)
STALE_EDIT = OpenApiResponse(
    description="`stale_edit`: somebody has changed it meanwhile; nothing was written."
)


def entity_tag(version: str) -> str:
    return f'"{version}"'


def versions_in(request: Request) -> list[str] | None:
    """The versions that `If-Match` names; None when any will do."""
    header = request.headers.get("If-Match")
    if header is None or header.strip() == "*":
        return None
    # A proxy that compresses an answer makes its tag weak; the version in it is the same.
    return [tag.removeprefix("W/").strip('"') for tag in parse_etags(header)]
