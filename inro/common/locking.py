"""Who works on a data folder: one supervisor, or one restore."""

import fcntl
from pathlib import Path
from typing import IO

from django.conf import settings


class TakenError(Exception):
    """Somebody else has the folder."""


def hold_data_folder() -> IO[str]:
    """Keep others off DATA_DIR for as long as the handle is open. Raises TakenError."""
    path = Path(settings.DATA_DIR) / "runall.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = path.open("w")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        handle.close()
        raise TakenError(f"It is already running on the data in {path.parent}.") from None
    return handle
