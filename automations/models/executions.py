"""One run of a definition for one contact, and the log of its steps."""

import uuid
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import ClassVar, Self

from django.db import models
from django.db.models import Q
from django.utils import timezone

from inro.common.claims import TaskRow
from inro.common.models import WorkspaceOwned, WorkspaceQuerySet, covered_workspace
from inro.common.updating import update_each


class ExecutionStatus(models.TextChoices):
    RUNNING = "running"
    WAITING = "waiting"
    COMPLETED = "completed"
    STOPPED = "stopped"
    EXPIRED = "expired"
    FAILED = "failed"


LIVE = (ExecutionStatus.RUNNING, ExecutionStatus.WAITING)
ENDED = (
    "status",
    "reason_code",
    "due_at",
    "lease_until",
    "awaited",
    "within",
    "turn",
    "finished_at",
    "updated_at",
)


class ExecutionQuerySet(WorkspaceQuerySet):
    def awaiting_reply(self, people: "Collection[tuple[int, int]]") -> Self:
        """Of contacts on channels; also of one of them on another's channel."""
        contacts, channels = {each[0] for each in people}, {each[1] for each in people}
        return self.filter(contact__in=contacts, channel__in=channels, awaited__isnull=False)

    def write_ended(self, executions: "Sequence[Execution]") -> None:
        """Write what `Execution.end` set, and that the steps they waited in came to nothing."""
        update_each(executions, ENDED)
        steps = Step.objects.filter(execution__in=executions, status=StepStatus.WAITING)
        steps.update(status=StepStatus.STOPPED)

    def with_scenario(self) -> Self:
        """With all that the API shows of them but their steps."""
        return self.select_related("definition__scenario")


class Execution(WorkspaceOwned, TaskRow):
    """`story` is the key of its messages; `steps_taken` numbers them, so none is made twice.

    `due_at` is when its next turn comes: at once while it runs, when the time is up while it waits.
    While it waits for a reply, `awaited` is the position of the message that asks for it. Until
    that is sent nobody knows when time will be up, only that it is `within` seconds after; `due_at`
    is then when to look after that message, in case its news got lost.
    """

    workspace = covered_workspace()
    definition = models.ForeignKey(
        "automations.Definition", models.CASCADE, related_name="executions", db_index=False
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
    awaited = models.PositiveIntegerField(null=True, editable=False)
    within = models.PositiveIntegerField(null=True, editable=False)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar = ExecutionQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(awaited__isnull=True) | Q(status="waiting"),
                name="execution_awaits_while_waiting",
            ),
            models.CheckConstraint(
                condition=Q(within__isnull=True) | Q(awaited__isnull=False),
                name="execution_within_of_awaited",
            ),
            models.UniqueConstraint(
                fields=["definition", "contact"],
                condition=Q(status__in=["running", "waiting"]),
                name="execution_once_at_a_time",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["workspace", "-id"], name="execution_by_workspace"),
            models.Index(
                fields=["workspace", "-id"], name="execution_failed", condition=Q(status="failed")
            ),
            models.Index(
                fields=["workspace", "updated_at"],
                name="execution_waiting",
                condition=Q(status="waiting"),
            ),
            models.Index(fields=["definition", "contact", "-id"], name="execution_by_contact"),
            models.Index(fields=["definition", "-id"], name="execution_by_definition"),
            models.Index(
                fields=["contact", "channel"],
                name="execution_awaiting",
                condition=Q(awaited__isnull=False),
            ),
            models.Index(
                fields=["due_at"], name="execution_due", condition=Q(due_at__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"Execution {self.pk}"

    @property
    def wake_at(self) -> datetime | None:
        """When it goes on by itself; None while that is not known."""
        waits = self.status == ExecutionStatus.WAITING and self.within is None
        return self.due_at if waits else None

    def end(self, status: ExecutionStatus, reason_code: str, now: datetime) -> None:
        """Set what `ENDED` names; whoever has claimed a turn of it comes too late then."""
        self.status = status
        self.reason_code = reason_code[:60]
        self.due_at = self.lease_until = self.awaited = self.within = None
        self.turn += 1
        self.finished_at = self.finished_at or now
        self.updated_at = now


class StepStatus(models.TextChoices):
    WAITING = "waiting"
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"


class Step(models.Model):
    """One step as it ran; `action` is a snapshot, so later edits do not rewrite history.

    `attempts` counts how often the action was at work, `messages` those that it made.
    """

    execution = models.ForeignKey(Execution, models.CASCADE, related_name="steps")
    number = models.PositiveIntegerField()
    action_key = models.CharField(max_length=100)
    action = models.JSONField()
    branch = models.CharField(max_length=40, blank=True)
    status = models.CharField(max_length=10, choices=StepStatus.choices)
    answer = models.TextField(blank=True, help_text="What the person replied.")
    attempts = models.PositiveSmallIntegerField(default=1)
    messages = models.PositiveSmallIntegerField(default=0)
    error = models.CharField(max_length=300, blank=True)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering: ClassVar = ["number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["execution", "number"], name="step_once")
        ]

    def __str__(self) -> str:
        return f"{self.number}. {self.action_key}"
