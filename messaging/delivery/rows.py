"""Messages as `settle` has them in hand: thousands a second, for which instances are too slow."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(slots=True)
class Row:
    """What is read of a message to judge news of it, and what they may change in it.

    The times at the end are read only where news look at them, and `due_at` is only written.
    """

    pk: int
    status: str
    turn: int
    attempts: int
    workspace_id: int
    channel_id: int
    contact_id: int
    stream_id: int | None
    story: UUID | None
    position: int | None
    provider_message_id: str
    error_code: str
    error_message: str
    provider_code: str
    error_retryable: bool
    unconfirmed_at: datetime | None
    withdrawn: bool
    sent_at: datetime | None
    delivered_at: datetime | None
    read_at: datetime | None
    created_at: datetime | None = None
    attempted_at: datetime | None = None
    due_at: datetime | None = None
    updated_at: datetime | None = None
