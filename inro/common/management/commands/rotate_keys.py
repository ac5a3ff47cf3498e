import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from inro.common.rotating import SEALED, rotate


class Command(BaseCommand):
    help = (
        "Seal every secret at rest with the first of ENCRYPTION_KEYS. Afterwards the older keys "
        "can be taken out of the ring. May run while the product does, and again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only count")
        parser.add_argument("--json", action="store_true", help="print the counts as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        counts = {each.name: rotate(each, options["dry_run"]) for each in SEALED}
        if options["json"]:
            self.stdout.write(json.dumps({name: asdict(count) for name, count in counts.items()}))
        else:
            done = "to seal anew" if options["dry_run"] else "sealed anew"
            for name, count in counts.items():
                self.stdout.write(f"{name}: {count.older} {done}, {count.current} were right")
        if lost := sum(count.lost for count in counts.values()):
            raise CommandError(f"No key opens {lost} of them; the old key is missing in the ring.")
