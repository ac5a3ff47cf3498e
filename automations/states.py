"""How the states of executions and their steps look to people."""

from collections.abc import Mapping

from django.utils.safestring import SafeString

from automations.models import ExecutionStatus
from inro.common.badges import Tone, badge

TONES: Mapping[str, Tone] = {
    ExecutionStatus.RUNNING: Tone.BUSY,
    ExecutionStatus.WAITING: Tone.BUSY,
    ExecutionStatus.COMPLETED: Tone.GOOD,
    ExecutionStatus.STOPPED: Tone.QUIET,
    ExecutionStatus.EXPIRED: Tone.QUIET,
    ExecutionStatus.FAILED: Tone.BAD,
    "done": Tone.GOOD,  # of a step
}


def status_badge(status: str) -> SafeString:
    return badge(status.capitalize(), TONES.get(status, Tone.QUIET))
