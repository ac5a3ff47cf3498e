"""Mounts everything; the only addresses outside the apps are the admin, health and documents."""

from django.contrib import admin
from django.urls import include, path, re_path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

from inro.common.measuring import metrics
from inro.mcp.views import McpView

handler400 = "inro.api.errors.bad_request"
handler403 = "inro.api.errors.forbidden"
handler404 = "inro.api.errors.not_found"
handler500 = "inro.api.errors.server_error"

urlpatterns = [
    path("admin/", admin.site.urls),
    path("", include("inro.accounts.urls")),
    path("health/", include("inro.common.urls")),
    path("metrics", metrics),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs/", SpectacularSwaggerView.as_view(url_name="schema"), name="docs"),
    path("api/v1/", include("inro.api.urls")),
    path("api/v1/", include("media_library.urls.api")),
    path("api/v1/", include("messaging.urls.api")),
    path("api/v1/", include("automations.urls.api")),
    re_path(r"^mcp/?$", McpView.as_view(), name="mcp"),
    path("media/", include("media_library.urls.media")),
    path("webhooks/", include("messaging.urls.webhooks")),
]
