import json
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from inro.accounts.models import Plan, Workspace


class Command(BaseCommand):
    help = "Create a workspace: one business, whose rows no other sees."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--subdomain", required=True)
        parser.add_argument("--plan", choices=Plan.values, default=Plan.TRIAL.value)
        parser.add_argument("--json", action="store_true", help="print the workspace as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        workspace = Workspace(
            name=options["name"], subdomain=options["subdomain"], plan=options["plan"]
        )
        try:
            workspace.full_clean()
        except ValidationError as error:
            faults = [f"{name}: {' '.join(found)}" for name, found in error.message_dict.items()]
            raise CommandError("\n".join(faults)) from None
        workspace.save()
        shown = {
            "id": workspace.pk,
            "name": workspace.name,
            "subdomain": workspace.subdomain,
            "plan": workspace.plan,
        }
        self.stdout.write(json.dumps(shown) if options["json"] else str(workspace.pk))
