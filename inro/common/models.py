"""What rows share: times, a workspace, the query that starts from it."""

from datetime import datetime
from typing import Any, Self

from django.db import models
from django.utils import timezone


class WorkspaceQuerySet(models.QuerySet):
    def for_workspace(self, workspace: Any) -> Self:
        """Only this workspace's rows; every query of a view starts here."""
        return self.filter(workspace=workspace)


class Timestamped(models.Model):
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        abstract = True


def covered_workspace() -> Any:
    """The field of `WorkspaceOwned` for a model that has another index beginning with it."""
    return models.ForeignKey("accounts.Workspace", models.CASCADE, related_name="+", db_index=False)


class WorkspaceOwned(Timestamped):
    workspace = models.ForeignKey("accounts.Workspace", models.CASCADE, related_name="+")

    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        abstract = True


class Heartbeat(models.Model):
    """When a background loop last ran."""

    name = models.CharField(max_length=40, primary_key=True)
    at = models.DateTimeField()

    @classmethod
    def beat(cls, name: str) -> None:
        cls.objects.update_or_create(name=name, defaults={"at": timezone.now()})

    @classmethod
    def last(cls, name: str) -> datetime | None:
        return cls.objects.filter(name=name).values_list("at", flat=True).first()

    def __str__(self) -> str:
        return self.name
