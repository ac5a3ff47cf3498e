"""Who is asking: an API token, or a session of the admin."""

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import AnonymousUser
from rest_framework.authentication import (
    BaseAuthentication,
    SessionAuthentication,
    get_authorization_header,
)
from rest_framework.exceptions import AuthenticationFailed, NotAuthenticated
from rest_framework.request import Request

from inro.accounts.models import ApiToken, Workspace
from inro.common.errors import Refused

# Where the META of a request that another one carries says so; clients cannot set it.
CARRIED_BY = "inro.carried_by"


@dataclass(frozen=True)
class Access:
    """`request.auth`: the workspace a request acts on, and the token if it came with one."""

    workspace: Workspace
    token: ApiToken | None = None

    def can(self, ability: str) -> bool:
        return self.token is None or self.token.can(ability)


def access_of(request: Request) -> Access:
    """Who asks, for views behind the default permissions."""
    access = request.auth
    if not isinstance(access, Access):
        raise NotAuthenticated("Give an API token: 'Authorization: Bearer apitk_…'.")
    return access


def actor_of(request: Request) -> str:
    """Who asks, as a history names them."""
    token = access_of(request).token
    over = request.META.get(CARRIED_BY)
    return f"{token or request.user}{f' over {over}' if over else ''}"


class TokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer apitk_…`, or the same in `X-Api-Key`."""

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"

    def authenticate(self, request: Request) -> tuple[AnonymousUser, Access] | None:
        plain = self._given(request)
        if plain is None:
            return None
        token = ApiToken.authenticate(plain)
        if token is None:
            raise AuthenticationFailed("Invalid API token")
        return AnonymousUser(), Access(token.workspace, token)

    def _given(self, request: Request) -> str | None:
        scheme, _, value = get_authorization_header(request).decode("latin-1").partition(" ")
        if scheme.lower() == "bearer":
            return value.strip()
        if scheme:
            raise AuthenticationFailed("Use 'Authorization: Bearer apitk_…'.")
        return request.headers.get("X-Api-Key")


class WorkspaceSessionAuthentication(SessionAuthentication):
    """A session of the admin; the workspace is `X-Workspace`, or the user's only one."""

    def authenticate(self, request: Request) -> tuple[Any, Access] | None:
        found = super().authenticate(request)
        if found is None:
            return None
        user = found[0]
        workspaces = Workspace.objects.for_user(user)
        subdomain = request.headers.get("X-Workspace")
        if subdomain:
            workspaces = workspaces.filter(subdomain=subdomain)
        choices = list(workspaces[:2])
        if len(choices) != 1:
            raise Refused(
                "validation_failed", "Name one of your workspaces in the header X-Workspace."
            )
        return user, Access(choices[0])
