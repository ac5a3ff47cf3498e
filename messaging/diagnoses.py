"""What `doctor` says of channels."""

import io
from collections.abc import Iterator
from datetime import timedelta

from cryptography.fernet import InvalidToken
from django.conf import settings
from django.db.models import OuterRef, Subquery
from django.utils import timezone

from inro.common import http
from inro.common.diagnoses import is_public
from inro.common.diagnosing import CHECKS, Check, Finding, ok, problem, warning
from inro.common.rotating import SEALED, Sealed
from messaging.channels import CHANNELS
from messaging.connecting import open_account
from messaging.models import Channel, ChannelStatus, Event

MOST_CHANNELS = 1_000
LONG_SILENCE = timedelta(days=7)
ENTER_ADDRESS = "Enter webhook_url and verify_token in the provider's app, and subscribe."


def register() -> None:
    SEALED.add(Sealed("channels", Channel, "sealed_secrets"))
    CHECKS.add(Check("channels", check_channels))
    CHECKS.add(Check("public address", check_address))
    CHECKS.add(Check("network", call_address, reads_rows=False, network=True))


def check_channels() -> Iterator[Finding]:
    latest = Event.objects.filter(channel=OuterRef("pk")).order_by("-pk").values("created_at")[:1]
    rows = Channel.objects.order_by("pk").annotate(heard_at=Subquery(latest))[:MOST_CHANNELS]
    for channel in rows:
        yield from _channel(channel)
    if not rows:
        yield warning("There is no channel.", "Connect one: manage.py create_channel --help")


def _channel(channel: Channel) -> Iterator[Finding]:
    name = f"Channel {channel.pk} ({channel.kind})"
    channel_type = CHANNELS.get(channel.kind)
    if channel_type is None:
        yield problem(f"{name} is of a kind that this version does not have.", "Update it.")
        return
    try:
        open_account(channel)
    except InvalidToken:
        yield problem(
            f"{name}: no key opens its secrets, so nothing is sent and no event is taken.",
            "Put the old key into ENCRYPTION_KEYS, or enter its secrets anew.",
        )
        return
    heard_at = channel.heard_at  # type: ignore[attr-defined]
    silent_since = heard_at or channel.created_at
    if channel.status == ChannelStatus.ERROR:
        reason = channel.status_reason.rstrip(".") or "no reason was given"
        yield problem(
            f"{name} cannot send: {reason}.", "Give it a new access token; then it goes on."
        )
    elif channel.status == ChannelStatus.PAUSED:
        yield warning(f"{name} is paused: nothing goes out.", "Set its status to connected.")
    elif channel_type.has_webhook and silent_since < timezone.now() - LONG_SILENCE:
        since = f"since {heard_at:%Y-%m-%d}" if heard_at else "ever"
        yield warning(f"{name}: its provider has told us nothing {since}.", ENTER_ADDRESS)
    else:
        yield ok(f"{name} is connected.")


def check_address() -> Iterator[Finding]:
    with_webhook = [each.kind for each in CHANNELS if each.has_webhook]
    if not Channel.objects.filter(kind__in=with_webhook).exists():
        return
    if not is_public(settings.PUBLIC_URL):
        yield warning(
            f"Providers cannot reach {settings.PUBLIC_URL}: no event arrives, no picture is shown.",
            "Set PUBLIC_URL to an HTTPS address that leads here.",
        )
    elif not settings.PUBLIC_URL.startswith("https://"):
        yield warning(
            "PUBLIC_URL is not HTTPS: providers refuse it, and sessions travel in the clear.",
            "Put a proxy with TLS in front, and set PUBLIC_URL to its address.",
        )
    else:
        yield ok("Providers can be given PUBLIC_URL.")


def call_address() -> Iterator[Finding]:
    url, answer = f"{settings.PUBLIC_URL}/health/live", io.BytesIO()
    try:
        http.fetch(url, answer, max_bytes=10_000, total_timeout=10)
    except http.FetchRefused as error:
        yield problem(
            f"{url} could not be fetched from here: {error.message}",
            "Check DNS, the certificate, the proxy; a private address is not called at all.",
        )
        return
    if b'"live"' in answer.getvalue():
        yield ok(f"{url} answers.")
    else:
        yield problem(f"Something else answers at {url}.", "Check where the proxy leads.")
