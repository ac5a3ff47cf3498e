"""`ETag` and `If-Match`: a change that was made to what is no longer there is refused."""

from datetime import datetime

from django.utils.http import parse_etags
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework.request import Request

from inro.common.errors import Refused

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


def refuse_stale(
    noun: str, request: Request, version: str, changed_at: datetime, seen: datetime | None
) -> None:
    """Raise Refused unless the caller knows what is changed, whose row is locked, as it is now.

    `seen` is the `updated_at` of the body.
    """
    versions = versions_in(request)
    if (versions is not None and version not in versions) or seen not in (None, changed_at):
        raise Refused(
            "stale_edit",
            f"The {noun} was changed meanwhile. Get it again and make the change to that.",
        )
