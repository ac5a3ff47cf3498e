from asgiref.sync import async_to_sync
from django.http import HttpResponse
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.request import Request
from rest_framework.views import APIView

from inro.api.authentication import TokenAuthentication


class JSONWhateverIsAsked(DefaultContentNegotiation):
    """Clients ask for event streams; errors of ours are JSON all the same."""

    def select_renderer(self, request, renderers, format_suffix=None):  # type: ignore[no-untyped-def]
        return renderers[0], renderers[0].media_type


class McpView(APIView):
    """Streamable HTTP without sessions: each POST stands for itself, so any process serves it.

    Who asks and their plan are judged here, abilities by the operation that a tool calls.
    """

    authentication_classes = (TokenAuthentication,)
    content_negotiation_class = JSONWhateverIsAsked
    # Operations count against the token's limit themselves; counted here too, each would be two.
    throttle_classes = ()
    http_method_names = ("post",)
    ability = None
    schema = None

    def post(self, request: Request) -> HttpResponse:
        # Here, not above: the SDK takes a second to load, and only agents need it.
        from inro.mcp.bridge import carry

        return async_to_sync(carry)(request, request._request.body)
