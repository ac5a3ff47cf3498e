"""Which of a view's formats an answer has."""

from typing import Any, cast

from rest_framework.exceptions import NotAcceptable
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request


class LenientNegotiation(DefaultContentNegotiation):
    """What the client accepts, or else our first format: a browser's address bar asks for HTML,
    an agent for an event stream, and both can read the JSON that they get."""

    def select_parser(self, request: Request, parsers: Any) -> BaseParser | None:
        """The one of the very type that the request names, which takes no comparing of patterns."""
        sent = (request.content_type or "").partition(";")[0].strip().lower()
        for parser in parsers:
            if parser.media_type == sent:
                return cast(BaseParser, parser)
        return super().select_parser(request, parsers)

    def select_renderer(
        self, request: Request, renderers: Any, format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        first = renderers[0]
        asked_by_name = format_suffix or "format" in request.query_params
        if not asked_by_name and request.META.get("HTTP_ACCEPT", "*/*") in (
            "*/*",
            first.media_type,
        ):
            return first, first.media_type
        try:
            chosen: tuple[BaseRenderer, str] = super().select_renderer(
                request, renderers, format_suffix
            )
        except NotAcceptable:
            return first, first.media_type
        return chosen
