"""A definition: the tree of actions that a scenario (later also a campaign) runs."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from inro.common.models import WorkspaceOwned


class Definition(WorkspaceOwned):
    """Owns actions and executions. `revision` grows with each change of the actions."""

    revision = models.PositiveIntegerField(default=1)

    def __str__(self) -> str:
        return f"Definition {self.pk}, revision {self.revision}"


class Action(models.Model):
    """One step of a tree. `parent_branch` is the label of the parent's branch it stands under."""

    definition = models.ForeignKey(Definition, models.CASCADE, related_name="actions")
    action_key = models.CharField(max_length=100)
    action_type = models.CharField(max_length=40)
    parent = models.ForeignKey("self", models.CASCADE, null=True, related_name="children")
    parent_branch = models.CharField(max_length=40, blank=True)
    position = models.PositiveIntegerField(help_text="In the order of the definition's list.")
    content = models.TextField(blank=True)
    options = models.JSONField(default=dict)
    media_file = models.ForeignKey(
        "media_library.MediaFile", models.PROTECT, null=True, related_name="actions"
    )

    class Meta:
        ordering: ClassVar = ["position"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["definition", "action_key"], name="action_key_once"),
            models.UniqueConstraint(
                fields=["parent", "parent_branch"],
                condition=Q(parent__isnull=False),
                name="action_one_child_per_branch",
            ),
            models.UniqueConstraint(
                fields=["definition"], condition=Q(parent__isnull=True), name="action_one_root"
            ),
        ]

    def __str__(self) -> str:
        return self.action_key
