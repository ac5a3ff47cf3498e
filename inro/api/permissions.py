"""What the one who asks may do: the rate limit, the plan, the token's abilities."""

from typing import TYPE_CHECKING

from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from inro.api.authentication import access_of
from inro.api.limiting import ALLOWANCE, charge
from inro.common.errors import Refused

if TYPE_CHECKING:  # settings name this module: rest_framework.views imports it while it loads
    from rest_framework.views import APIView


class WithinRateLimit(BasePermission):
    """The token's rate limit. Stands first, so that requests refused for another reason count too.

    Sessions of the admin are not limited: a person is behind them, and signing in is guarded.
    """

    def has_permission(self, request: Request, view: "APIView") -> bool:
        token = access_of(request).token
        allowance = charge(token) if token else None
        request._request.META[ALLOWANCE] = allowance
        if allowance and allowance.is_spent:
            raise Refused(
                "rate_limited",
                f"This token has made its {allowance.limit} requests of this period; "
                "wait for the next.",
                retry_after=allowance.seconds_left,
            )
        return True


class PaidPlan(BasePermission):
    """The API needs the plan `pro` or `trial`."""

    def has_permission(self, request: Request, view: "APIView") -> bool:
        if not access_of(request).workspace.has_api:
            raise Refused(
                "plan_required", "The API needs the plan pro or trial; this workspace is on free."
            )
        return True


class HasAbility(BasePermission):
    """The ability that the view names: `ability`, or `<ability_noun>.read` / `.write` by method."""

    def has_permission(self, request: Request, view: "APIView") -> bool:
        ability = required_ability(view, request.method or "GET")
        if ability and not access_of(request).can(ability):
            raise Refused("missing_ability", f"Token does not have the required ability: {ability}")
        return True


def required_ability(view: "APIView", method: str) -> str | None:
    """None for views that say `ability = None` outright: any token may call them."""
    if hasattr(view, "ability"):
        return view.ability  # type: ignore[no-any-return]
    verb = "read" if method in SAFE_METHODS else "write"
    return f"{view.ability_noun}.{verb}"  # type: ignore[attr-defined]
