"""What an action answers when it has run: what happens next."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

NEXT = "next"  # the branch of types that have only one


@dataclass(frozen=True, slots=True)
class Proceed:
    """Go on with the child under `branch`; without one, the execution ends as `childless` says."""

    branch: str = NEXT
    childless: Literal["completed", "expired"] = "completed"


@dataclass(frozen=True, slots=True)
class Wait:
    """Stay at this action; at `until` its `resume` says how to go on.

    What the step waited for before, it still waits for: a reply to a question counts as before.
    """

    until: datetime


@dataclass(frozen=True, slots=True)
class WaitForReply:
    """Stay until the person answers the last message of this step.

    Time is up `within` seconds after that message was sent, whenever that will be.
    """

    within: int


@dataclass(frozen=True, slots=True)
class Finish:
    """End here, whatever stands below."""

    status: Literal["completed", "stopped", "failed"] = "completed"
    reason_code: str = ""


Outcome = Proceed | Wait | WaitForReply | Finish
