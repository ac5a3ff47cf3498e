import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from inro.common.cleaning import clean


class Command(BaseCommand):
    help = (
        "Remove stored files that are a day old and named by no row, and uploads to a bucket that "
        "never ended. The product does the same once a day."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only count, and name some")
        parser.add_argument(
            "--force",
            action="store_true",
            help="although most files have no row: make sure that this is the right database",
        )
        parser.add_argument("--json", action="store_true", help="print the counts as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        dry_run = options["dry_run"]
        cleaned = clean(timezone.now(), dry_run=dry_run, although_many=options["force"])
        if options["json"]:
            self.stdout.write(json.dumps(asdict(cleaned)))
        else:
            self.stdout.write(
                f"{cleaned.files:,} files; {cleaned.nameless:,} of them without a row "
                f"({cleaned.bytes:,} bytes); {cleaned.uploads:,} uploads that never ended"
            )
            for name in cleaned.some if dry_run else ():
                self.stdout.write(name)
        if cleaned.suspicious:
            raise CommandError(
                "Most files have no row: is this the right database? If it is, say --force."
            )
        if cleaned.failed:
            raise CommandError(f"{cleaned.failed} could not be removed; the log says why.")
