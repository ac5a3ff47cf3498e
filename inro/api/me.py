"""`GET /api/v1/me`: what this token opens."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from inro.accounts.models import ALL_ABILITIES, ApiToken, Workspace
from inro.api.authentication import access_of
from inro.api.views import WorkspaceApiView
from inro.common.registry import Registry


@dataclass(frozen=True)
class Section:
    """A part of the answer that an upper app adds: `read(workspace)` gives its value."""

    name: str
    read: Callable[[Workspace], Any]


ME_SECTIONS: Registry[Section] = Registry("sections of /me", key=lambda section: section.name)


class WorkspaceSerializer(serializers.ModelSerializer):
    class Meta:
        model = Workspace
        fields = ("id", "name", "subdomain", "plan", "timezone")


class TokenSerializer(serializers.ModelSerializer):
    class Meta:
        model = ApiToken
        fields = ("name", "abilities", "expires_at")


class MeSerializer(serializers.Serializer):
    workspace = WorkspaceSerializer()
    token = TokenSerializer()
    channels = serializers.ListField(child=serializers.DictField())


EXAMPLE = OpenApiExample(
    "A token",
    response_only=True,
    value={
        "workspace": {
            "id": 1,
            "name": "Acme",
            "subdomain": "acme",
            "plan": "pro",
            "timezone": "Europe/Rome",
        },
        "token": {"name": "Shop", "abilities": ["*"], "expires_at": None},
        "channels": [
            {
                "id": 7,
                "kind": "instagram",
                "name": "Shop",
                "status": "connected",
                "status_reason": "",
            }
        ],
    },
)


class MeView(WorkspaceApiView):
    ability = None

    @extend_schema(responses=MeSerializer, tags=["me"], examples=[EXAMPLE])
    def get(self, request: Request) -> Response:
        """The workspace, the token and the channels behind this request."""
        session = {"name": str(request.user), "abilities": [ALL_ABILITIES], "expires_at": None}
        token = access_of(request).token
        return Response(
            {
                "workspace": WorkspaceSerializer(self.workspace).data,
                "token": TokenSerializer(token).data if token else session,
                **{section.name: section.read(self.workspace) for section in ME_SECTIONS},
            }
        )
