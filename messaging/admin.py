from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path
from django.utils.formats import localize
from django.utils.safestring import SafeString
from django.utils.timezone import localtime

from inro.accounts.home import CAP
from inro.accounts.models import AuditEntry
from inro.accounts.workspace_admin import ReadOnlyAdmin, WorkspaceAdmin, is_operator
from inro.common.counting import count_up_to
from inro.common.errors import Refused
from messaging import streams
from messaging.channels import CHANNELS
from messaging.checking import health_of, write_health
from messaging.contact_admin import ContactAdmin
from messaging.delivery import pausing
from messaging.delivery.lookups import in_status
from messaging.forms import OPTION_FIELDS, ConnectForm
from messaging.message_admin import EventAdmin, MessageAdmin
from messaging.models import Channel, ChannelStatus, Event, Pump, Stream
from messaging.reconnecting import switch_channel
from messaging.simulator_admin import SimulatorPages
from messaging.states import status_badge

__all__ = ["ContactAdmin", "EventAdmin", "MessageAdmin"]

_PACING = ("text_per_second", "media_per_second")


@admin.register(Channel)
class ChannelAdmin(SimulatorPages, WorkspaceAdmin):
    """Accounts that are written on. Secrets can be set, never read."""

    list_display = ("name", "kind_label", "workspace", "account_id", "state", "status_reason")
    list_filter = ("kind", "status")
    search_fields = ("name", "account_id")
    list_select_related = ("workspace",)
    actions = ("check_connection",)
    nothing_yet = "No channels yet. Add a sandbox to try things out, or connect an account."
    shown = ("workspace", "kind", "account_id", "waits", "created_at")

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        if obj is None:
            kwargs |= {"form": ConnectForm, "fields": ("workspace",)}
        return super().get_form(request, obj, change, **kwargs)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        if obj is None:
            return ("workspace", "kind", "name", *OPTION_FIELDS)
        return ("name", *_PACING, *self.shown)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return self.shown if obj else ()

    @admin.display(description="Waits until")
    def waits(self, channel: Channel) -> str:
        shown = pausing.shown_on(channel)
        until = shown["paused_until"]
        return f"{localize(localtime(until))}: {shown['status_reason']}" if until else "–"

    def save_model(self, request: HttpRequest, obj: Channel, form: Any, change: bool) -> None:
        if change:
            # Not the whole row: the pump may be writing what is wrong with it.
            obj.save(update_fields=[*form.changed_data, "updated_at"])
        if not change:
            AuditEntry.record(obj.workspace, request.user, "channel connected", obj)
        elif form.changed_data:
            changed = {"fields": form.changed_data}
            AuditEntry.record(obj.workspace, request.user, "channel changed", obj, **changed)

    @admin.action(description="Check connection", permissions=["change"])
    def check_connection(self, request: HttpRequest, queryset: QuerySet[Channel]) -> None:
        """Each by itself: one that cannot be asked about leaves the others checked."""
        for asked in queryset:
            try:
                health = health_of(asked)
                with transaction.atomic():
                    channel = Channel.objects.select_for_update().get(pk=asked.pk)
                    write_health(channel, asked, health)
                    AuditEntry.record(channel.workspace, request.user, "channel checked", channel)
            except Refused as refused:
                self.message_user(request, f"{asked}: {refused.message}", messages.WARNING)
            else:
                level = messages.ERROR if health.fault else messages.SUCCESS
                said = health.fault or "The credentials are good."
                self.message_user(request, f"{asked}: {said}", level)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # It would take the whole conversation with it.
        return False

    @admin.display(description="Kind", ordering="kind")
    def kind_label(self, channel: Channel) -> str:
        return CHANNELS[channel.kind].label

    @admin.display(description="Status", ordering="status")
    def state(self, channel: Channel) -> SafeString:
        return status_badge(channel.status)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        own = [
            path("<int:pk>/pause/", view(self.pause_view), name="messaging_channel_pause"),
            path("<int:pk>/resume/", view(self.resume_view), name="messaging_channel_resume"),
        ]
        return [*own, *super().get_urls()]

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        channel = context.get("original")
        if channel is not None:
            context |= _about(channel)
        return super().render_change_form(request, context, *args, **kwargs)

    def pause_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        return self._switch(request, pk, ChannelStatus.PAUSED, f"Paused by {request.user}.")

    def resume_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        return self._switch(request, pk, ChannelStatus.CONNECTED)

    def _switch(
        self, request: HttpRequest, pk: int, status: ChannelStatus, reason: str = ""
    ) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not self.has_change_permission(request):
            raise PermissionDenied
        done = "paused" if status == ChannelStatus.PAUSED else "resumed"
        with transaction.atomic():
            mine = self.get_queryset(request).select_for_update(of=("self",))
            channel = get_object_or_404(mine.select_related("workspace"), pk=pk)
            switched = switch_channel(channel, status, reason[:300])
            if switched:
                AuditEntry.record(channel.workspace, request.user, f"channel {done}", channel)
        if switched:
            self.message_user(request, f"{channel.name} is {done}.", messages.SUCCESS)
        return redirect("admin:messaging_channel_change", pk)


