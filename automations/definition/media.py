"""Fifth pass: the media files that actions name."""

from collections.abc import Collection, Mapping

from rest_framework.exceptions import ValidationError

from automations.definition.drafts import ActionDraft
from automations.definition.faults import Faults
from inro.accounts.models import Workspace
from inro.api.errors import flatten
from media_library.fields import MediaFileField
from media_library.gathering import reference_faults
from media_library.models import MediaFile, MediaStatus
from media_library.references import MediaReference

References = dict[str, MediaReference]
Files = Mapping[str, MediaFile]


def media_path(draft: ActionDraft) -> str:
    return f"{draft.path}.media_file"


def read_media(drafts: list[ActionDraft], faults: Faults) -> References:
    """The files that `drafts` name, by path."""
    field = MediaFileField()
    references = {}
    for draft in drafts:
        value, path = draft.inline("media_file"), media_path(draft)
        if value is None or (draft.type and "media_file" not in draft.type.inline):
            continue
        try:
            references[path] = field.run_validation(value)
        except ValidationError as error:
            faults.include(path, flatten(error.detail))
    return references


def check_media(
    workspace: Workspace,
    drafts: list[ActionDraft],
    references: References,
    faults: Faults,
    *,
    active: bool,
    kept: Collection[int] = (),
) -> None:
    """What can be told before anything is fetched; files `kept` may have been deleted."""
    faults.include_refusals(reference_faults(workspace, references, kept))
    ids = {each.id for each in references.values() if each.id is not None}
    found = MediaFile.objects.for_workspace(workspace).in_bulk(ids) if ids else {}
    files = {path: found[each.id] for path, each in references.items() if each.id in found}
    judge_files(drafts, files, faults, active=active)


def judge_files(drafts: list[ActionDraft], files: Files, faults: Faults, *, active: bool) -> None:
    """Whether each file is of a kind that its action sends, and can be sent at all if `active`."""
    for draft in drafts:
        path = media_path(draft)
        file = files.get(path)
        if file is None or draft.type is None:
            continue
        kinds = draft.type.media_kinds
        if file.media_type and file.media_type not in kinds:
            takes = " or ".join(sorted(kinds))
            faults.add(path, f"Is of the type {file.media_type}; this action takes {takes}.")
        if active and file.status == MediaStatus.FAILED:
            faults.add(path, "Could not be downloaded; nothing with it can be activated.")
