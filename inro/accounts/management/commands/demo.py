import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from inro.accounts.starting import fill_demo
from inro.common.databases import pending_migrations


class Command(BaseCommand):
    help = "Fill the demo workspace with life-like data. Twice is as good as once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print the counts as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        if pending_migrations():
            raise CommandError("There are no tables yet. Start the product once: make run")
        found = fill_demo()
        if options["json"]:
            self.stdout.write(json.dumps(found))
        else:
            counts = ", ".join(f"{count} {name}" for name, count in found.items())
            self.stdout.write(f"The workspace 'demo' has {counts}.")
