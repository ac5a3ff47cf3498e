"""The library's rows.

Blobs are bytes, once per workspace; media files are what people see of them; folders hold media
files; fetches bring bytes, and renditions are other forms of them.
"""

from collections.abc import Iterable
from typing import Any, ClassVar, Self

from django.db import models
from django.db.models import Count, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce

from inro.common.claims import TaskRow
from inro.common.folding import fold
from inro.common.models import WorkspaceOwned, WorkspaceQuerySet, covered_workspace
from media_library import naming
from media_library.kinds import FileType, MediaKind, as_kind


class Examination(models.TextChoices):
    DUE = "due"
    DONE = "done"
    REFUSED = "refused"
    MISSING = "missing"


class Blob(WorkspaceOwned):
    """Bytes in the storage, once per workspace and content, with the facts read from them."""

    workspace = covered_workspace()
    sha256 = models.CharField(max_length=64, editable=False)
    size = models.PositiveBigIntegerField(editable=False)
    mime_type = models.CharField(max_length=100, editable=False)
    # A name of its own, so that deleting old bytes can never hit new ones of the same content.
    storage_name = models.CharField(max_length=200, editable=False)
    width = models.PositiveIntegerField(null=True, editable=False)
    height = models.PositiveIntegerField(null=True, editable=False)
    duration = models.FloatField(null=True, editable=False, help_text="Seconds.")
    # What else its bytes tell: see `media_library.sniffing.facts.Details`.
    details = models.JSONField(default=dict, editable=False)
    # What has become of each of its renditions, as lists show it: see `media_library.renditions`.
    made = models.JSONField(default=dict, editable=False)
    # Whether a worker has yet to order renditions for the files that name it.
    unordered = models.BooleanField(default=False, db_default=False, editable=False)
    # Whether its facts, and that nobody is given away, are known by today's rules. What an older
    # version stores is due: a migration that changes the rules makes due again what they concern.
    examined = models.CharField(
        max_length=10,
        choices=Examination.choices,
        default=Examination.DUE,
        db_default=Examination.DUE.value,
        editable=False,
    )
    # How often somebody began to look at it, and neither came to an end nor failed.
    examinations_lost = models.PositiveSmallIntegerField(default=0, db_default=0, editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["workspace", "sha256"], name="blob_once_per_workspace"),
            models.UniqueConstraint(fields=["storage_name"], name="blob_storage_name"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["id"], name="blob_unordered", condition=Q(unordered=True)),
            models.Index(
                fields=["examined", "id"],
                name="blob_unexamined",
                condition=Q(examined__in=["due", "refused", "missing"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.mime_type}, {self.size:,} bytes"


class MediaStatus(models.TextChoices):
    PENDING = "pending"
    READY = "ready"
    FAILED = "failed"
    DELETED = "deleted"


# A path of folders in one query is as many joins.
MAX_FOLDER_DEPTH = 10


class MediaFolderQuerySet(WorkspaceQuerySet):
    def in_full(self) -> Self:
        """With `file_count`, and all parents at hand, in one query however many there are."""
        inside = MediaFile.objects.undeleted().filter(folder=OuterRef("pk")).order_by()
        counted = inside.values("folder").annotate(count=Count("pk")).values("count")
        return self.with_parents().annotate(file_count=Coalesce(Subquery(counted), 0))

    def with_parents(self) -> Self:
        """All of them at hand, so that `path` looks nothing up."""
        return self.select_related("__".join(["parent"] * (MAX_FOLDER_DEPTH - 1)))


class MediaFolder(WorkspaceOwned):
    """A name for files to be found under; folders nest."""

    workspace = covered_workspace()
    parent = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="children"
    )
    name = models.CharField(max_length=100)
    # Folded by Python: databases do not agree on case and accents.
    name_folded = models.CharField(max_length=400, editable=False)

    objects: ClassVar = MediaFolderQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["name_folded", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["workspace", "parent", "name_folded"], name="folder_once_per_parent"
            ),
            models.UniqueConstraint(
                fields=["workspace", "name_folded"],
                condition=Q(parent__isnull=True),
                name="folder_once_at_the_top",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @staticmethod
    def folded(name: str) -> str:
        """What two names of one parent must not share."""
        return fold(name)[:400]

    @property
    def path(self) -> list[str]:
        """The names from the top down, this one's last; parents not at hand are looked up."""
        above: list[str] = self.parent.path if self.parent else []
        return [*above, self.name]

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.name_folded = self.folded(self.name)
        fields = kwargs.get("update_fields")
        if fields is not None:
            kwargs["update_fields"] = {*fields, "name_folded", "updated_at"}
        super().save(*args, **kwargs)


class MediaFileQuerySet(WorkspaceQuerySet):
    def undeleted(self) -> Self:
        """What people see of the library."""
        return self.exclude(status=MediaStatus.DELETED)

    def by_folder(self, folders: Iterable[MediaFolder]) -> dict[int, int]:
        """How many are in each of `folders`, where there are any; the deleted are in none."""
        inside = self.filter(folder__in=[each.pk for each in folders]).order_by()
        return dict(inside.values_list("folder").annotate(Count("pk")))


class MediaFile(WorkspaceOwned):
    """A file of the library; `blob` is there from the moment it is ready, until it is deleted.

    A deleted one stays as a row without bytes, so that what still names it can say what happened.
    """

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
    folder = models.ForeignKey(
        MediaFolder,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="media_files",
        db_index=False,
    )
    name = models.CharField(max_length=255, blank=True)
    description = models.TextField(blank=True, max_length=2200)
    caption = models.TextField(blank=True, max_length=2200)
    source_url = models.CharField(max_length=2048, blank=True, editable=False)
    error_code = models.CharField(max_length=40, blank=True, editable=False)
    error_message = models.CharField(max_length=300, blank=True, editable=False)
    # Name and caption, folded by Python: databases do not agree on case and accents.
    search_text = models.TextField(blank=True, editable=False)
    # Whether an upload found it here instead of making it.
    was_here = False

    objects: ClassVar = MediaFileQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=~Q(status=MediaStatus.READY) | Q(blob__isnull=False),
                name="media_ready_has_blob",
            ),
            models.CheckConstraint(
                condition=~Q(status=MediaStatus.DELETED) | Q(blob=None, folder=None),
                name="media_deleted_is_bare",
            ),
        ]
        # The status comes last, so that the deleted are left out without reading their rows.
        indexes: ClassVar = [
            models.Index(fields=["workspace", "-id", "status"], name="media_by_workspace"),
            models.Index(fields=["workspace", "media_type", "-id", "status"], name="media_by_type"),
            models.Index(fields=["folder", "-id"], name="media_by_folder"),
            models.Index(
                fields=["workspace", "-id"],
                name="media_unready",
                condition=Q(status__in=["pending", "failed"]),
            ),
        ]

    def __str__(self) -> str:
        return self.name or naming.of_address(self.source_url) or self.kept_name

    @property
    def kept_name(self) -> str:
        """What may outlive it: an address may be all that it takes to get a file."""
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
    # Whether bytes that the library has already are a failure.
    refuse_duplicate = models.BooleanField(default=False, db_default=False)
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


