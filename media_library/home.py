"""What the admin's home page says of media files."""

from collections.abc import Iterator

from django.db.models import BooleanField
from django.db.models.expressions import RawSQL
from django.urls import reverse

from inro.accounts.home import CAP, Concern, HomePart, Scope
from inro.common.badges import Tone
from inro.common.counting import Capped, capped
from media_library.models import MediaFile, MediaStatus

# A literal: a bound parameter would keep SQLite from the partial index.
_UNREADY = RawSQL(
    "media_library_mediafile.status IN ('pending', 'failed')", (), output_field=BooleanField()
)


def _concerns(scope: Scope) -> Iterator[Concern]:
    mine = MediaFile.objects.filter(_UNREADY, workspace__in=scope.workspace_ids).order_by("-pk")
    found = list(mine.values_list("status", "created_at")[: CAP + 1])
    recently = [status for status, at in found if at >= scope.recently]
    failed = recently.count(MediaStatus.FAILED)
    pending = [status for status, _ in found].count(MediaStatus.PENDING)
    more = len(found) > CAP
    if failed:
        yield Concern(
            "media-failed",
            Tone.BAD,
            f"{_files(capped(failed, CAP), more)} could not be downloaded",
            detail="In the last 7 days.",
            remedy="See the reason at each; upload the file, or give another address.",
            url=_list_of(MediaStatus.FAILED),
            link="Show the files",
        )
    if pending:
        yield Concern(
            "media-pending",
            Tone.BUSY,
            f"{_files(capped(pending, CAP), more)} still being downloaded",
            remedy="Nothing: scenarios that need them can be switched on when they are here.",
            url=_list_of(MediaStatus.PENDING),
            link="Show the files",
        )


def _files(number: Capped, more: bool) -> str:
    shown = Capped(number.number, number.more or more)
    return "1 file" if shown == Capped(1) else f"{shown} files"


def _list_of(status: MediaStatus) -> str:
    return f"{reverse('admin:media_library_mediafile_changelist')}?status__exact={status.value}"


MEDIA = HomePart("media", 3, concerns=_concerns)
