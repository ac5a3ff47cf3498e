from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from inro.common.referencing import PAGES, is_stale, write_pages


class Command(BaseCommand):
    help = "Write docs/reference from the code."
    requires_system_checks: Any = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--check", action="store_true", help="write nothing; fail if something is not current"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["check"]:
            for path in write_pages():
                self.stdout.write(str(path))
        elif stale := [page.name for page in PAGES if is_stale(page)]:
            raise CommandError(f"Not current: {', '.join(stale)}. Write them: make reference")
