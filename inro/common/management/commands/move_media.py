from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.storage import storages
from django.core.management.base import BaseCommand, CommandError, CommandParser

from inro.common.moving import Move, are_one, move
from inro.common.progress import ProgressLine
from inro.common.storing import read_storage_url

_SECRET = {"access_key", "secret_key", "security_token", "timeout"}


class Command(BaseCommand):
    help = (
        "Copy every stored file to another storage and check every byte of it, while the product "
        "runs or not. Interrupted, start it again: what has arrived is not copied again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        names = "local, or a URL as STORAGE_URL takes it; by default the storage in use"
        parser.add_argument("--to", metavar="URL", help=f"where to: {names}")
        parser.add_argument("--from", metavar="URL", dest="source", help=f"where from: {names}")
        parser.add_argument(
            "--delete",
            action="store_true",
            help="remove each file that has arrived from where it was: not from the storage in use",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        in_use = dict(settings.STORAGES["default"])
        source = self._storage("--from", options["source"]) or in_use
        target = self._storage("--to", options["to"]) or in_use
        if _place(source) == _place(target):
            raise CommandError("Name two storages: --to or --from, or both.")
        if options["delete"] and _place(source) == _place(in_use):
            raise CommandError(
                "With --delete nothing may be moved away from the storage in use: set STORAGE_URL "
                "to the new one first, and start the product again."
            )
        here, there = storages.create_storage(source), storages.create_storage(target)
        if options["delete"] and self._are_one(here, there):
            raise CommandError("Both are the same place, named in two ways: nothing was removed.")
        moved = move(here, there, delete=options["delete"], report=self._report)
        self._conclude(moved)

    @staticmethod
    def _are_one(here: Any, there: Any) -> bool:
        try:
            return are_one(here, there)
        except Exception as error:
            found = f"Whether these are two places cannot be told ({type(error).__name__})."
            raise CommandError(found) from None

    def _storage(self, name: str, url: str | None) -> dict[str, Any] | None:
        if url is None:
            return None
        try:
            return read_storage_url(url, Path(settings.DATA_DIR) / "media")
        except ValueError as error:
            raise CommandError(f"{name} {error}") from None

    def _report(self, move: Move) -> None:
        percent = min(100 * move.bytes_done // max(move.bytes, 1), 100)
        ProgressLine(self.stdout).show(
            f"{move.done:,} of {move.files:,} files, {_size(move.bytes_done)}, {percent} %"
        )

    def _conclude(self, moved: Move) -> None:
        ProgressLine(self.stdout).end()
        self.stdout.write(
            f"{moved.done:,} files ({_size(moved.bytes_done)}): {moved.copied:,} copied, "
            f"{moved.done - moved.copied - len(moved.failed):,} were there, "
            f"{moved.removed:,} removed, {len(moved.failed):,} failed"
        )
        if moved.failed:
            raise CommandError("\n".join(moved.failed))


def _place(storage: dict[str, Any]) -> Any:
    options = storage.get("OPTIONS", {})
    return storage["BACKEND"], {n: each for n, each in options.items() if n not in _SECRET}


def _size(size: int) -> str:
    return f"{size / 1024**2:,.1f} MiB"
