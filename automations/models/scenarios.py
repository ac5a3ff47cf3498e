from typing import Any, ClassVar

from django.db import models
from django.db.models import Prefetch, Q, QuerySet

from automations.models.definitions import Action
from inro.common.folding import fold
from inro.common.models import WorkspaceOwned


class Scenario(WorkspaceOwned):
    """Triggers (any of them starts it) and the definition that then runs for the person."""

    title = models.CharField(max_length=200, default="Untitled scenario")
    active = models.BooleanField(default=False)
    scenario_type = models.CharField(max_length=40, default="custom")
    definition = models.OneToOneField(
        "automations.Definition", models.PROTECT, related_name="scenario", editable=False
    )
    # Searched text, folded by Python: databases do not agree on case and accents.
    title_folded = models.CharField(max_length=200, blank=True, editable=False)

    class Meta:
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            models.Index(fields=["workspace", "-id"], name="scenario_by_workspace"),
            models.Index(fields=["workspace"], name="scenario_active", condition=Q(active=True)),
        ]

    def __str__(self) -> str:
        return self.title

    @classmethod
    def in_full(cls) -> QuerySet:
        """With all that the API shows of them, in a number of queries that does not grow."""
        actions = Action.objects.select_related("parent", "media_file__blob")
        return cls.objects.select_related("definition").prefetch_related(
            "triggers", Prefetch("definition__actions", actions)
        )

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.title_folded = fold(self.title)[:200]
        if kwargs.get("update_fields") is not None:
            kwargs["update_fields"] = {*kwargs["update_fields"], "title_folded"}
        super().save(*args, **kwargs)


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
