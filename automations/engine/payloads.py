"""What a button says when it is tapped: its step of which execution, and the branch it takes.

A tap may come after other questions were asked, so its text alone does not tell what it answers.
"""

import re
from typing import NamedTuple
from uuid import UUID

_PAYLOAD = re.compile(r"inro:([0-9a-f]{32}):([1-9][0-9]{0,8}):([\w-]{1,40})")

NO_STORY = UUID(int=0)  # of what is only tried out


class Tapped(NamedTuple):
    story: UUID
    number: int
    branch: str


def payload_of(story: UUID, number: int, branch: str) -> str:
    return f"inro:{story.hex}:{number}:{branch}"


def read_payload(payload: str) -> Tapped | None:
    """None for a payload that is not of this form."""
    found = _PAYLOAD.fullmatch(payload)
    return Tapped(UUID(found[1]), int(found[2]), found[3]) if found else None
