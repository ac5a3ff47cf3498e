from collections import Counter
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from inro.common.errors import Refused
from inro.common.progress import ProgressLine
from media_library.examining import Examined, Outcome, examine_all, undone
from media_library.models import MediaFile, Rendition

_NAMED = 10


class Command(BaseCommand):
    help = (
        "Look at stored files that an older version took in: read their facts, and leave out of "
        "them what gives a person away. The media worker does the same by itself; this does it at "
        "once, looks again at what was refused or missing, and names that. Nothing is deleted. "
        "Interrupted, it can be started again at any time."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        self.total, counts, told = undone().count(), Counter[Outcome](), []
        try:
            for examined in examine_all():
                counts[examined.outcome] += 1
                if examined.reason:
                    told.append(_said_of(examined))
                self._report(counts.total())
        except Refused as refused:
            raise CommandError(f"{refused.message} {counts.total():,} files are done.") from None
        self._conclude(counts, told)

    def _report(self, done: int) -> None:
        ProgressLine(self.stdout).show(f"{done:,} of {max(self.total, done):,} files")

    def _conclude(self, counts: Counter[Outcome], told: list[str]) -> None:
        ProgressLine(self.stdout).end()
        self.stdout.write(
            f"{counts.total() - counts[Outcome.GONE]:,} files looked at: "
            f"{counts[Outcome.STRIPPED]:,} stripped, "
            f"{counts[Outcome.EXAMINED]:,} had nothing to strip, "
            f"{counts[Outcome.REFUSED]:,} refused, {counts[Outcome.MISSING]:,} missing"
        )
        if told:
            raise CommandError("\n".join(told))


def _said_of(examined: Examined) -> str:
    """`Bytes 12 (media files 3, 4) refused: …`."""
    files = MediaFile.objects.filter(blob=examined.blob_id).order_by("pk")
    ids = list(files.values_list("pk", flat=True)[: _NAMED + 1])
    made = Rendition.objects.filter(blob=examined.blob_id).exists()
    named = ", ".join(map(str, ids[:_NAMED])) + (", …" if len(ids) > _NAMED else "")
    whose = f"media files {named}" if ids else "a rendition" if made else "of no media file"
    return f"Bytes {examined.blob_id} ({whose}) {examined.outcome}: {examined.reason}"
