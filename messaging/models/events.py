"""What providers tell us, recorded before anything is made of it."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from inro.common.claims import TaskRow
from inro.common.models import WorkspaceOwned


class EventStatus(models.TextChoices):
    RECORDED = "recorded"
    APPLIED = "applied"
    IGNORED = "ignored"
    UNROUTED = "unrouted"
    FAILED = "failed"


class Event(WorkspaceOwned, TaskRow):
    """One event of one webhook call.

    `key` is the provider's id of what happened, of this kind, in this version of it: an unsend, an
    edit and three receipts share one message id and are five events. `kind` is a value of
    `messaging.channels.base.EventKind`.
    """

    channel = models.ForeignKey(
        "messaging.Channel", models.CASCADE, related_name="events", db_index=False
    )
    key = models.CharField(max_length=400)
    kind = models.CharField(max_length=20)
    # Whom it is about, as the channel names them: the person, also for an echo of our message.
    external_id = models.CharField(max_length=200)
    happened_at = models.DateTimeField(help_text="By the provider's clock.")
    payload = models.JSONField()
    status = models.CharField(
        max_length=10, choices=EventStatus.choices, default=EventStatus.RECORDED
    )
    attempts = models.PositiveSmallIntegerField(default=0)
    error = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["channel", "key"], name="event_once")
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["channel", "external_id", "happened_at", "id"],
                name="event_unapplied",
                condition=Q(status="recorded"),
            ),
            models.Index(fields=["due_at"], name="event_due", condition=Q(status="recorded")),
            models.Index(
                fields=["workspace", "-id"], name="event_failed", condition=Q(status="failed")
            ),
            models.Index(fields=["channel", "-id"], name="event_by_channel"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"
