"""The admin's pages of the library: a wall of files to bring things to, and a page for each."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.contrib.admin.widgets import AdminTextareaWidget
from django.core.exceptions import PermissionDenied
from django.db.models import ForeignKey, QuerySet, TextField
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.views.decorators.http import require_POST

from inro.accounts.models import AuditEntry, Workspace
from inro.accounts.workspace_admin import WorkspaceAdmin
from inro.common.folding import fold
from media_library.changing import change_media_file, locked
from media_library.deleting import delete_media_file
from media_library.folders import hold_folder
from media_library.forms import BringForm, Brought, UploadForm
from media_library.models import MediaFile, MediaStatus
from media_library.serving import path_of, url_of
from media_library.usages import Usage, usages_of

# Images that every browser shows; of larger ones a wall would take too long.
SHOWN_AS_IS = {"image/jpeg", "image/png", "image/gif", "image/webp"}
MOST_SHOWN_BYTES = 2 * 1024 * 1024


@dataclass(frozen=True)
class Card:
    """A file on the wall."""

    media_file: MediaFile
    path: str
    is_picture: bool
    usages: list[Usage]


@admin.register(MediaFile)
class MediaFileAdmin(WorkspaceAdmin):
    change_list_template = "admin/media_library/mediafile/change_list.html"
    change_form_template = "admin/media_library/mediafile/change_form.html"
    list_filter = ("media_type", "status")
    search_fields = ("name", "caption")
    list_select_related = ("workspace", "blob")
    list_per_page = 48
    formfield_overrides = {TextField: {"widget": AdminTextareaWidget(attrs={"rows": 3})}}
    texts = ("name", "caption", "description")

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        if obj is None:
            kwargs |= {"form": UploadForm, "fields": ("workspace", *self.texts)}
        return self._without_links(super().get_form(request, obj, change, **kwargs))

    @staticmethod
    def _without_links(form: Any) -> Any:
        """Folders have pages of their own."""
        if "folder" in form.base_fields:
            form.base_fields["folder"].widget = form.base_fields["folder"].widget.widget
        return form

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return (*self.texts, "folder") if obj else ("workspace", "file", *self.texts)

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        files: Any = super().get_queryset(request)
        found: QuerySet = files.undeleted()
        return found

    def formfield_for_foreignkey(
        self, db_field: ForeignKey, request: HttpRequest, **kwargs: Any
    ) -> Any:
        """The folders of the file's own workspace."""
        field = super().formfield_for_foreignkey(db_field, request, **kwargs)
        match = request.resolver_match
        pk = match.kwargs.get("object_id", "") if match else ""
        if db_field.name == "folder" and pk.isdigit():
            own = MediaFile.objects.filter(pk=pk).values("workspace")
            field.queryset = field.queryset.filter(workspace__in=own)
        return field

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet, search_term: str
    ) -> tuple[QuerySet, bool]:
        return queryset.filter(search_text__contains=fold(search_term)), False

    def save_model(self, request: HttpRequest, obj: MediaFile, form: Any, change: bool) -> None:
        # A new one was stored while the form was judged: only then is it known to be acceptable.
        if change:
            hold_folder(obj.workspace, obj.folder_id)
            current = locked(obj)
            if current is None:
                raise Http404
            typed = {"folder_id" if name == "folder" else name for name in form.changed_data}
            change_media_file(current, {name: getattr(obj, name) for name in typed})

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
        AuditEntry.record(obj.workspace, request.user, "media file deleted", obj, id=obj.pk)
        delete_media_file(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet) -> None:
        for each in queryset.order_by("pk"):
            self.delete_model(request, each)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(require_POST(self.upload_view))
        own = path("upload/", view, name="media_library_mediafile_upload")
        return [own, *super().get_urls()]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        response = super().changelist_view(request, extra_context)
        context = getattr(response, "context_data", None) or {}
        if "cl" in context:
            context |= {
                "title": "Media library",
                "subtitle": None,
                "cards": cards_of(list(context["cl"].result_list)),
                "chips": _chips(context["cl"]),
                "bring": BringForm(self._workspaces(request)),
                "max_bytes": settings.MEDIA_MAX_BYTES,
            }
            response.context_data = context  # type: ignore[attr-defined]
        return response

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        media_file = self.get_object(request, object_id)
        about = _about(media_file) if media_file else {}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **about})

    def upload_view(self, request: HttpRequest) -> HttpResponse:
        """Take files in, or one by its URL. With `fragment` the answer is what became of each."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = BringForm(self._workspaces(request), request.POST, request.FILES)
        brought = form.bring() if form.is_valid() else _unread(form)
        if "fragment" in request.POST:
            template = "admin/media_library/mediafile/brought.html"
            return TemplateResponse(request, template, {"brought": brought})
        for each in brought:
            done = f"{each.name}: {each.refusal}" if each.refusal else f"{each.name} is here."
            self.message_user(request, done, messages.ERROR if each.refusal else messages.SUCCESS)
        return redirect("admin:media_library_mediafile_changelist")

    @staticmethod
    def _workspaces(request: HttpRequest) -> QuerySet[Workspace]:
        return Workspace.objects.for_user(request.user)


def cards_of(media_files: list[MediaFile]) -> list[Card]:
    usages = usages_of([each.pk for each in media_files])
    return [
        Card(
            each,
            path_of(each) if each.blob else "",
            is_picture=_is_picture(each) and bool(each.blob and each.blob.size <= MOST_SHOWN_BYTES),
            usages=usages.get(each.pk, []),
        )
        for each in media_files
    ]


def _about(media_file: MediaFile) -> dict[str, Any]:
    is_ready = media_file.status == MediaStatus.READY
    return {
        "title": str(media_file),
        "subtitle": None,
        "media_file": media_file,
        "usages": usages_of([media_file.pk]).get(media_file.pk, []),
        "is_picture": _is_picture(media_file),
        "path": path_of(media_file) if is_ready else "",
        "url": url_of(media_file) if is_ready else "",
        "preview": f"admin/media_library/mediafile/previews/{media_file.media_type}.html",
    }


def _is_picture(media_file: MediaFile) -> bool:
    return bool(media_file.blob and media_file.blob.mime_type in SHOWN_AS_IS)


def _chips(cl: ChangeList) -> list[tuple[str, list[Any]]]:
    return [(str(spec.title), list(spec.choices(cl))) for spec in cl.filter_specs]


def _unread(form: BringForm) -> list[Brought]:
    return [
        Brought(str(form.fields[name].label or name), refusal=" ".join(map(str, found)))
        for name, found in form.errors.items()
    ]
