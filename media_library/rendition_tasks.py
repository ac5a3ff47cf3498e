from celery import shared_task

from inro.common.waking import wake
from media_library import making


@shared_task(name="media_library.make_renditions")
def make_renditions() -> None:
    """Make the renditions that are due."""
    if making.make_due():
        wake(make_renditions)
