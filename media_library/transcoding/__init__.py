"""Other forms of a file: made in a process of its own, which is killed when it takes too much.

Nothing here knows of Django, and only that process loads ffmpeg: it starts fast and stays small.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from media_library.transcoding.forms import FORMS
from media_library.transcoding.jobs import UNAVAILABLE, Cancelled, Job, TranscodingFailed
from media_library.transcoding.processes import Process

__all__ = ["Cancelled", "Job", "TranscodingFailed", "transcode"]


def transcode(
    source: Path,
    target: Path,
    job: Job,
    *,
    progress: Callable[[int], None],
    cancelled: Callable[[], bool],
) -> None:
    """Write `job` of the file at `source` to `target`, or raise TranscodingFailed or Cancelled.

    `progress` is called with percents, `cancelled` asked about once a second. Until all of it is
    there, nothing is at `target`; what is being made lies in a folder beside it.
    """
    form = FORMS[job.form]
    if job.mime_type not in form.sources:
        raise TranscodingFailed(UNAVAILABLE, f"{form.label} cannot be made of {job.mime_type}.")
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".making-") as folder:
        made = Process(form, source.resolve(), job, Path(folder)).run(progress, cancelled)
        os.replace(made, target)
