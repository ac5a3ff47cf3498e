from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.templatetags.static import static
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_safe

from inro.accounts.models import LoginLink


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    return redirect("admin:index")


@require_safe
def favicon(request: HttpRequest) -> HttpResponse:
    """Where browsers look that were not told of the mark by a page."""
    return redirect(static("inro/mark.svg"))


@never_cache
@require_GET
def redeem_login_link(request: HttpRequest, secret: str) -> HttpResponse:
    """Sign in whom the one-use link was made for. HEAD does not use it up."""
    user = LoginLink.redeem(secret)
    if user is None or not user.is_active:
        return render(request, "accounts/login_link_spent.html", status=403)
    login(request, user, backend="django.contrib.auth.backends.ModelBackend")
    return redirect("admin:index")
