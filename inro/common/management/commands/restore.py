import json
import os
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from inro.common.backups import BackupError
from inro.common.backups.restoring import restore_backup
from inro.common.management.commands.backup import summary


class Command(BaseCommand):
    help = (
        "Put a backup in the place of DATA_DIR, after checking every byte of it. The product must "
        "be stopped. What is there already is moved aside, and only with --force."
    )
    requires_system_checks: Any = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("dir", metavar="DIR", type=Path)
        parser.add_argument("--force", action="store_true", help="although there is data already")
        parser.add_argument(
            "--paused",
            action="store_true",
            help="pause every channel: messages that were queued then may have been sent since",
        )
        parser.add_argument("--json", action="store_true", help="print what was restored as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        os.umask(0o077)
        source = options["dir"].expanduser().absolute()
        try:
            restored = restore_backup(source, force=options["force"], paused=options["paused"])
        except BackupError as error:
            raise CommandError(str(error)) from None
        shown = {
            **summary(restored.manifest),
            "aside": str(restored.aside) if restored.aside else None,
            "paused": restored.paused,
            "to_do": restored.to_do,
        }
        if options["json"]:
            self.stdout.write(json.dumps(shown))
            return
        self.stdout.write(
            f"{shown['rows']:,} rows and {shown['files']:,} files of {shown['made_at']} are back."
        )
        if restored.aside:
            self.stdout.write(f"What was there before: {restored.aside}")
        if options["paused"]:
            self.stdout.write(f"{restored.paused} channels are paused.")
        for each in restored.to_do:
            self.stdout.write(f"To do: {each}")
