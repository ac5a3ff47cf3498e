"""How long downloads and renditions have been due, for `/metrics` and `doctor`."""

from datetime import datetime

from media_library.models import Fetch, FetchStatus
from media_library.orders import oldest_unordered
from media_library.renditions import due


def oldest_download(now: datetime) -> datetime | None:
    rows = Fetch.objects.filter(status=FetchStatus.QUEUED, due_at__lte=now)
    return rows.order_by("due_at").values_list("due_at", flat=True).first()


def oldest_rendition(now: datetime) -> datetime | None:
    rows = due(now).values_list("due_at", flat=True).first()
    return min(filter(None, (rows, oldest_unordered())), default=None)
