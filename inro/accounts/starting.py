"""The first start: a workspace to try things in."""

from collections.abc import Callable, Mapping
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


@dataclass(frozen=True)
class DemoContent:
    """Life-like rows for the demo workspace; filled in twice, they are there once.

    `fill(workspace)` returns how many of what there is now, by name.
    """

    name: str
    fill: Callable[[Workspace], Mapping[str, int]]


DEMO_CONTENTS: Registry[DemoContent] = Registry("demo contents", key=lambda each: each.name)


def first_start() -> str | None:
    """Make the demo workspace and its operator if there is no workspace at all.

    The new API token's plain text, or None when there was nothing to do.
    """
    with transaction.atomic():
        if Workspace.objects.exists():
            return None
        return ApiToken.issue(demo_workspace(), name="First token")[1]


def demo_workspace() -> Workspace:
    """The workspace to try things in, made if there is none."""
    with transaction.atomic():
        workspace, made = Workspace.objects.get_or_create(
            subdomain=DEMO_SUBDOMAIN, defaults={"name": "Demo", "plan": Plan.TRIAL}
        )
        if made:
            Membership.objects.create(user=operator(), workspace=workspace)
            for part in DEMO_PARTS:
                part.create(workspace)
    return workspace


def fill_demo() -> dict[str, int]:
    """Fill the demo workspace with what it lacks; how many of what it has then."""
    workspace, found = demo_workspace(), dict[str, int]()
    for each in DEMO_CONTENTS:
        found |= each.fill(workspace)
    return found


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
