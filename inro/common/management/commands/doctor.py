import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from inro.common.diagnosing import Finding, Level, examine

MARKS = {Level.OK: "ok     ", Level.WARNING: "warning", Level.PROBLEM: "PROBLEM"}


class Command(BaseCommand):
    help = (
        "Look at settings, database, queue, storage, keys and channels, and say how to mend what "
        "is wrong. Ends with 1 when there is a problem; warnings alone do not count."
    )
    # What Django would refuse to start over is ours to find.
    requires_system_checks: Any = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--network", action="store_true", help="also call PUBLIC_URL from this machine"
        )
        parser.add_argument("--json", action="store_true", help="print the findings as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        found = examine(network=options["network"])
        if options["json"]:
            self.stdout.write(json.dumps([_as_object(name, each) for name, each in found]))
        else:
            for name, each in found:
                self.stdout.write(f"{MARKS[each.level]}  {name}: {each.message}")
                if each.remedy:
                    self.stdout.write(f"{'':9}{each.remedy}")
        problems = sum(each.level == Level.PROBLEM for _, each in found)
        if problems:
            raise CommandError(f"{problems} to mend.")


def _as_object(name: str, finding: Finding) -> dict[str, str]:
    return {
        "check": name,
        "level": finding.level.value,
        "message": finding.message,
        "remedy": finding.remedy,
    }
