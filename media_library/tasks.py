from celery import shared_task

from inro.common.waking import wake
from media_library import fetching


@shared_task(name="media_library.run_fetch")
def run_fetch(fetch_id: int) -> None:
    """One attempt at a download."""
    next_attempt_in = fetching.run(fetch_id)
    if next_attempt_in is not None:
        wake(run_fetch, fetch_id, after=next_attempt_in)
