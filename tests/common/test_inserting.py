"""Inserting by a statement that is made once."""

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from inro.accounts.models import Workspace
from inro.common.inserting import insert, insert_unless_there
from media_library.models import Blob, MediaFile


def blob_of(workspace: Workspace, number: int) -> Blob:
    return Blob(
        workspace=workspace,
        sha256=f"{number:064x}",
        size=number,
        mime_type="image/png",
        storage_name=f"blobs/{workspace.pk}/{number}",
        duration=1.5,
    )


def test_a_row_is_what_save_would_have_written(workspace: Workspace) -> None:
    row = blob_of(workspace, 1)
    with CaptureQueriesContext(connection) as queries:
        insert(row)
    assert len(queries) == 1
    stored = Blob.objects.get()
    for field in Blob._meta.concrete_fields:
        assert getattr(stored, field.attname) == getattr(row, field.attname), field.name
    row.mime_type = "image/gif"
    row.save()  # a row that exists by now
    assert Blob.objects.get().mime_type == "image/gif"


def test_a_row_that_is_there_is_left_alone(workspace: Workspace, stranger: Workspace) -> None:
    assert insert_unless_there(blob_of(workspace, 1), ("workspace", "sha256"))
    second = blob_of(workspace, 1)
    second.storage_name, second.size = "blobs/other", 7
    assert not insert_unless_there(second, ("workspace", "sha256"))
    assert insert_unless_there(blob_of(stranger, 1), ("workspace", "sha256"))
    assert list(Blob.objects.order_by("pk").values_list("workspace", "size")) == [
        (workspace.pk, 1),
        (stranger.pk, 1),
    ]


def test_other_constraints_still_hold(workspace: Workspace) -> None:
    insert(blob_of(workspace, 1))
    other = blob_of(workspace, 2)
    other.storage_name = blob_of(workspace, 1).storage_name
    with pytest.raises(IntegrityError), transaction.atomic():
        insert_unless_there(other, ("workspace", "sha256"))
    with pytest.raises(IntegrityError), transaction.atomic():
        insert(MediaFile(workspace=workspace, status="ready"))  # ready, and no bytes
    assert (Blob.objects.count(), MediaFile.objects.count()) == (1, 0)
