"""Channels and what delivers on them: pumps and streams."""

import secrets
import uuid
from typing import Any, ClassVar

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone

from inro.common import crypto
from inro.common.claims import TaskRow
from inro.common.models import WorkspaceOwned


class ChannelStatus(models.TextChoices):
    CONNECTED = "connected"
    ERROR = "error"
    PAUSED = "paused"


MAX_PER_SECOND = 10_000
_PER_SECOND = [MinValueValidator(1), MaxValueValidator(MAX_PER_SECOND)]


def new_verify_token() -> str:
    return secrets.token_urlsafe(24)


class Channel(WorkspaceOwned):
    """An account at a provider (or the sandbox) that a workspace writes and is written to on.

    `settings` holds what may be read, `sealed_secrets` what may not: the fields of the kind's
    `Options` serializer, see `messaging.channels`.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    kind = models.CharField(max_length=20, editable=False)
    name = models.CharField(max_length=120)
    account_id = models.CharField(
        max_length=120, blank=True, editable=False, help_text="The provider's id of the account."
    )
    settings = models.JSONField(default=dict, editable=False)
    sealed_secrets = models.TextField(blank=True, editable=False)
    verify_token = models.CharField(max_length=64, default=new_verify_token, editable=False)
    status = models.CharField(
        max_length=10, choices=ChannelStatus.choices, default=ChannelStatus.CONNECTED
    )
    status_reason = models.CharField(max_length=300, blank=True)
    text_per_second = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        validators=_PER_SECOND,
        help_text="How many texts go out; empty: as many as the provider allows.",
    )
    media_per_second = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        validators=_PER_SECOND,
        help_text="How many files go out; empty: as many as the provider allows.",
    )

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=~Q(text_per_second=0) & ~Q(media_per_second=0),
                name="channel_pacing_above_zero",
            ),
            models.UniqueConstraint(
                fields=["workspace", "kind", "account_id"],
                condition=~Q(account_id=""),
                name="channel_account_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.kind})"

    @property
    def secrets(self) -> dict[str, Any]:
        return crypto.decrypt(self.sealed_secrets)

    def seal(self, secrets: dict[str, Any]) -> None:
        self.sealed_secrets = crypto.encrypt(secrets) if secrets else ""

    @property
    def webhook_url(self) -> str:
        return f"{settings.PUBLIC_URL}/webhooks/{self.kind}/{self.uuid}"


class Pump(TaskRow):
    """The leased row of the one process that delivers on a channel; see `messaging.delivery`."""

    channel = models.OneToOneField(Channel, models.CASCADE, primary_key=True, related_name="pump")
    # After an expired lease a pump starts with one row and doubles: a crash loop burns few.
    window = models.PositiveSmallIntegerField(default=1)
    # Up to when the channel's time is spent, see `messaging.pacing`.
    paced_to = models.DateTimeField(null=True, editable=False)
    # Nothing goes out until then; `pauses` counts those since a call last got through.
    paused_until = models.DateTimeField(null=True, editable=False)
    pauses = models.PositiveSmallIntegerField(default=0, editable=False)
    pause_reason = models.CharField(max_length=300, blank=True, editable=False)

    def __str__(self) -> str:
        return f"Pump of {self.channel}"


class StreamKind(models.TextChoices):
    REPLIES = "replies"
    API = "api"
    CAMPAIGN = "campaign"


RANK_OF = {StreamKind.REPLIES: 0, StreamKind.API: 1, StreamKind.CAMPAIGN: 2}
# Each channel has one of these for good; the others end with what they were made for.
STANDING = (StreamKind.REPLIES, StreamKind.API)


class StreamState(models.TextChoices):
    RUNNING = "running"
    PAUSED = "paused"
    CANCELING = "canceling"
    ENDED = "ended"


class Stream(models.Model):
    """Messages of one origin on one channel, in order for each contact; lower ranks go first."""

    channel = models.ForeignKey(Channel, models.CASCADE, related_name="streams")
    kind = models.CharField(max_length=10, choices=StreamKind.choices)
    rank = models.PositiveSmallIntegerField()
    state = models.CharField(
        max_length=10, choices=StreamState.choices, default=StreamState.RUNNING
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["channel", "kind"],
                condition=Q(kind__in=["replies", "api"]),
                name="stream_standing_once",
            )
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["channel", "rank", "id"], name="live", condition=Q(state="running")
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} on {self.channel}"
