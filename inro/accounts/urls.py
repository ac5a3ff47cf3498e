from django.urls import path

from inro.accounts import views

urlpatterns = [
    path("", views.home),
    path("favicon.ico", views.favicon),
    path("login/<str:secret>", views.redeem_login_link, name="login-link"),
]
