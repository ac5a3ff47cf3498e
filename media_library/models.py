"""The library's rows: blobs (bytes, once per workspace), media files (what people see), fetches."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from inro.common.claims import TaskRow
from inro.common.folding import fold
from inro.common.models import WorkspaceOwned, covered_workspace
from media_library.kinds import FileType, MediaKind, as_kind


class Blob(WorkspaceOwned):
    """Bytes in the storage, once per workspace and content, with the facts read from them."""

    workspace = covered_workspace()
    sha256 = models.CharField(max_length=64, editable=False)
    size = models.PositiveBigIntegerField(editable=False)
    mime_type = models.CharField(max_length=100, editable=False)
    # A name of its own, so that deleting old bytes can never hit new ones of the same content.
    storage_name = models.CharField(max_length=200, unique=True, editable=False)
    width = models.PositiveIntegerField(null=True, editable=False)
    height = models.PositiveIntegerField(null=True, editable=False)
    duration = models.FloatField(null=True, editable=False, help_text="Seconds.")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["workspace", "sha256"], name="blob_once_per_workspace")
        ]

    def __str__(self) -> str:
        return f"{self.mime_type}, {self.size:,} bytes"


class MediaStatus(models.TextChoices):
    PENDING = "pending"
    READY = "ready"
    FAILED = "failed"


class MediaFile(WorkspaceOwned):
    """A file of the library; `blob` is there from the moment it is ready."""

    workspace = covered_workspace()
    status = models.CharField(
        max_length=10, choices=MediaStatus.choices, default=MediaStatus.READY, editable=False
    )
    media_type = models.CharField(
        max_length=10, choices=MediaKind.choices, blank=True, editable=False
    )
    blob = models.ForeignKey(
        Blob, models.PROTECT, null=True, blank=True, editable=False, related_name="media_files"
    )
    name = models.CharField(max_length=255, blank=True)
    description = models.TextField(blank=True, max_length=2200)
    caption = models.TextField(blank=True, max_length=2200)
    source_url = models.CharField(max_length=2048, blank=True, editable=False)
    error_code = models.CharField(max_length=40, blank=True, editable=False)
    error_message = models.CharField(max_length=300, blank=True, editable=False)
    # Name and caption, folded by Python: databases do not agree on case and accents.
    search_text = models.TextField(blank=True, editable=False)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=~Q(status=MediaStatus.READY) | Q(blob__isnull=False),
                name="media_ready_has_blob",
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["workspace", "-id"], name="media_by_workspace"),
            models.Index(fields=["workspace", "media_type", "-id"], name="media_by_type"),
            models.Index(
                fields=["workspace", "-id"],
                name="media_unready",
                condition=Q(status__in=["pending", "failed"]),
            ),
        ]

    def __str__(self) -> str:
        return self.name or f"Media file {self.pk}"

    def fold_texts(self) -> None:
        """What `save` does before it writes."""
        self.search_text = fold(f"{self.name} {self.caption}")

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.fold_texts()
        fields = kwargs.get("update_fields")
        if fields is not None:
            kwargs["update_fields"] = {*fields, "search_text", "updated_at"}
        super().save(*args, **kwargs)

    @property
    def file_type(self) -> FileType | None:
        """What it is served as: bytes that two media files share may be sound to one of them."""
        return as_kind(self.blob.mime_type, self.media_type) if self.blob else None


class FetchStatus(models.TextChoices):
    QUEUED = "queued"
    RUNNING = "running"
    FETCHED = "fetched"
    FAILED = "failed"


class Fetch(WorkspaceOwned, TaskRow):
    """A download. While a request waits for it, it has no media file.

    The request that gives up waiting attaches a pending media file, under the row's lock; from
    then on the worker finishes that file. The row goes when its outcome has been handed over. A
    fetched or refused download whose request is gone is removed by the sweep, with bytes that
    nothing else refers to.
    """

    url = models.CharField(max_length=2048)
    status = models.CharField(
        max_length=10, choices=FetchStatus.choices, default=FetchStatus.QUEUED
    )
    attempts = models.PositiveSmallIntegerField(default=0)
    media_file = models.OneToOneField(MediaFile, models.CASCADE, null=True, related_name="fetch")
    blob = models.ForeignKey(Blob, models.PROTECT, null=True, related_name="fetches")
    media_type = models.CharField(max_length=10, choices=MediaKind.choices, blank=True)
    name = models.CharField(max_length=255, blank=True)
    error_code = models.CharField(max_length=40, blank=True)
    error_message = models.CharField(max_length=300, blank=True)

    class Meta:
        verbose_name_plural = "fetches"
        indexes: ClassVar = [
            models.Index(
                fields=["due_at"],
                name="fetch_due",
                condition=Q(status__in=["queued", "running"]),
            )
        ]

    def __str__(self) -> str:
        return f"Fetch {self.pk}"