def _about(channel: Channel) -> dict[str, Any]:
    """What the page of a channel shows above its form."""
    last = Event.objects.filter(channel=channel).order_by("-pk").first()
    waiting = in_status("queued").filter(
        stream__in=list(channel.streams.values_list("pk", flat=True))
    )
    return {
        "channel": channel,
        "channel_badge": status_badge(channel.status),
        "channel_type": CHANNELS[channel.kind],
        "is_connected": channel.status == ChannelStatus.CONNECTED,
        "last_event": last,
        "figures": (
            ("People", count_up_to(channel.identities.all(), CAP)),
            ("Messages", count_up_to(channel.messages.all(), CAP)),
            ("Waiting to go out", count_up_to(waiting, CAP)),
        ),
    }


@admin.register(Stream)
class StreamAdmin(ReadOnlyAdmin):
    """What waits to go out; to stop all of a channel, pause the channel."""

    under_the_hood = True
    workspace_path = "channel__workspace"
    list_display = ("channel", "kind", "rank", "state")
    list_filter = ("kind", "state")
    list_select_related = ("channel__workspace",)
    actions = ("pause", "resume", "cancel", "empty")

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return is_operator(request)

    @admin.action(description="Pause", permissions=["operate"])
    def pause(self, request: HttpRequest, queryset: QuerySet[Stream]) -> None:
        self._turn(request, queryset, streams.pause_stream, "stream paused")

    @admin.action(description="Resume", permissions=["operate"])
    def resume(self, request: HttpRequest, queryset: QuerySet[Stream]) -> None:
        self._turn(request, queryset, streams.resume_stream, "stream resumed")

    @admin.action(description="Cancel for good (campaigns)", permissions=["operate"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[Stream]) -> None:
        try:
            self._turn(request, queryset, streams.cancel_stream, "stream canceled")
        except Refused as refused:
            self.message_user(request, refused.message, messages.ERROR)

    @admin.action(description="Cancel the messages that wait", permissions=["operate"])
    def empty(self, request: HttpRequest, queryset: QuerySet[Stream]) -> None:
        canceled = 0
        for stream in queryset:
            canceled += streams.empty_stream(stream.pk)
            AuditEntry.record(stream.channel.workspace, request.user, "stream emptied", stream)
        self.message_user(request, f"{canceled:,} messages canceled.")

    def _turn(
        self,
        request: HttpRequest,
        queryset: QuerySet[Stream],
        turn: Callable[[int], bool],
        done: str,
    ) -> None:
        """All of them or none."""
        with transaction.atomic():
            turned = [stream for stream in queryset if turn(stream.pk)]
            for stream in turned:
                AuditEntry.record(stream.channel.workspace, request.user, done, stream)
        self.message_user(request, f"{len(turned)} of {len(queryset)}: {done}.")


@admin.register(Pump)
class PumpAdmin(ReadOnlyAdmin):
    under_the_hood = True
    workspace_path = "channel__workspace"
    list_display = ("channel", "lease_until", "turn", "window", "paused_until", "pause_reason")
    list_select_related = ("channel",)
