from typing import ClassVar

from django.db import models
from django.db.models import Q

from inro.common.models import WorkspaceOwned


class Scenario(WorkspaceOwned):
    """Triggers (any of them starts it) and the definition that then runs for the person."""

    title = models.CharField(max_length=200, default="Untitled scenario")
    active = models.BooleanField(default=False)
    scenario_type = models.CharField(max_length=40, default="custom")
    definition = models.OneToOneField(
        "automations.Definition", models.PROTECT, related_name="scenario", editable=False
    )

    class Meta:
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            models.Index(fields=["workspace", "-id"], name="scenario_by_workspace"),
            models.Index(fields=["workspace"], name="scenario_active", condition=Q(active=True)),
        ]

    def __str__(self) -> str:
        return self.title


class Trigger(models.Model):
    """One way for a scenario to start."""

    scenario = models.ForeignKey(Scenario, models.CASCADE, related_name="triggers")
    trigger_type = models.CharField(max_length=40)
    options = models.JSONField(default=dict)
    position = models.PositiveIntegerField(default=0)

    class Meta:
        ordering: ClassVar = ["position", "id"]

    def __str__(self) -> str:
        return self.trigger_type
