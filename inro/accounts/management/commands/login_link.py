from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from inro.accounts.models import User
from inro.accounts.starting import ADMIN_USERNAME, login_link


class Command(BaseCommand):
    help = "Print a link that signs a user of the admin in once, within 15 minutes."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username", nargs="?", default=ADMIN_USERNAME)

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(username=options["username"], is_active=True).first()
        if user is None:
            raise CommandError(f"There is no active user {options['username']!r}.")
        self.stdout.write(login_link(user, settings.PUBLIC_URL))