class RenditionStatus(models.TextChoices):
    QUEUED = "queued"
    RUNNING = "running"
    READY = "ready"
    FAILED = "failed"


class Rendition(WorkspaceOwned, TaskRow):
    """Bytes in another form: for a channel that does not take them as they are, or to look at.

    `recipe` says which form (`media_library.renditions`). There is one row of each for the bytes,
    however many media files share them.
    """

    source = models.ForeignKey(Blob, models.CASCADE, related_name="renditions", db_index=False)
    recipe = models.CharField(max_length=40)
    status = models.CharField(
        max_length=10, choices=RenditionStatus.choices, default=RenditionStatus.QUEUED
    )
    progress = models.PositiveSmallIntegerField(default=0, help_text="Percent.")
    attempts = models.PositiveSmallIntegerField(default=0)
    blob = models.ForeignKey(Blob, models.PROTECT, null=True, related_name="made_from")
    error_code = models.CharField(max_length=60, blank=True)
    error_message = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["source", "recipe"], name="rendition_once"),
            models.CheckConstraint(
                condition=~Q(status="ready") | Q(blob__isnull=False),
                name="rendition_ready_has_blob",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["due_at"],
                name="rendition_due",
                condition=Q(status__in=["queued", "running"]),
            )
        ]

    def __str__(self) -> str:
        return f"{self.recipe} of blob {self.source_id}"
