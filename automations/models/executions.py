"""One run of a definition for one contact, and the log of its steps."""

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from inro.common.claims import TaskRow
from inro.common.models import WorkspaceOwned


class ExecutionStatus(models.TextChoices):
    RUNNING = "running"
    WAITING = "waiting"
    COMPLETED = "completed"
    STOPPED = "stopped"
    EXPIRED = "expired"
    FAILED = "failed"


LIVE = (ExecutionStatus.RUNNING, ExecutionStatus.WAITING)


class Execution(WorkspaceOwned, TaskRow):
    """`story` is the key of its messages; `steps_taken` numbers them, so none is made twice.

    `due_at` is when its next turn comes: at once while it runs, when the time is up while it waits.
    """

    definition = models.ForeignKey(
        "automations.Definition", models.CASCADE, related_name="executions"
    )
    contact = models.ForeignKey("messaging.Contact", models.CASCADE, related_name="executions")
    channel = models.ForeignKey("messaging.Channel", models.CASCADE, related_name="executions")
    trigger_type = models.CharField(max_length=40)
    status = models.CharField(
        max_length=10, choices=ExecutionStatus.choices, default=ExecutionStatus.RUNNING
    )
    reason_code = models.CharField(max_length=60, blank=True)
    current_key = models.CharField(max_length=100, blank=True)
    variables = models.JSONField(default=dict)
    story = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    steps_taken = models.PositiveIntegerField(default=0)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["definition", "contact"],
                condition=Q(status__in=["running", "waiting"]),
                name="execution_once_at_a_time",
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["workspace", "-id"], name="execution_by_workspace"),
            models.Index(fields=["definition", "contact", "-id"], name="execution_by_contact"),
            models.Index(
                fields=["due_at"], name="execution_due", condition=Q(due_at__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"Execution {self.pk}"


class Step(models.Model):
    """One step as it ran; `action` is a snapshot, so later edits do not rewrite history."""

    execution = models.ForeignKey(Execution, models.CASCADE, related_name="steps")
    number = models.PositiveIntegerField()
    action_key = models.CharField(max_length=100)
    action = models.JSONField()
    branch = models.CharField(max_length=40, blank=True)
    status = models.CharField(max_length=10)
    error = models.CharField(max_length=300, blank=True)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering: ClassVar = ["number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["execution", "number"], name="step_once")
        ]

    def __str__(self) -> str:
        return f"{self.number}. {self.action_key}"
