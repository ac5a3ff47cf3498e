from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from inro.common.errors import Refused
from media_library import ordering

# The last row that was looked at, None when there was none; and how many were ordered.
Step = Callable[[int], tuple[int | None, int]]


class Command(BaseCommand):
    help = (
        "Let workers make what files lack of thumbnails and of forms that channels take. Needed "
        "once for files of an older version. Interrupted, it can be started again at any time."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--failed", action="store_true", help="also try again what could not be made"
        )
        parser.add_argument(
            "--missing",
            action="store_true",
            help="also make again what was made and is gone from the storage: looks for each file",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        said = []
        if options["failed"]:
            said.append(f"{ordering.order_failed_again():,} tried again")
        if options["missing"]:
            said.append(f"{self._walk(ordering.order_lost_again, 'rendition'):,} were missing")
        ordered = self._walk(ordering.order_missing, "file")
        said.insert(0, f"{ordered:,} renditions ordered")
        self.stdout.write(f"Done: {', '.join(said)}. Workers make them.")

    def _walk(self, step: Step, what: str) -> int:
        last: int | None = 0
        ordered = 0
        while last is not None:
            try:
                last, more = step(last)
            except Refused as refused:
                raise CommandError(refused.message) from None
            ordered += more
            if more:
                self.stdout.write(f"{ordered:,} ordered, up to {what} {last}.")
        return ordered
