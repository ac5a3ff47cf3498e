from django.urls import path

from inro.common import health

urlpatterns = [
    path("live", health.live),
    path("ready", health.ready),
]
