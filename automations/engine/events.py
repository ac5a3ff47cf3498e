"""What can happen to an execution."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Go:
    """Begin, or carry on after a full turn."""


@dataclass(frozen=True, slots=True)
class TimeUp:
    """The moment that a wait named has come."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Reply:
    """The person answered. `branch` is that of the button that was tapped, if it was one of ours.

    A text can be empty: of an attachment, or of a button that some channels send without its title.
    """

    text: str = ""
    branch: str = ""


# What ends a wait.
End = TimeUp | Reply
Event = Go | End
GO = Go()
