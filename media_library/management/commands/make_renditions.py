from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from media_library import ordering


class Command(BaseCommand):
    help = (
        "Let workers make what files lack of thumbnails and of forms that channels take. Needed "
        "once for files of an older version. Interrupted, it can be started again at any time."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--failed", action="store_true", help="also try again what could not be made"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        again = ordering.order_failed_again() if options["failed"] else 0
        last: int | None = 0
        ordered = 0
        while last is not None:
            last, more = ordering.order_missing(last)
            ordered += more
            if more:
                self.stdout.write(f"{ordered:,} ordered, up to file {last}.")
        tried = f", {again:,} tried again" if options["failed"] else ""
        self.stdout.write(f"Done: {ordered:,} renditions ordered{tried}. Workers make them.")
