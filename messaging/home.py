"""What the admin's home page says of channels, messages and events."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.db.models import BooleanField, Count, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.expressions import RawSQL
from django.urls import reverse
from django.utils.timesince import timesince

from inro.accounts.home import CAP, MANY, Concern, Figure, FirstStep, HomePart, Scope
from inro.accounts.workspace_admin import moment
from inro.common.badges import Tone
from inro.common.counting import Capped, capped, count_up_to
from messaging.channels import CHANNELS
from messaging.channels.sandbox import Sandbox
from messaging.delivery.lookups import in_status
from messaging.models import (
    Channel,
    ChannelStatus,
    Contact,
    Direction,
    Event,
    Message,
    Stream,
    StreamState,
)
from messaging.reasons import reason_of

# Messages of today that are looked at; more of them show a plus.
TODAYS_CAP = 10 * CAP
LATE = timedelta(minutes=1)
TODAY, QUEUE = "Today", "On its way"


def _concerns(scope: Scope) -> Iterator[Concern]:
    yield from _troubled_channels(scope)
    yield from _paused_streams(scope)
    yield from _late_messages(scope)
    yield from _failed_messages(scope)
    yield from _unconfirmed_messages(scope)
    yield from _events(scope)


def _list_of(model: type[Any], **filters: object) -> str:
    address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    return f"{address}?{urlencode(filters)}" if filters else address


def _troubled_channels(scope: Scope) -> Iterator[Concern]:
    mine = Channel.objects.filter(workspace__in=scope.workspace_ids)
    troubled = mine.exclude(status=ChannelStatus.CONNECTED).select_related("workspace")
    found = list(troubled.order_by("status", "pk")[: MANY + 1])
    for channel in found[:MANY]:
        yield _troubled_channel(channel, several=len(scope.workspace_ids) > 1)
    if len(found) > MANY:
        url = _list_of(Channel, status__exact=ChannelStatus.ERROR.value)
        yield Concern("channels", Tone.BAD, "More channels cannot send", url=url)


def _troubled_channel(channel: Channel, several: bool) -> Concern:
    where = f" · {channel.workspace}" if several else ""
    broken = channel.status == ChannelStatus.ERROR
    state = "cannot send" if broken else "is paused"
    return Concern(
        f"channel-{channel.pk}",
        Tone.BAD if broken else Tone.WARN,
        f"{channel.name} ({CHANNELS[channel.kind].label}) {state}{where}",
        detail=channel.status_reason,
        remedy=(
            "Nothing is lost: its messages wait. Mend it as the reason says, then resume it."
            if broken
            else "Its messages wait until it is resumed."
        ),
        url=reverse("admin:messaging_channel_change", args=[channel.pk]),
        link="Open the channel",
    )


def _paused_streams(scope: Scope) -> Iterator[Concern]:
    paused = _streams(scope).filter(state=StreamState.PAUSED).select_related("channel")
    for stream in paused.order_by("pk")[:MANY]:
        yield Concern(
            f"stream-{stream.pk}",
            Tone.WARN,
            f"Sending is paused on {stream.channel.name}: {stream.get_kind_display().lower()}",
            url=reverse("admin:messaging_channel_change", args=[stream.channel_id]),
            link="Open the channel",
        )


def _late_messages(scope: Scope) -> Iterator[Concern]:
    since = _oldest_due(_streams(scope).filter(channel__status=ChannelStatus.CONNECTED))
    if since and since < scope.now - LATE:
        yield Concern(
            "late",
            Tone.BAD,
            "Messages wait longer than they should",
            detail=f"The oldest could have gone out since {moment(since)}.",
            remedy="A worker that delivers may be missing or overloaded: see /health/ready.",
            url=_list_of(Message, status__exact="queued"),
            link="Show the messages",
        )


def _failed_messages(scope: Scope) -> Iterator[Concern]:
    newest = in_status("failed").filter(workspace__in=scope.workspace_ids).order_by("-pk")
    found = list(newest.values_list("error_code", "error_message", "created_at")[: CAP + 1])
    recent = [(code, text) for code, text, at in found if at >= scope.recently]
    explanations = dict(reversed(recent))  # the newest of each
    is_all = len(recent) <= CAP
    for code, number in Counter(code for code, _ in recent[:CAP]).most_common(MANY):
        reason = reason_of(code or "unknown", explanations[code])
        assert reason is not None  # noqa: S101 - it has a code
        yield Concern(
            f"failed-{code}",
            Tone.BAD,
            f"{_messages(Capped(number, not is_all))} failed: {reason.title}",
            detail="In the last 7 days.",
            remedy=reason.remedy,
            url=_list_of(Message, status__exact="failed", reason=code),
            link="Show the messages",
        )


def _unconfirmed_messages(scope: Scope) -> Iterator[Concern]:
    # As an expression, the workspace offers no index: that of these few rows is the right one.
    open_end = in_status("unconfirmed").annotate(owner=F("workspace_id") + 0)
    number = count_up_to(open_end.filter(owner__in=scope.workspace_ids), CAP)
    if number:
        yield Concern(
            "unconfirmed",
            Tone.WARN,
            f"{_messages(number)} may or may not have gone out",
            detail="The provider gave no clear answer, so nothing is sent a second time.",
            remedy="Wait some minutes: a late answer settles it, or it is shown as failed.",
            url=_list_of(Message, status__exact="unconfirmed"),
            link="Show the messages",
        )


def _events(scope: Scope) -> Iterator[Concern]:
    mine = Event.objects.filter(workspace__in=scope.workspace_ids)
    failed = count_up_to(mine.filter(_literally("failed")), CAP)
    if failed:
        yield Concern(
            "events-failed",
            Tone.BAD,
            f"Not applied: {failed} of the events that providers told of",
            detail="What people wrote may be missing from their conversations.",
            remedy="This is a fault of the program: report it with the error that the list shows.",
            url=_list_of(Event, status__exact="failed"),
            link="Show the events",
        )
    late = mine.filter(_literally("recorded"), due_at__lt=scope.now - LATE, attempts=0)
    since = late.order_by("due_at").values_list("due_at", flat=True).first()
    if since:
        yield Concern(
            "events-late",
            Tone.BAD,
            "What people write is taken in, but not yet read",
            detail=f"The oldest event waits since {moment(since)}.",
            remedy="A worker for the queue “inbound” may be missing: see /health/ready.",
            url=_list_of(Event, status__exact="recorded"),
            link="Show the events",
        )


def _figures(scope: Scope) -> Iterator[Figure]:
    channels = list(_channels(scope).values_list("pk", flat=True))
    since = scope.midnight
    today = Message.objects.filter(channel__in=channels, sent_at__gte=since).order_by()
    out = Q(direction=Direction.OUTBOUND)
    counted = today[: TODAYS_CAP + 1].aggregate(
        all=Count("pk"),
        received=Count("pk", filter=~out),
        sent=Count("pk", filter=out),
        delivered=Count("pk", filter=out & Q(delivered_at__isnull=False)),
        read=Count("pk", filter=out & Q(read_at__isnull=False)),
    )
    more = counted["all"] > TODAYS_CAP
    newest = Contact.objects.filter(workspace__in=scope.workspace_ids).order_by("-pk")
    ages = list(newest.values_list("created_at", flat=True)[: CAP + 1])
    new = capped(sum(at >= since for at in ages), CAP)
    yield Figure(TODAY, "New people", new, _list_of(Contact))
    yield Figure(TODAY, "Received", Capped(counted["received"], more), _list_of(Message))
    for name in ("sent", "delivered", "read"):
        yield Figure(TODAY, name.capitalize(), Capped(counted[name], more))
    yield from _queue(scope)


def _queue(scope: Scope) -> Iterator[Figure]:
    streams = list(_streams(scope).values_list("pk", flat=True))
    waiting = count_up_to(in_status("queued").filter(stream__in=streams), CAP)
    oldest = _oldest_due(_streams(scope)) if waiting else None
    url = _list_of(Message, status__exact="queued")
    yield Figure(QUEUE, "Messages waiting to go out", waiting, url)
    if oldest and oldest < scope.now:
        yield Figure(QUEUE, "The oldest waits for", timesince(oldest, scope.now))


def _first_steps(scope: Scope) -> Iterator[FirstStep]:
    channels = _channels(scope)
    sandbox = channels.filter(kind=Sandbox.kind).order_by("pk").first()
    address = reverse("admin:messaging_channel_add")
    if sandbox:
        address = reverse("admin:messaging_channel_change", args=[sandbox.pk])
    mine = Message.objects.filter(workspace__in=scope.workspace_ids)
    yield FirstStep(
        "Write as one of your people would",
        "The sandbox is a channel without a provider: you write, the product answers.",
        address,
        "Open the sandbox" if sandbox else "Add a sandbox channel",
        done=mine.exists(),
    )
    yield FirstStep(
        "Connect your account",
        "When it works in the sandbox, connect the account that your people write to.",
        reverse("admin:messaging_channel_add"),
        "Add a channel",
    )


def _channels(scope: Scope) -> "QuerySet[Channel]":
    return Channel.objects.filter(workspace__in=scope.workspace_ids)


def _streams(scope: Scope) -> "QuerySet[Stream]":
    return Stream.objects.filter(channel__workspace__in=scope.workspace_ids)


def _oldest_due(streams: "QuerySet[Stream]") -> datetime | None:
    """When the first of the waiting messages became due: one look into the index a stream."""
    # Inside another statement the table has an alias.
    queued = RawSQL("status = 'queued'", (), output_field=BooleanField())
    first = Message.objects.filter(queued, stream=OuterRef("pk")).order_by("due_at", "pk")
    found = streams.annotate(oldest=Subquery(first.values("due_at")[:1]))
    return min((each for each in found.values_list("oldest", flat=True) if each), default=None)


def _literally(status: str) -> RawSQL:
    # A bound parameter would keep SQLite from the partial indexes.
    condition = f"messaging_event.status = '{status}'"
    return RawSQL(condition, (), output_field=BooleanField())  # noqa: S611


def _messages(number: Capped) -> str:
    return f"{number} message" if number == Capped(1) else f"{number} messages"


MESSAGING = HomePart("messaging", 1, _concerns, _figures, _first_steps)
