"""Whether the credentials of a channel are good, by what its provider says."""

import structlog
from django.utils import timezone

from inro.api.waiting import slot
from inro.common.errors import Refused
from inro.common.waking import wake
from messaging.asking import Unreachable, ask
from messaging.channels import CHANNELS
from messaging.channels.base import Health
from messaging.connecting import open_account
from messaging.delivery.consequences import clip
from messaging.delivery.lease import announce_wake_up
from messaging.delivery.tasks import pump
from messaging.models import Channel, ChannelStatus

log = structlog.get_logger(__name__)

RETRY_SECONDS = 5
_JUDGED_BY = ("account_id", "settings", "sealed_secrets")


def health_of(channel: Channel) -> Health:
    """What the provider says now; to be asked outside any transaction.

    Raises Refused: `provider_unavailable` when it says neither yes nor no, `rate_limited` when too
    many requests wait for providers already.
    """
    channel_type, account = CHANNELS[channel.kind], open_account(channel)
    request = channel_type.health_request(account)
    if request is None:
        return Health()
    with slot() as free:
        if not free:
            raise Refused(
                "rate_limited",
                "Too many requests wait for providers; try again.",
                retry_after=RETRY_SECONDS,
            )
        try:
            status, body = ask(request)
        except Unreachable as error:
            log.info("provider not reached", channel=channel.pk, error=str(error))
            raise Refused(
                "provider_unavailable", "The provider could not be reached; try again later."
            ) from None
    health = channel_type.health(account, status, body)
    if health.unsure:
        raise Refused(
            "provider_unavailable",
            f"The provider gave no clear answer ({status}); try again later.",
        )
    return health


def write_health(channel: Channel, asked: Channel, health: Health) -> None:
    """Have `channel`, whose row is locked, show what was said of it as it was when `asked`.

    A paused channel stays paused; only its reason changes. Raises Refused with `conflict` when its
    credentials have changed since.
    """
    if any(getattr(channel, name) != getattr(asked, name) for name in _JUDGED_BY):
        raise Refused("conflict", "The channel was changed meanwhile; check it again.")
    before = channel.status
    if before != ChannelStatus.PAUSED:
        channel.status = ChannelStatus.ERROR if health.fault else ChannelStatus.CONNECTED
    channel.status_reason = clip(health.fault, Channel, "status_reason")
    channel.save(update_fields=["status", "status_reason", "updated_at"])
    if channel.status == ChannelStatus.CONNECTED != before:
        announce_wake_up(channel.pk, timezone.now())
        wake(pump, channel.pk)
