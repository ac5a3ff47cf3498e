from celery import shared_task

from inro.common.waking import wake
from media_library import making, orders


@shared_task(name="media_library.make_renditions")
def make_renditions() -> None:
    """Make the renditions that are due, those of new files too."""
    orders.place_new()
    if making.make_due():
        wake(make_renditions)
