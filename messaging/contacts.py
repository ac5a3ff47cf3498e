"""What is done with contacts."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from django.db import IntegrityError, transaction

from inro.accounts.models import AuditEntry, Workspace
from inro.common.errors import Refused
from messaging.models import Channel, Contact, Identity

# What people may say of a contact; the rest is what providers told us.
OWN_FIELDS = (
    "name",
    "username",
    "email",
    "phone",
    "real_name",
    "language",
    "status",
    "notes",
    "bio",
    "website",
)
# Of these a new contact needs one, unless a channel knows it.
KNOWN_BY = ("name", "username", "email", "phone", "real_name")


@dataclass(frozen=True)
class Reach:
    """How a channel names somebody; `path` is where the request says so."""

    channel: Channel
    external_id: str
    path: str


def version_of(contact: Contact) -> str:
    """Another one after each change of the own fields; a message that comes in is no change."""
    said = json.dumps([getattr(contact, name) for name in OWN_FIELDS])
    return sha256(said.encode()).hexdigest()[:16]


def refuse_stale(contact: Contact, versions: list[str] | None, seen: datetime | None) -> None:
    """Raise Refused unless the caller knows `contact`, whose row is locked, as it is now.

    `versions` as in `preconditions.versions_in`; `seen` is the `updated_at` of the body.
    """
    known = versions is None or version_of(contact) in versions
    if not known or (seen is not None and seen != contact.updated_at):
        raise Refused(
            "stale_edit",
            "The contact was changed meanwhile. Get it again and make the change to that.",
        )


def create_contact(
    workspace: Workspace, values: Mapping[str, Any], reaches: Iterable[Reach] = ()
) -> Contact:
    """A new contact, known to the channels that `reaches` name.

    Raises Refused with `conflict` when one of them knows somebody by that id already. Call it in
    a transaction, which then has to end.
    """
    contact = Contact.objects.create(workspace=workspace, **values)
    for reach in reaches:
        _introduce(contact, reach)
    return contact


def _introduce(contact: Contact, reach: Reach) -> None:
    try:
        with transaction.atomic():
            Identity.objects.create(
                workspace_id=contact.workspace_id,
                contact=contact,
                channel=reach.channel,
                external_id=reach.external_id,
            )
    except IntegrityError:
        message = f"The channel {reach.channel.pk} knows a contact by this id already."
        details = {f"{reach.path}.external_id": [message]}
        raise Refused("conflict", message, details) from None


def change_contact(contact: Contact, values: Mapping[str, Any], actor: Any) -> None:
    """Write those of `values` that are news, and nothing else; and that `actor` did so.

    Others write to the same row meanwhile: each message that comes in notes its time.
    """
    news = {name: value for name, value in values.items() if getattr(contact, name) != value}
    for name, value in news.items():
        setattr(contact, name, value)
    if news:
        contact.save(update_fields=[*news, "updated_at"])
        # By the id: a name would outlive the person's wish to be forgotten.
        target = f"Contact {contact.pk}"
        AuditEntry.record(contact.workspace, actor, "contact changed", target, fields=[*news])
