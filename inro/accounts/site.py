"""The admin site: its home page, its navigation, and what all of its pages have in common."""

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import SimpleTemplateResponse
from django.urls import URLPattern, URLResolver, path, reverse
from django.utils import timezone

from inro.accounts.home import read_home
from inro.accounts.live import Live, answer_live, render_part
from inro.accounts.models import Workspace
from inro.accounts.workspace_admin import is_operator

HOME_SECONDS = 10
# As the navigation shows them; what is not named comes after.
APPS = ("messaging", "automations", "media_library", "accounts")


def content_policy() -> str:
    """No script but our own files; styles may stand in a page, for drawings.

    Files are served by `PUBLIC_URL`, from where a storage of its own may take over.
    """
    public = urlsplit(settings.PUBLIC_URL)
    storage = settings.STORAGES["default"].get("OPTIONS", {}).get("endpoint_url") or ""
    files = f"'self' data: https: {public.scheme}://{public.netloc} {storage}".strip()
    return "; ".join(
        (
            "default-src 'self'",
            "script-src 'self'",
            "style-src 'self' 'unsafe-inline'",
            f"img-src {files}",
            f"media-src {files}",
            "object-src 'none'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        )
    )


class InroAdminSite(AdminSite):
    site_header = "Inrō"
    site_title = "Inrō"
    index_title = "Home"
    # There is no site but this one: the link would lead back here.
    site_url = None

    def get_urls(self) -> list[URLResolver | URLPattern]:
        home = path("home/", self.admin_view(self.home_view), name="home")
        return [home, *super().get_urls()]

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        context = {"live": self._home(request)} if self.get_app_list(request) else {}
        return super().index(request, {**context, **(extra_context or {})})

    def home_view(self, request: HttpRequest) -> HttpResponse:
        """The part of the home page that changes by itself."""
        if not is_operator(request):
            raise PermissionDenied
        return answer_live(request, self._home(request))

    def _home(self, request: HttpRequest) -> Live:
        home = read_home(request)
        html = render_part(request, "admin/parts/home.html", {"home": home})
        return Live("home", html, reverse("admin:home"), HOME_SECONDS, says=home.summary)

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """What people work with; the machine's own tables apart, and for superusers only."""
        apps = super().get_app_list(request, app_label)
        inside: list[Any] = []
        for app in apps:
            inside += [each for each in app["models"] if self._is_inside(each)]
            app["models"] = [each for each in app["models"] if not self._is_inside(each)]
        apps = sorted((app for app in apps if app["models"]), key=_place)
        if inside and request.user.is_superuser:
            apps.append(_under_the_hood(inside))
        return apps

    def _is_inside(self, entry: dict[str, Any]) -> bool:
        return getattr(self._registry[entry["model"]], "under_the_hood", False)

    def admin_view(self, view: Callable[..., Any], cacheable: bool = False) -> Any:
        inner = super().admin_view(view, cacheable)

        @wraps(inner)
        def dressed(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            with timezone.override(_zone(request)):
                answer = inner(request, *args, **kwargs)
                # While the zone holds.
                if isinstance(answer, SimpleTemplateResponse):
                    answer.render()
            answer.headers.setdefault("Content-Security-Policy", content_policy())
            return _no_login_inside_a_page(request, answer)

        return dressed

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        answer = super().login(request, extra_context)
        answer.headers.setdefault("Content-Security-Policy", content_policy())
        return answer


def _place(app: dict[str, Any]) -> int:
    return APPS.index(app["app_label"]) if app["app_label"] in APPS else len(APPS)


def _under_the_hood(models: list[Any]) -> dict[str, Any]:
    return {
        "name": "Under the hood",
        "app_label": "under-the-hood",
        "app_url": f"{reverse('admin:index')}#under-the-hood",
        "has_module_perms": True,
        "models": models,
    }


def _zone(request: HttpRequest) -> Any:
    """The time zone of the operator's workspaces, when they share one."""
    user = request.user
    if not user.is_active or not user.is_staff:
        return timezone.get_default_timezone()
    zones = Workspace.objects.for_user(user).order_by().values_list("timezone", flat=True)
    found = list(zones.distinct()[:2])
    return ZoneInfo(found[0]) if len(found) == 1 else timezone.get_default_timezone()


def _no_login_inside_a_page(request: HttpRequest, answer: HttpResponse) -> HttpResponse:
    """A part of a page asks on after its session has ended: it is told so, and shows no form."""
    if getattr(request, "htmx", False) and answer.status_code == 302:
        return HttpResponse("Your session has ended. Reload the page.", status=401)
    return answer
