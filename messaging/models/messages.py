"""Messages, in and out. The table is the outbox: see `messaging.delivery`."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from inro.common.claims import TaskRow
from inro.common.models import WorkspaceOwned, covered_workspace


class Direction(models.TextChoices):
    INBOUND = "inbound"
    OUTBOUND = "outbound"


class MessageType(models.TextChoices):
    TEXT = "text"
    IMAGE = "image"
    VIDEO = "video"
    AUDIO = "audio"
    FILE = "file"
    SHARE = "share"
    OTHER = "other"


class MessageStatus(models.TextChoices):
    RECEIVED = "received"
    SCHEDULED = "scheduled"
    PREPARING = "preparing"
    QUEUED = "queued"
    SENDING = "sending"
    UNCONFIRMED = "unconfirmed"
    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    FAILED = "failed"
    CANCELED = "canceled"
    SKIPPED = "skipped"


OPEN = (
    MessageStatus.PREPARING,
    MessageStatus.QUEUED,
    MessageStatus.SENDING,
    MessageStatus.UNCONFIRMED,
)


class Message(WorkspaceOwned, TaskRow):
    """One message; outbound, one row is one call to the provider.

    `story` and `position` are the caller's: unique together, they are the key by which a message
    is never made twice, and `story` is what a permanent failure cancels from there on.
    """

    # Indexes below begin with these; each index less makes each of a message's writes cheaper.
    workspace = covered_workspace()
    channel = models.ForeignKey(
        "messaging.Channel", models.CASCADE, related_name="messages", db_index=False
    )
    contact = models.ForeignKey(
        "messaging.Contact", models.CASCADE, related_name="messages", db_index=False
    )
    stream = models.ForeignKey(
        "messaging.Stream", models.CASCADE, null=True, related_name="messages"
    )
    direction = models.CharField(max_length=10, choices=Direction.choices)
    message_type = models.CharField(max_length=10, choices=MessageType.choices)
    text = models.TextField(blank=True)
    media_file = models.ForeignKey(
        "media_library.MediaFile", models.SET_NULL, null=True, blank=True, related_name="messages"
    )
    # What a person sent us: the provider's address of it, and our reading of the rest.
    content = models.JSONField(default=dict)
    # What the person can tap; see `messaging.buttons`.
    buttons = models.JSONField(default=list)
    status = models.CharField(max_length=12, choices=MessageStatus.choices)
    story = models.UUIDField(null=True, editable=False)
    position = models.PositiveIntegerField(null=True, editable=False)
    provider_message_id = models.CharField(max_length=300, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    error_code = models.CharField(max_length=60, blank=True)
    error_message = models.CharField(max_length=300, blank=True)
    provider_code = models.CharField(max_length=60, blank=True)
    error_retryable = models.BooleanField(default=False)
    scheduled_at = models.DateTimeField(null=True, blank=True)
    attempted_at = models.DateTimeField(null=True, blank=True, help_text="When last claimed.")
    unconfirmed_at = models.DateTimeField(null=True, blank=True)
    # Not to be tried again: it was withdrawn when it may have been on its way.
    withdrawn = models.BooleanField(default=False, db_default=False, editable=False)
    sent_at = models.DateTimeField(null=True, blank=True)
    delivered_at = models.DateTimeField(null=True, blank=True)
    read_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["story", "position"], name="message_story_once"),
            models.UniqueConstraint(
                fields=["channel", "contact"], condition=Q(status="sending"), name="inflight"
            ),
            models.UniqueConstraint(
                fields=["channel", "provider_message_id"],
                condition=~Q(provider_message_id=""),
                name="message_provider_id_once",
            ),
            models.CheckConstraint(
                condition=Q(direction="inbound") | Q(stream__isnull=False),
                name="message_outbound_has_stream",
            ),
        ]
        # The indexes of the claim, as `messaging.delivery.claim` needs them.
        indexes: ClassVar = [
            models.Index(
                fields=["stream", "due_at", "id"], name="claim", condition=Q(status="queued")
            ),
            models.Index(
                fields=["stream", "contact", "id"],
                name="lane",
                condition=Q(status__in=["preparing", "queued", "sending", "unconfirmed"]),
            ),
            models.Index(fields=["lease_until"], name="lease", condition=Q(status="sending")),
            models.Index(fields=["stream", "id"], name="planned", condition=Q(status="scheduled")),
            models.Index(
                fields=["unconfirmed_at"], name="unconfirmed", condition=Q(status="unconfirmed")
            ),
            models.Index(
                fields=["workspace", "-id"], name="message_failed", condition=Q(status="failed")
            ),
            models.Index(fields=["workspace", "-id"], name="message_by_workspace"),
            models.Index(fields=["contact", "-id"], name="message_by_contact"),
            models.Index(fields=["channel", "-sent_at"], name="message_outbox"),
            models.Index(
                fields=["media_file", "-id"],
                name="message_to_send_file",
                condition=Q(
                    media_file__isnull=False,
                    status__in=["scheduled", "preparing", "queued", "sending", "unconfirmed"],
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.direction} {self.message_type} {self.pk}"
