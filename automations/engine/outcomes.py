"""What an action answers when it has run: what happens next."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

NEXT = "next"  # the branch of types that have only one


@dataclass(frozen=True, slots=True)
class Proceed:
    """Go on with the child under `branch`; without one, the execution is completed."""

    branch: str = NEXT


@dataclass(frozen=True, slots=True)
class Wait:
    """Stay at this action; at `until` its `resume` says how to go on."""

    until: datetime


@dataclass(frozen=True, slots=True)
class Finish:
    """End here, whatever stands below."""

    status: Literal["completed", "stopped", "failed"] = "completed"
    reason_code: str = ""


Outcome = Proceed | Wait | Finish
