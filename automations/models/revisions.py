from typing import ClassVar

from django.db import models

from inro.common.models import WorkspaceOwned


class Revision(WorkspaceOwned):
    """What a scenario was like after one change of it, and who made the change."""

    # Of one scenario; older ones are let go of as new ones come.
    KEPT = 200

    definition = models.ForeignKey(
        "automations.Definition", models.CASCADE, related_name="revisions"
    )
    number = models.PositiveIntegerField(help_text="Counts the changes of one scenario.")
    actor = models.CharField(max_length=200, blank=True)
    restored_from = models.PositiveIntegerField(null=True)
    # As `revisions.snapshot` and `differences` make them.
    snapshot = models.JSONField()
    changes = models.JSONField(default=list)

    class Meta:
        ordering: ClassVar = ["-number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["definition", "number"], name="revision_once")
        ]

    def __str__(self) -> str:
        return f"Revision {self.number}"
