from celery import shared_task

from inro.common.waking import wake
from media_library import examining, fetching, ordering


@shared_task(name="media_library.run_fetch")
def run_fetch(fetch_id: int) -> None:
    """One attempt at a download."""
    next_attempt_in = fetching.run(fetch_id)
    if next_attempt_in is not None:
        wake(run_fetch, fetch_id, after=next_attempt_in)


@shared_task(name="media_library.order_renditions")
def order_renditions(media_file_id: int) -> None:
    """Let be made what a file needs that was stored before there were renditions."""
    ordering.order_for(media_file_id)


@shared_task(name="media_library.examine_stored")
def examine_stored() -> None:
    """Look at stored files that are due."""
    if examining.examine_due():
        wake(examine_stored)
