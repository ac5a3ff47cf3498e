"""Who delivers on a channel: one pump at a time, by the lease on the channel's `Pump` row."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Case, F, PositiveSmallIntegerField, When
from django.utils import timezone

from inro.common import claims
from messaging.models import Channel, Pump

# A pump renews several times a second; when it was killed the channel stands still this long.
LEASE = timedelta(seconds=10)
# A wake-up that has not arrived after this long is taken for lost.
WAKE_UP_TIME = timedelta(seconds=30)
WINDOW = 500


@dataclass
class Lease:
    """A pump's hold on its channel; `window` is how many messages it may have in hand."""

    channel_id: int
    turn: int
    window: int

    def look(self) -> Pump | None:
        """The row, locked to the end of the transaction; None when the lease is lost."""
        mine = Pump.objects.filter(channel_id=self.channel_id, turn=self.turn)
        # The channel is only read: nobody who changes it waits for a claim.
        return mine.select_for_update(of=("self",)).select_related("channel").first()

    def renew(self, pump: Pump, now: datetime) -> None:
        """Keep the lease, and what was spent; `pump` is the row that was just looked at."""
        pump.lease_until = now + LEASE
        pump.save(update_fields=["lease_until", "paced_to"])

    def grow(self) -> None:
        self.window = min(WINDOW, self.window * 2)

    def recover(self) -> None:
        """A call got through after a pause. When that ended is kept: late answers may be older."""
        mine = Pump.objects.filter(channel_id=self.channel_id, turn=self.turn)
        mine.update(pauses=0, pause_reason="")

    def release(self) -> None:
        mine = Pump.objects.filter(channel_id=self.channel_id, turn=self.turn)
        mine.update(lease_until=None, window=self.window)


def acquire(channel_id: int) -> Lease | None:
    """The lease on a channel; None while another pump has it.

    A lease that ran out instead of being released was a crash: then the window starts at one
    message and doubles, so that a crash at every start costs few.
    """
    rows = Pump.objects.filter(channel_id=channel_id)
    if rows.filter(lease_until__gte=timezone.now()).exists() or not _exists(channel_id):
        return None
    window = Case(
        When(turn=0, then=WINDOW),
        When(lease_until=None, then=F("window")),
        default=1,
        output_field=PositiveSmallIntegerField(),
    )
    # `due_at` held back further wake-ups while one was on its way: this is the one.
    turn = claims.claim(rows, channel_id, LEASE, window=window, due_at=None)
    if turn is None:
        return None
    return Lease(channel_id, turn, rows.values_list("window", flat=True).get())


def announce_wake_up(channel_id: int, now: datetime) -> bool:
    """Whether waking the channel's pump is of use: no wake-up is on its way already."""
    quiet = Pump.objects.filter(channel_id=channel_id).exclude(due_at__gt=now)
    return _exists(channel_id) and bool(quiet.update(due_at=now + WAKE_UP_TIME))


def _exists(channel_id: int) -> bool:
    """Whether there is such a channel; its pump is made if it is missing."""
    if not Channel.objects.filter(pk=channel_id).exists():
        return False
    Pump.objects.get_or_create(channel_id=channel_id)
    return True
