import json
import re
from datetime import datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from inro.accounts.models import ABILITIES, ALL_ABILITIES, ApiToken, AuditEntry, Workspace
from inro.common.rates import read_rate

UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def expiry(text: str) -> datetime:
    """`90d`, `12h` or `30m` from now."""
    found = re.fullmatch(r"([1-9]\d{0,5})([mhd])", text)
    if not found:
        raise CommandError(f"--expires must look like 90d, 12h or 30m, not {text!r}.")
    return timezone.now() + timedelta(**{UNITS[found[2]]: int(found[1])})


def rate(text: str) -> str:
    try:
        read_rate(text)
    except ValueError as error:
        raise CommandError(f"--rate-limit {error}") from None
    return text


class Command(BaseCommand):
    help = "Issue an API token and print it, alone on stdout. It cannot be shown again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--workspace", required=True, help="its subdomain")
        parser.add_argument("--name", default="")
        parser.add_argument(
            "--ability", nargs="+", action="extend", choices=[ALL_ABILITIES, *ABILITIES]
        )
        parser.add_argument("--expires", help="for example 90d")
        parser.add_argument("--rate-limit", help="for example 600/min; 0 for none")
        parser.add_argument("--json", action="store_true", help="print the token as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        workspace = Workspace.objects.filter(subdomain=options["workspace"]).first()
        if workspace is None:
            raise CommandError(f"There is no workspace {options['workspace']!r}.")
        token, plain = ApiToken.issue(
            workspace,
            name=options["name"],
            abilities=options["ability"],
            rate_limit=rate(options["rate_limit"]) if options["rate_limit"] else "",
            expires_at=expiry(options["expires"]) if options["expires"] else None,
        )
        AuditEntry.record(workspace, "command line", "token issued", token)
        shown = {"id": token.pk, "token": plain, "abilities": token.abilities}
        self.stdout.write(json.dumps(shown) if options["json"] else plain)
