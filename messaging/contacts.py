"""How contacts are found and read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from django.db.models import Exists, F, OuterRef, Prefetch, Q

from inro.common.folding import fold
from inro.common.models import WorkspaceQuerySet

if TYPE_CHECKING:
    from messaging.models import Channel, Contact

LAST_MESSAGES = 10


class ContactQuerySet(WorkspaceQuerySet):
    """Contacts of a workspace, as people name them."""

    def locate(
        self, *, id: int | None = None, username: str = "", email: str = ""
    ) -> Contact | None:
        """The contact that exactly one of these names; of several, the most recently active."""
        from messaging.models.contacts import EMAIL_LENGTH, USERNAME_LENGTH

        found: Any
        if id is not None:
            found = self.filter(pk=id)
        elif username:
            folded = fold(username.removeprefix("@"))[:USERNAME_LENGTH]
            found = self.filter(username_folded=folded)
        else:
            found = self.filter(email_folded=fold(email)[:EMAIL_LENGTH])
        first: Contact | None = found.order_by(
            F("last_active_at").desc(nulls_last=True), "-pk"
        ).first()
        return first

    def on_channel(self, channel: Channel) -> Self:
        from messaging.models import Identity

        return self.filter(Exists(Identity.objects.filter(channel=channel, contact=OuterRef("pk"))))

    def search(self, text: str) -> Self:
        """Where the name, username, email or phone contains `text`."""
        folded = fold(text)
        return self.filter(
            Q(username_folded__contains=folded.removeprefix("@"))
            | Q(email_folded__contains=folded)
            | Q(name_folded__contains=folded)
            | Q(phone__contains=text.strip())
        )

    def in_full(self) -> Self:
        """With all that `ContactSerializer` shows, at a query count that does not grow."""
        from messaging.models import Identity, Message

        latest: Any = Message.objects.order_by("-pk").only(
            "contact_id", "direction", "message_type", "text", "sent_at", "created_at"
        )[:LAST_MESSAGES]
        return self.prefetch_related(
            Prefetch("identities", Identity.objects.select_related("channel").order_by("pk")),
            Prefetch("messages", latest, to_attr="last_messages"),
        )
