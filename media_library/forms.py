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
from media_library.ingest import ingest_upload, ingest_url
from media_library.models import MediaFile


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

    def __init__(self, workspaces: QuerySet[Workspace], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["workspace"].queryset = workspaces  # type: ignore[attr-defined]

    def bring(self) -> list[Brought]:
        """What became of each file, each by itself: one refusal costs the others nothing."""
        workspace = self.cleaned_data["workspace"]
        brought = [
            _brought(file.name or "file", partial(ingest_upload, workspace, file))
            for file in self.cleaned_data["file"]
        ]
        if url := self.cleaned_data["file_url"].strip():
            brought.append(_brought(url, partial(ingest_url, workspace, url)))
        return brought


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
        said = [message for found in refused.details.values() for message in found]
        return Brought(name, refusal=" ".join(said) or refused.message)
