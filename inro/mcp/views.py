from asgiref.sync import async_to_sync
from django.http import HttpResponse
from rest_framework.request import Request
from rest_framework.views import APIView

from inro.api.authentication import TokenAuthentication
from inro.api.permissions import PaidPlan


class McpView(APIView):
    """Streamable HTTP without sessions: each POST stands for itself, so any process serves it.

    Who asks and their plan are judged here; all else by the operation that a tool calls, where a
    refusal reaches the agent and not only its host.
    """

    authentication_classes = (TokenAuthentication,)
    permission_classes = (PaidPlan,)
    http_method_names = ("post",)
    schema = None

    def post(self, request: Request) -> HttpResponse:
        # Here, not above: the SDK takes a second to load, and only agents need it.
        from inro.mcp.bridge import carry

        return async_to_sync(carry)(request, request._request.body)
