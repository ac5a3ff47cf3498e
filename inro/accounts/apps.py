from datetime import timedelta

from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps


class AccountsConfig(AppConfig):
    name = "inro.accounts"
    label = "accounts"

    def ready(self) -> None:
        from django.contrib.sessions.models import Session

        from inro.accounts.home import HOME_PARTS
        from inro.accounts.models import LoginLink
        from inro.accounts.server import SERVER
        from inro.common.retention import RETENTIONS, Retention

        HOME_PARTS.add(SERVER)
        RETENTIONS.add(Retention("login links", LoginLink, "created_at", lambda: timedelta(days=1)))
        # Their keys are drawn by lot.
        RETENTIONS.add(
            Retention("sessions", Session, "expire_date", lambda: timedelta(0), in_order=False)
        )


class InroAdminConfig(admin_apps.AdminConfig):
    """Django's admin with a site of our own."""

    default = False
    default_site = "inro.accounts.site.InroAdminSite"
