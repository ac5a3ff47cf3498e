"""The wall: the library's files as cards, brought here, sorted into folders, moved and deleted."""

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_GET, require_POST

from inro.accounts.models import AuditEntry, Workspace
from inro.accounts.workspace_admin import WorkspaceAdmin, scoped
from inro.common.errors import Refused
from inro.common.folding import fold
from media_library.cards import cards_of
from media_library.changing import move_media_files
from media_library.folders import create_folder
from media_library.forms import BringForm, Brought, FolderForm, said_of, unread
from media_library.models import MediaFile, MediaFolder, MediaStatus
from media_library.wall_filters import FolderFilter, StatusFilter, chips_of

_WALL = "admin:media_library_mediafile_changelist"
# What one page names of them; whoever has more finds them by search.
MOST_FOLDERS = 500
_MOST_ASKED = 200


class WallAdmin(WorkspaceAdmin):
    change_list_template = "admin/media_library/mediafile/change_list.html"
    list_filter = ("media_type", ("status", StatusFilter), FolderFilter)
    search_fields = ("name", "caption")
    list_select_related = ("workspace", "blob")
    list_per_page = 48
    actions = ("move_selected",)

    def get_urls(self) -> list[URLPattern]:
        return [
            path(
                f"{name}/",
                self.admin_site.admin_view(view),
                name=f"media_library_mediafile_{name}",
            )
            for name, view in (
                ("upload", require_POST(self.upload_view)),
                ("folder", require_POST(self.folder_view)),
                ("cards", require_GET(self.cards_view)),
            )
        ] + super().get_urls()

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        files: Any = super().get_queryset(request)
        found: QuerySet = files.undeleted()
        return found

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet, search_term: str
    ) -> tuple[QuerySet, bool]:
        return queryset.filter(search_text__contains=fold(search_term)), False

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        response = super().changelist_view(request, extra_context)
        context = getattr(response, "context_data", None) or {}
        if "cl" in context:
            context |= {"title": "Media library", "subtitle": None, **self._wall(request, context)}
            response.context_data = context  # type: ignore[attr-defined]
        return response

    def _wall(self, request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
        cl: ChangeList = context["cl"]
        here = self._here(request)
        asked = bool(cl.query or set(cl.get_filters_params()) - {FolderFilter.parameter_name})
        in_none = request.GET.get(FolderFilter.parameter_name) == "null"
        folders: Any = self._folders(request)
        inside = [] if asked or in_none or cl.page_num > 1 else folders.filter(parent=here)
        cards = cards_of(list(cl.result_list))
        return {
            "cards": cards,
            "busy": [card for card in cards if card.is_busy],
            "chips": chips_of(cl),
            "asked": asked,
            "here": here,
            "above": _above(here),
            "in_none": in_none,
            "folders": _counted(inside[:MOST_FOLDERS]),
            "places": sorted(folders.with_parents()[:MOST_FOLDERS], key=lambda each: each.path),
            "bring": BringForm(self._workspaces(request)),
            "workspaces": list(self._workspaces(request)),
            "max_bytes": settings.MEDIA_MAX_BYTES,
        }

    def upload_view(self, request: HttpRequest) -> HttpResponse:
        """Take files in, or one by its URL. With `fragment` the answer is what became of each."""
        self._check_may_add(request)
        form = BringForm(self._workspaces(request), request.POST, request.FILES)
        brought = form.bring() if form.is_valid() else unread(form)
        if "fragment" in request.POST:
            template = "admin/media_library/mediafile/brought.html"
            return TemplateResponse(request, template, {"brought": brought})
        for each in brought or [Brought("", refusal="Choose a file, or give the address of one.")]:
            self._tell(request, each)
        return redirect(wall_of(form.cleaned_data.get("folder_id")))

    def _tell(self, request: HttpRequest, brought: Brought) -> None:
        if brought.refusal:
            said, level = ": ".join(filter(None, (brought.name, brought.refusal))), messages.ERROR
        else:
            waits = brought.media_file and brought.media_file.status == MediaStatus.PENDING
            said = f"{brought.name} {'is being downloaded' if waits else 'is here'}."
            level = messages.SUCCESS
        self.message_user(request, said, level)

    def folder_view(self, request: HttpRequest) -> HttpResponse:
        """A new folder, where one is; the answer leads into it."""
        self._check_may_add(request)
        form = FolderForm(self._workspaces(request), request.POST)
        parent_id = form["parent_id"].value() or None
        if not form.is_valid():
            self.message_user(request, "Give the folder a name.", messages.ERROR)
            return redirect(wall_of(parent_id if str(parent_id).isdecimal() else None))
        data = form.cleaned_data
        try:
            with transaction.atomic():
                folder = create_folder(data["workspace"], data["name"], data["parent_id"])
                AuditEntry.record(
                    folder.workspace, request.user, "media folder made", folder, id=folder.pk
                )
        except Refused as refused:
            self.message_user(request, said_of(refused), messages.ERROR)
            return redirect(wall_of(data["parent_id"]))
        return redirect(wall_of(folder.pk))

    def cards_view(self, request: HttpRequest) -> HttpResponse:
        """Those of the `shown` cards (`id:digest`) that have changed; 204 when none has."""
        shown = dict(each.partition(":")[::2] for each in request.GET.get("shown", "").split(","))
        pks = [int(pk) for pk in shown if pk.isdecimal() and len(pk) < 19][:_MOST_ASKED]
        if not self.has_view_permission(request):
            raise PermissionDenied
        files = self.get_queryset(request).select_related(*self.list_select_related)
        cards = cards_of(list(files.filter(pk__in=pks)))
        changed = [card for card in cards if shown[str(card.media_file.pk)] != card.digest]
        if not changed:
            return HttpResponse(status=204)
        context = {"changed": changed, "busy": [card for card in cards if card.is_busy]}
        return TemplateResponse(request, "admin/media_library/mediafile/cards.html", context)

    @admin.action(description="Move to a folder", permissions=["change"])
    def move_selected(self, request: HttpRequest, queryset: QuerySet) -> None:
        """Each workspace's own files into its folder, or all out of theirs."""
        files = list(queryset.order_by("pk").values_list("pk", "workspace"))
        to = request.POST.get("to", "")
        folder = self._folders(request).filter(pk=to).first() if to.isdecimal() else None
        if folder is None and to != "null":
            self.message_user(request, "Choose the folder to move them to.", messages.WARNING)
            return
        moved = 0
        for workspace in Workspace.objects.filter(pk__in={each for _, each in files}):
            if folder is None or folder.workspace_id == workspace.pk:
                mine = [pk for pk, owner in files if owner == workspace.pk]
                moved += self._move(request, workspace, mine, folder)
        self._tell_moved(request, moved, len(files) - moved, folder)

    def _move(
        self,
        request: HttpRequest,
        workspace: Workspace,
        pks: list[int],
        folder: MediaFolder | None,
    ) -> int:
        to = folder.pk if folder else None
        try:
            return move_media_files(workspace, pks, to, request.user)
        except Refused as refused:
            self.message_user(request, said_of(refused), messages.ERROR)
            return 0

    def _tell_moved(
        self, request: HttpRequest, moved: int, left: int, folder: MediaFolder | None
    ) -> None:
        where = f"in {folder}" if folder else "in no folder"
        if moved:
            said = f"1 file is now {where}." if moved == 1 else f"{moved} files are now {where}."
            self.message_user(request, said, messages.SUCCESS)
        if left:
            said = f"{left} stayed where they were: the folder is not of their workspace."
            self.message_user(request, said, messages.WARNING)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet) -> None:
        for each in queryset.order_by("pk"):
            # Somebody else may have been first.
            with suppress(Http404):
                self.delete_model(request, each)

    def _check_may_add(self, request: HttpRequest) -> None:
        if not self.has_add_permission(request):
            raise PermissionDenied

    def _here(self, request: HttpRequest) -> MediaFolder | None:
        pk = request.GET.get(FolderFilter.parameter_name, "")
        found = self._folders(request).with_parents() if pk.isdecimal() else None  # type: ignore[attr-defined]
        here: MediaFolder | None = found.filter(pk=int(pk)).first() if found is not None else None
        return here

    @staticmethod
    def _folders(request: HttpRequest) -> QuerySet[MediaFolder]:
        return scoped(MediaFolder.objects.select_related("workspace"), "workspace", request)

    @staticmethod
    def _workspaces(request: HttpRequest) -> QuerySet[Workspace]:
        return Workspace.objects.for_user(request.user)


def wall_of(folder_id: int | str | None) -> str:
    """The address of the wall, or of a folder on it."""
    return reverse(_WALL) + (f"?{FolderFilter.parameter_name}={folder_id}" if folder_id else "")


def _counted(folders: Iterable[MediaFolder]) -> list[tuple[MediaFolder, int]]:
    """Each with the number of its files."""
    found = list(folders)
    counts = MediaFile.objects.by_folder(found) if found else {}
    return [(each, counts.get(each.pk, 0)) for each in found]


def _above(folder: MediaFolder | None) -> list[MediaFolder]:
    above: list[MediaFolder] = []
    while folder is not None and folder.parent is not None:
        folder = folder.parent
        above.insert(0, folder)
    return above
