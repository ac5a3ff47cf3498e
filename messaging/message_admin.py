"""Messages and events as people look for them."""

from typing import ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from inro.accounts.workspace_admin import ReadOnlyAdmin, moment, scoped
from messaging.channels.base import EventKind
from messaging.delivery.lookups import named
from messaging.models import Channel, Contact, Direction, Event, Message, MessageStatus, MessageType
from messaging.reasons import REASONS, reason_of
from messaging.states import status_badge

# Words are looked for in so many of the newest messages; people are looked for in all.
SEARCHED = 10_000
PEOPLE_FOUND = 200
MESSAGES_OF_PEOPLE = 2_000


class ReasonFilter(admin.SimpleListFilter):
    """By why they failed; offered where failed messages are looked at."""

    title = "reason"
    parameter_name = "reason"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, str]]:
        chosen = request.GET.get(self.parameter_name)
        if request.GET.get("status__exact") != MessageStatus.FAILED and chosen is None:
            return []
        known = {code: reason.title for code, reason in REASONS.items()}
        if chosen:
            known.setdefault(chosen, chosen)
        return sorted(known.items(), key=lambda each: each[1])

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        code = self.value()
        return queryset if code is None else queryset.filter(error_code=code)


@admin.register(Message)
class MessageAdmin(ReadOnlyAdmin):
    list_display = ("said", "person", "state", "reason", "channel_name", "when")
    empty_value_display = ""
    list_filter = ("direction", "status", ReasonFilter, "message_type")
    search_fields = ("text",)
    search_help_text = (
        "A person's name, username, e-mail or phone; a message's number or the provider's id; "
        f"words of the newest {SEARCHED:,} messages."
    )
    list_select_related = ("contact", "channel")
    ordering: ClassVar = ["-id"]
    sortable_by: ClassVar = ()
    nothing_yet = "No messages yet. They appear here when somebody writes, or something is sent."
    fields = (
        "person", "channel", "direction", "message_type", "text", "state", "explanation",
        "media_file", "attempts", "created_at", "attempted_at", "sent_at", "delivered_at",
        "read_at", "provider_message_id", "provider_code",
    )  # fmt: skip
    readonly_fields = ("person", "state", "explanation")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet, search_term: str
    ) -> tuple[QuerySet, bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        return queryset.filter(pk__in=self._found(request, term)), False

    def _found(self, request: HttpRequest, term: str) -> set[int]:
        """Looked up one way after the other: together they would read the whole table."""
        mine = self.get_queryset(request).order_by("-pk")
        newest = list(mine.values_list("pk", flat=True)[:SEARCHED])
        worded = Message.objects.filter(pk__in=newest, text__icontains=term)
        people = scoped(Contact.objects.search(term), "workspace", request)
        known = list(people.values_list("pk", flat=True)[:PEOPLE_FOUND])
        channels = scoped(Channel.objects.all(), "workspace", request)
        ways = [
            worded.order_by(),
            mine.filter(contact__in=known)[:MESSAGES_OF_PEOPLE],
            named(list(channels.values_list("pk", flat=True)), [term]),
        ]
        if term.isascii() and term.isdecimal() and len(term) < 19:
            ways.append(mine.filter(pk=int(term)))
        return {pk for way in ways for pk in way.values_list("pk", flat=True)}

    @admin.display(description="Message")
    def said(self, message: Message) -> SafeString:
        is_ours = message.direction == Direction.OUTBOUND
        kind = message.get_message_type_display()
        text = Truncator(message.text).chars(60)
        if message.message_type != MessageType.TEXT:
            text = f"[{kind}] {text}"
        return format_html(
            '<span aria-hidden="true">{}</span><span class="visually-hidden">{}</span> '
            '<span class="said" dir="auto">{}</span>',
            "→" if is_ours else "←",
            "Out:" if is_ours else "In:",
            text.strip() or "–",
        )

    @admin.display(description="Person")
    def person(self, message: Message) -> SafeString:
        address = reverse("admin:messaging_contact_change", args=[message.contact_id])
        return format_html(
            '<a href="{}" dir="auto">{}</a>', address, Truncator(message.contact).chars(40)
        )

    @admin.display(description="Channel")
    def channel_name(self, message: Message) -> str:
        return message.channel.name

    @admin.display(description="When")
    def when(self, message: Message) -> str:
        return moment(message.created_at)

    @admin.display(description="Status")
    def state(self, message: Message) -> SafeString:
        return status_badge(message.status)

    @admin.display(description="Reason")
    def reason(self, message: Message) -> str:
        reason = reason_of(message.error_code, message.error_message)
        return reason.title if reason else ""

    @admin.display(description="Reason")
    def explanation(self, message: Message) -> str:
        reason = reason_of(message.error_code, message.error_message)
        if reason is None:
            return "–"
        said = "" if message.error_message == reason.title else message.error_message
        return " ".join(each for each in (f"{reason.title}.", said, reason.remedy) if each)


class KindFilter(admin.SimpleListFilter):
    """By kind, without asking the listed rows which there are."""

    title = "kind"
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, str]]:
        return [(kind.value, kind.value.capitalize()) for kind in EventKind]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        kind = self.value()
        return queryset if kind is None else queryset.filter(kind=kind)


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    """What providers told us, raw."""

    list_display = ("what", "channel", "external_id", "when", "state", "error")
    empty_value_display = ""
    list_filter = (KindFilter, "status")
    search_fields = ("=key", "=external_id")
    search_help_text = "The provider's id of the person or of the event, in full."
    list_select_related = ("channel",)
    sortable_by: ClassVar = ()
    nothing_yet = "No events yet. Each thing that a provider tells of is kept here for some time."

    @admin.display(description="Happened")
    def when(self, event: Event) -> str:
        return moment(event.happened_at)

    @admin.display(description="Event")
    def what(self, event: Event) -> str:
        return f"{event.kind} {event.pk}"

    @admin.display(description="Status")
    def state(self, event: Event) -> SafeString:
        return status_badge(event.status)
