"""What shows on people when they write: since when they are known, and when they last did."""

from collections.abc import Sequence
from datetime import datetime

from django.db.models import Min
from django.utils import timezone

from inro.common.updating import update_each
from messaging.applying import Applying
from messaging.models import Contact, ContactStatus, Direction, Message
from messaging.models.contacts import NAME_LENGTH, USERNAME_LENGTH


def new_people(them: Sequence[Applying]) -> set[int]:
    """The events of whom nothing was told yet, and whom the owner had not written to before.

    Echoes do not always come in order: what counts is when they were written.
    """
    unmet = [this for this in them if not this.identity.introduced]
    written = _first_written([this for this in unmet if not this.is_met])
    new = set()
    for this in unmet:
        first = written.get((this.event.channel_id, this.identity.contact_id))
        if first is None or first > this.event.happened_at:
            new.add(this.event.pk)
    return new


def _first_written(them: Sequence[Applying]) -> dict[tuple[int, int], datetime]:
    """When the owner first wrote to each of these people."""
    if not them:
        return {}
    outbound = Message.objects.filter(
        channel__in={this.event.channel_id for this in them},
        contact__in=[this.identity.contact_id for this in them],
        direction=Direction.OUTBOUND,
        sent_at__isnull=False,
    ).order_by()
    first = outbound.values_list("channel_id", "contact_id").annotate(Min("sent_at"))
    return {(channel_id, contact_id): at for channel_id, contact_id, at in first}


def note_activity(them: Sequence[Applying], introduced: Sequence[Applying]) -> None:
    """They have written: their windows open, and contacts count as active again."""
    now = timezone.now()
    told = {this.event.pk for this in introduced}
    identities = [this.identity for this in them if _moves_identity(this, this.event.pk in told)]
    inactive = [
        this.identity.contact_id
        for this in them
        if this.identity.contact.status == ContactStatus.INACTIVE
    ]
    seen = [this.identity.contact for this in them if _moves_contact(this)]
    for row in identities:
        row.updated_at = now
    if inactive:
        # Not saved with the rest: somebody may be blocking the contact at this moment.
        rows = Contact.objects.filter(pk__in=inactive, status=ContactStatus.INACTIVE)
        rows.update(status=ContactStatus.ACTIVE, updated_at=now)
    update_each(identities, ["last_inbound_at", "introduced", "updated_at"])
    # To write is no change of the contact; to be called otherwise is one.
    update_each(seen, ["last_active_at"])
    for this in them:
        _rename(this)


def _moves_identity(this: Applying, is_told: bool) -> bool:
    identity, at = this.identity, this.event.happened_at
    later = identity.last_inbound_at is None or identity.last_inbound_at < at
    introduces = is_told and not identity.introduced
    if later:
        identity.last_inbound_at = at
    if introduces:
        identity.introduced = True
    return later or introduces


def _moves_contact(this: Applying) -> bool:
    contact, at = this.identity.contact, this.event.happened_at
    if contact.last_active_at is not None and contact.last_active_at >= at:
        return False
    contact.last_active_at = at
    return True


def _rename(this: Applying) -> None:
    """Take over what the provider calls them; a name that somebody gave them stays."""
    contact, content = this.identity.contact, this.content
    username = content.username[:USERNAME_LENGTH]
    if username and contact.username != username:
        contact.username = username
        contact.save(update_fields=["username", "updated_at"])
    if content.name and not contact.name:
        # Not saved like the other: somebody may be giving them a name at this moment.
        contact.name = content.name[:NAME_LENGTH]
        contact.fold_names()
        Contact.objects.filter(pk=contact.pk, name="").update(
            name=contact.name, name_folded=contact.name_folded, updated_at=timezone.now()
        )
