"""The admin's forms for new files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.db.models import QuerySet

from inro.accounts.models import Workspace
from inro.common.errors import Refused
from media_library import naming
from media_library.ingest import ingest_upload, ingest_url
from media_library.models import MediaFile
from media_library.replacing import Judge, replace_by_upload, replace_by_url

LARGEST_ID = 2**63 - 1


class UploadForm(forms.ModelForm):
    """Takes the file in through `ingest_upload`, whose refusal stands at the field."""

    file = forms.FileField(help_text="Its type is found in its bytes.")

    class Meta:
        model = MediaFile
        fields = ("workspace", "name", "caption", "description")

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        if self.errors:
            return cleaned
        data = self.cleaned_data
        texts = {name: data[name] for name in ("name", "caption", "description")}
        try:
            self.stored = ingest_upload(data["workspace"], data["file"], **texts)
        except Refused as refused:
            self.add_error("file", refused.message)
        return cleaned

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        if hasattr(self, "stored"):
            self.instance = self.stored

    def save(self, commit: bool = True) -> MediaFile:
        return self.stored

    def save_m2m(self) -> None:
        return


class SeveralFilesInput(forms.ClearableFileInput):
    allow_multiple_selected = True


class SeveralFilesField(forms.FileField):
    """Cleans to a list. Whether a file is acceptable is for the library to say."""

    widget = SeveralFilesInput(attrs={"multiple": True})

    def clean(self, data: Any, initial: Any = None) -> list[UploadedFile]:
        given = data if isinstance(data, list | tuple) else [data]
        return [each for each in given if each]


class BringForm(forms.Form):
    """Files, or the address of one, for the library of a workspace that one works in."""

    workspace = forms.ModelChoiceField(queryset=Workspace.objects.none(), empty_label=None)
    file = SeveralFilesField(required=False, label="Files")
    file_url = forms.CharField(required=False, label="Address of a file", max_length=2048)
    folder_id = forms.IntegerField(required=False, min_value=1, max_value=LARGEST_ID)

    def __init__(self, workspaces: QuerySet[Workspace], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["workspace"].queryset = workspaces  # type: ignore[attr-defined]

    def bring(self) -> list[Brought]:
        """What became of each file, each by itself: one refusal costs the others nothing."""
        workspace, folder_id = self.cleaned_data["workspace"], self.cleaned_data["folder_id"]
        upload = partial(ingest_upload, workspace, folder_id=folder_id)
        brought = [
            _brought(file.name or "file", partial(upload, file))
            for file in self.cleaned_data["file"]
        ]
        if url := self.cleaned_data["file_url"].strip():
            fetch = partial(ingest_url, workspace, url, folder_id=folder_id)
            brought.append(_brought(url, fetch))
        return brought


class FolderForm(forms.Form):
    """A new folder, in one or at the top."""

    workspace = forms.ModelChoiceField(queryset=Workspace.objects.none(), empty_label=None)
    name = forms.CharField(max_length=100)
    parent_id = forms.IntegerField(required=False, min_value=1, max_value=LARGEST_ID)

    def __init__(self, workspaces: QuerySet[Workspace], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["workspace"].queryset = workspaces  # type: ignore[attr-defined]

    def clean_name(self) -> str:
        name = naming.clean(self.cleaned_data["name"])
        if not name:
            raise forms.ValidationError("Give the folder a name.")
        return name


class ReplaceForm(forms.Form):
    """Other bytes for a file: a file, or the address of one."""

    file = forms.FileField(required=False, allow_empty_file=True)
    file_url = forms.CharField(required=False, max_length=2048)

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        has_file = self.cleaned_data.get("file") is not None
        if has_file == bool(self.cleaned_data.get("file_url")):
            raise forms.ValidationError("Choose a file, or give the address of one.")
        return cleaned

    def replace(self, media_file: MediaFile, judge: Judge) -> MediaFile:
        """Raises Refused, and the file is as it was."""
        file, url = self.cleaned_data["file"], self.cleaned_data["file_url"]
        if file is not None:
            return replace_by_upload(media_file, file, judge)
        return replace_by_url(media_file, url, judge)


@dataclass(frozen=True)
class Brought:
    """A file that was brought: what came of it, or why it was refused."""

    name: str
    media_file: MediaFile | None = None
    refusal: str = ""


def _brought(name: str, ingest: Callable[[], MediaFile]) -> Brought:
    try:
        return Brought(name, ingest())
    except Refused as refused:
        return Brought(name, refusal=said_of(refused))


def said_of(refused: Refused) -> str:
    said = [message for found in refused.details.values() for message in found]
    return " ".join(said) or refused.message


def unread(form: forms.Form) -> list[Brought]:
    """Why nothing at all was brought."""
    return [
        Brought(str(form.fields[name].label or name), refusal=" ".join(map(str, found)))
        for name, found in form.errors.items()
    ]
