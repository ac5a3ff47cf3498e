from datetime import timedelta
from typing import ClassVar

from django.db import models

from inro.common.models import WorkspaceOwned


class IdempotencyKey(WorkspaceOwned):
    """A POST that its caller named, and the answer it got.

    `turn` counts who ran it: one whose lease ran out may still be at work when the next begins,
    and must not commit then.
    """

    KEPT_FOR = timedelta(hours=24)
    LEASE = timedelta(seconds=60)

    class Status(models.TextChoices):
        RUNNING = "running"
        DONE = "done"

    # The digest of who asks, method and path.
    scope = models.CharField(max_length=64)
    key = models.CharField(max_length=255)
    # The digest of what was asked.
    fingerprint = models.CharField(max_length=64)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.RUNNING)
    lease_until = models.DateTimeField()
    turn = models.PositiveIntegerField(default=1)
    answer_status = models.PositiveSmallIntegerField(null=True)
    answer_headers = models.JSONField(default=dict)
    answer_body = models.BinaryField(default=b"")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["scope", "key"], name="idempotency_key_once")
        ]
        indexes: ClassVar = [models.Index(fields=["created_at"], name="idempotency_key_age")]

    def __str__(self) -> str:
        return f"{self.key} ({self.status})"
