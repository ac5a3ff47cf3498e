"""The admin's form for a new file."""

from typing import Any

from django import forms

from inro.common.errors import Refused
from media_library.ingest import ingest_upload
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
