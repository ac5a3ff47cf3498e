"""The page of one file: what it is, where it goes out, what uses it; changing and replacing it."""

from typing import Any

from django.contrib import messages
from django.contrib.admin.widgets import AdminTextareaWidget
from django.core.exceptions import PermissionDenied
from django.db.models import ForeignKey, TextField
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_GET, require_POST

from inro.accounts.live import Live, answer_live, render_part
from inro.accounts.models import AuditEntry
from inro.accounts.workspace_admin import WorkspaceAdmin
from inro.common.badges import Tone
from inro.common.errors import Refused
from media_library.cards import Card, cards_of, facts_of, is_picture, played_path, preview_of
from media_library.changing import change_media_file, locked
from media_library.deleting import delete_media_file
from media_library.folders import hold_folder
from media_library.forms import LARGEST_ID, ReplaceForm, UploadForm, said_of
from media_library.models import MediaFile, MediaStatus, Rendition, RenditionStatus
from media_library.ordering import order_failed_again
from media_library.orders import rows_for
from media_library.recipes import RECIPES
from media_library.serving import url_of
from media_library.usages import usages_of

_PAGE = "admin:media_library_mediafile_change"
_PARTS = "admin/media_library/mediafile"


class FileAdmin(WorkspaceAdmin):
    change_form_template = f"{_PARTS}/change_form.html"
    formfield_overrides = {TextField: {"widget": AdminTextareaWidget(attrs={"rows": 3})}}
    texts = ("name", "caption", "description")

    def get_urls(self) -> list[URLPattern]:
        return [
            path(
                f"<int:pk>/{name}/",
                self.admin_site.admin_view(view),
                name=f"media_library_mediafile_{name}",
            )
            for name, view in (
                ("about", require_GET(self.about_view)),
                ("ways", require_GET(self.ways_view)),
                ("replace", require_POST(self.replace_view)),
                ("again", require_POST(self.again_view)),
            )
        ] + super().get_urls()

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        if obj is None:
            kwargs |= {"form": UploadForm, "fields": ("workspace", *self.texts)}
        form = self._without_links(super().get_form(request, obj, change, **kwargs))
        for field in form.base_fields.values() if obj else ():
            # What was typed is told by what was shown: a download names its file meanwhile.
            field.show_hidden_initial = True
        return form

    @staticmethod
    def _without_links(form: Any) -> Any:
        """Folders have pages of their own."""
        if "folder" in form.base_fields:
            form.base_fields["folder"].widget = form.base_fields["folder"].widget.widget
        return form

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return (*self.texts, "folder") if obj else ("workspace", "file", *self.texts)

    def formfield_for_foreignkey(
        self, db_field: ForeignKey, request: HttpRequest, **kwargs: Any
    ) -> Any:
        """The folders of the file's own workspace."""
        field = super().formfield_for_foreignkey(db_field, request, **kwargs)
        match = request.resolver_match
        pk = match.kwargs.get("object_id", "") if match else ""
        if db_field.name == "folder" and pk.isdigit():
            own = MediaFile.objects.filter(pk=pk).values("workspace")
            field.queryset = field.queryset.filter(workspace__in=own).with_parents()
            field.label_from_instance = lambda folder: " / ".join(folder.path)
        return field

    def save_model(self, request: HttpRequest, obj: MediaFile, form: Any, change: bool) -> None:
        # A new one was stored while the form was judged: only then is it known to be acceptable.
        if change:
            hold_folder(obj.workspace, obj.folder_id)
            current = locked(obj)
            if current is None:
                raise Http404
            typed = {"folder_id" if name == "folder" else name for name in form.changed_data}
            values = {name: getattr(obj, name) for name in typed}
            change_media_file(current, values, request.user)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        media_file = self.get_object(request, object_id)
        about = self._whole(request, media_file) if media_file else {}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **about})

    def _whole(self, request: HttpRequest, media_file: MediaFile) -> dict[str, Any]:
        return {
            "title": str(media_file),
            "subtitle": None,
            "media_file": media_file,
            "usages": usages_of([media_file.pk]).get(media_file.pk, []),
            "about": self._about(request, media_file),
            "ways": self._ways(request, media_file),
            "show_save_and_add_another": False,
        }

    def about_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The preview and the facts, until they are there."""
        return answer_live(request, self._about(request, self._mine(request, pk)))

    def ways_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """How it goes out, for as long as something is being made of it."""
        return answer_live(request, self._ways(request, self._mine(request, pk)))

    def replace_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Other bytes for the file; refused, it stays as it was."""
        media_file = self._mine(request, pk)
        form = ReplaceForm(request.POST, request.FILES)
        if not form.is_valid():
            said = " ".join(str(each) for found in form.errors.values() for each in found)
            self.message_user(request, said, messages.ERROR)
            return redirect(_PAGE, pk)

        def note(current: MediaFile) -> None:
            AuditEntry.record(
                current.workspace, request.user, "media file replaced", current, id=pk
            )

        try:
            form.replace(media_file, note)
        except Refused as refused:
            said = f"Not replaced: {said_of(refused)}"
            self.message_user(request, said, messages.ERROR)
        else:
            self.message_user(request, "The file is replaced.", messages.SUCCESS)
        return redirect(_PAGE, pk)

    def again_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Try once more to make what could not be made of the file."""
        media_file = self._mine(request, pk)
        count = order_failed_again(media_file.blob) if media_file.blob else 0
        if count:
            self.message_user(request, "It is tried again.", messages.SUCCESS)
        else:
            self.message_user(request, "Nothing of it has failed.", messages.INFO)
        return redirect(_PAGE, pk)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """The files, each with what uses it: that fails without them."""
        files = list(objs)
        usages = usages_of([each.pk for each in files])
        said: list[Any] = []
        for each in files:
            titles = [f"used in: {usage.title}" for usage in usages.get(each.pk, [])]
            said += [str(each), titles] if titles else [str(each)]
        return said, {"media files": len(files)}, set(), []

    def delete_model(self, request: HttpRequest, obj: MediaFile) -> None:
        try:
            delete_media_file(obj)
        except Refused as refused:
            raise Http404 from refused
        AuditEntry.record(obj.workspace, request.user, "media file deleted", obj, id=obj.pk)

    def _mine(self, request: HttpRequest, pk: int) -> MediaFile:
        if not self.has_view_permission(request):
            raise PermissionDenied
        if pk > LARGEST_ID:
            raise Http404
        mine = self.get_queryset(request).select_related("workspace", "blob", "folder")
        media_file: MediaFile = get_object_or_404(mine, pk=pk)
        return media_file

    @staticmethod
    def _about(request: HttpRequest, media_file: MediaFile) -> Live:
        is_ready = media_file.status == MediaStatus.READY
        context = {
            "media_file": media_file,
            "facts": list(facts_of(media_file)),
            "is_picture": is_picture(media_file),
            "picture": preview_of(media_file),
            "path": played_path(media_file) if is_ready else "",
            "url": url_of(media_file) if is_ready else "",
            "preview": f"{_PARTS}/previews/{media_file.media_type}.html",
        }
        html = render_part(request, f"{_PARTS}/about.html", context)
        pending = media_file.status == MediaStatus.PENDING
        says = "" if pending else f"{media_file}: {media_file.status}"
        return Live("about", html, _part("about", media_file) if pending else "", 3, says)

    @staticmethod
    def _ways(request: HttpRequest, media_file: MediaFile) -> Live:
        [card] = cards_of([media_file])
        made = renditions_of(media_file)
        context = {
            "media_file": media_file,
            "card": card,
            "renditions": made,
            "has_failed": any(row.status == RenditionStatus.FAILED for _, row in made),
        }
        html = render_part(request, f"{_PARTS}/ways.html", context)
        address = _part("ways", media_file) if card.is_busy else ""
        return Live("ways", html, address, 3, _summary(card))


def renditions_of(media_file: MediaFile) -> list[tuple[str, Rendition]]:
    """What is made of its bytes, each with what people call it."""
    rows = Rendition.objects.filter(source=media_file.blob_id).select_related("blob")
    blob = media_file.blob
    waiting = rows_for(blob, media_file.media_type) if blob and blob.unordered else []
    by_recipe = {row.recipe: row for row in (*waiting, *rows)}
    found = [(recipe.noun, by_recipe.get(recipe.name)) for recipe in RECIPES]
    return [(noun, row) for noun, row in found if row is not None]


def _part(name: str, media_file: MediaFile) -> str:
    return reverse(f"admin:media_library_mediafile_{name}", args=[media_file.pk])


def _summary(card: Card) -> str:
    """What a screen reader says once nothing is being made any more."""
    return (
        "" if any(way.tone == Tone.BUSY for way in card.ways) else "All that can be made is made."
    )
