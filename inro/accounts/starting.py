"""The first start: a workspace to try things in."""

from collections.abc import Callable
from dataclasses import dataclass

from django.db import transaction

from inro.accounts.models import ApiToken, LoginLink, Membership, Plan, User, Workspace
from inro.common.registry import Registry

DEMO_SUBDOMAIN = "demo"
ADMIN_USERNAME = "admin"


@dataclass(frozen=True)
class DemoPart:
    """What an upper app adds to a new demo workspace."""

    name: str
    create: Callable[[Workspace], object]


DEMO_PARTS: Registry[DemoPart] = Registry("demo parts", key=lambda part: part.name)


def first_start() -> str | None:
    """Make the demo workspace and its operator if there is no workspace at all.

    The new API token's plain text, or None when there was nothing to do.
    """
    with transaction.atomic():
        if Workspace.objects.exists():
            return None
        workspace = Workspace.objects.create(name="Demo", subdomain=DEMO_SUBDOMAIN, plan=Plan.TRIAL)
        Membership.objects.create(user=operator(), workspace=workspace)
        for part in DEMO_PARTS:
            part.create(workspace)
        return ApiToken.issue(workspace, name="First token")[1]


def operator() -> User:
    """The operator whom login links sign in; has no password until one is set."""
    user, made = User.objects.get_or_create(
        username=ADMIN_USERNAME, defaults={"is_staff": True, "is_superuser": True}
    )
    if made:
        user.set_unusable_password()
        user.save(update_fields=["password"])
    return user


def login_link(user: User, base_url: str) -> str:
    return f"{base_url}/login/{LoginLink.issue(user)}"
