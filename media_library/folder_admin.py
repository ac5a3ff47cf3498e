"""The admin's pages of folders."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from inro.accounts.models import AuditEntry
from inro.accounts.workspace_admin import WorkspaceAdmin
from inro.common.errors import Refused
from inro.common.folding import fold
from media_library import naming
from media_library.folders import change_folder, create_folder, delete_folder, hold_tree
from media_library.models import MediaFolder


class MediaFolderForm(forms.ModelForm):
    """Makes or changes the folder while it is judged: only then is it known to be acceptable."""

    class Meta:
        model = MediaFolder
        fields = ("workspace", "parent", "name")

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        if not self.errors:
            try:
                self.stored = self._stored()
            except Refused as refused:
                for path, found in refused.details.items():
                    self.add_error({"parent_id": "parent"}.get(path, path), found)
        return cleaned

    def _stored(self) -> MediaFolder:
        data, folder = self.cleaned_data, self.instance
        parent_id = data["parent"].pk if data["parent"] else None
        name = naming.clean(data["name"])
        if not folder.pk:
            return create_folder(data["workspace"], name, parent_id)
        hold_tree(folder.workspace)
        current = MediaFolder.objects.get(pk=folder.pk)
        change_folder(current, {"name": name, "parent_id": parent_id})
        return current

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        if hasattr(self, "stored"):
            self.instance = self.stored

    def save(self, commit: bool = True) -> MediaFolder:
        return self.stored

    def save_m2m(self) -> None:
        return


@admin.register(MediaFolder)
class MediaFolderAdmin(WorkspaceAdmin):
    form = MediaFolderForm
    list_display = ("name", "inside", "file_count", "workspace")
    search_fields = ("name",)
    list_select_related = ("workspace",)
    nothing_yet = "No folders yet. Make one, and put files into it on their pages."

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        folders: Any = super().get_queryset(request)
        found: QuerySet = folders.in_full()
        return found

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("workspace",) if obj else ()

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet, search_term: str
    ) -> tuple[QuerySet, bool]:
        return queryset.filter(name_folded__contains=fold(search_term)), False

    def get_actions(self, request: HttpRequest) -> Any:
        """Each by itself: what is in it goes somewhere."""
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    def save_model(self, request: HttpRequest, obj: MediaFolder, form: Any, change: bool) -> None:
        done = "media folder changed" if change else "media folder made"
        AuditEntry.record(obj.workspace, request.user, done, obj, id=obj.pk)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """What is in it stays: see `delete_folder`."""
        said = [f"{each} – its files and folders move to where it stands" for each in objs]
        return said, {}, set(), []

    def delete_model(self, request: HttpRequest, obj: MediaFolder) -> None:
        hold_tree(obj.workspace)
        current = MediaFolder.objects.get(pk=obj.pk)
        AuditEntry.record(obj.workspace, request.user, "media folder removed", obj, id=obj.pk)
        delete_folder(current)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        try:
            return super().delete_view(request, object_id, extra_context)
        except Refused as refused:
            said = [
                refused.message,
                *(each for found in refused.details.values() for each in found),
            ]
            self.message_user(request, " ".join(said), messages.ERROR)
            return redirect(reverse("admin:media_library_mediafolder_change", args=[object_id]))

    @admin.display(description="In")
    def inside(self, folder: MediaFolder) -> str:
        return " / ".join(folder.path[:-1])

    @admin.display(description="Files")
    def file_count(self, folder: MediaFolder) -> int:
        count: int = folder.file_count  # type: ignore[attr-defined]
        return count
