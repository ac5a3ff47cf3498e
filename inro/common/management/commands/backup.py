import json
import os
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from inro.common.backups import FILES, BackupError
from inro.common.backups.making import make_backup
from inro.common.backups.manifest import Manifest


class Command(BaseCommand):
    help = "Copy database, files and keys into a new folder, while the product runs or not."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("dir", metavar="DIR", type=Path)
        parser.add_argument(
            "--without-database",
            action="store_true",
            help="only files and keys: where pg_dump has copied the database before",
        )
        parser.add_argument(
            "--without-files",
            action="store_true",
            help="leave stored files where they are: in a bucket that keeps its old versions, say",
        )
        parser.add_argument("--json", action="store_true", help="print what was copied as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        os.umask(0o077)
        target = options["dir"].expanduser().absolute()
        try:
            manifest = make_backup(
                target,
                with_database=not options["without_database"],
                with_files=not options["without_files"],
            )
        except BackupError as error:
            raise CommandError(str(error)) from None
        shown = summary(manifest)
        if options["json"]:
            self.stdout.write(json.dumps({"dir": str(target), **shown}))
        else:
            self.stdout.write(
                f"{shown['rows']:,} rows and {shown['files']:,} files "
                f"({shown['bytes']:,} bytes in all) are in {target}. It holds the keys: guard it."
            )
            if not manifest.with_files:
                self.stdout.write("The stored files are not in it, and have to be kept elsewhere.")
        for name in manifest.damaged:
            self.stderr.write(f"Missing or damaged in the storage: {name}")


def summary(manifest: Manifest) -> dict[str, Any]:
    return {
        "made_at": manifest.made_at,
        "version": manifest.version,
        "rows": sum((manifest.rows or {}).values()),
        "files": sum(name.startswith(f"{FILES}/") for name in manifest.parts),
        "bytes": sum(part.size for part in manifest.parts.values()),
        "damaged": len(manifest.damaged),
    }
