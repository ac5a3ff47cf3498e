from django.urls import path

from inro.api.me import MeView

urlpatterns = [path("me", MeView.as_view())]
