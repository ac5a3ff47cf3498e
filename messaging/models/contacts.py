"""People, how they are found, and the identity that each channel knows them by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

from django.db import models
from django.db.models import Exists, F, OuterRef, Prefetch, Q

from inro.common.folding import fold
from inro.common.models import WorkspaceOwned, WorkspaceQuerySet
from messaging.models.messages import Message

if TYPE_CHECKING:
    from messaging.models.channels import Channel

# Folded text can be longer than what was folded; looking it up cuts it in the same place.
USERNAME_LENGTH, EMAIL_LENGTH, NAME_LENGTH = 150, 254, 200


LAST_MESSAGES = 10


class ContactStatus(models.TextChoices):
    ACTIVE = "active"
    INACTIVE = "inactive"
    BLOCKED = "blocked"


class ContactQuerySet(WorkspaceQuerySet):
    """Contacts of a workspace, as people name them."""

    def locate(
        self, *, id: int | None = None, username: str = "", email: str = ""
    ) -> Contact | None:
        """The contact that exactly one of these names; of several, the most recently active."""
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
        latest: Any = Message.objects.order_by("-pk").only(
            "contact_id", "direction", "message_type", "text", "sent_at", "created_at"
        )[:LAST_MESSAGES]
        return self.prefetch_related(
            Prefetch("identities", Identity.objects.select_related("channel").order_by("pk")),
            Prefetch("messages", latest, to_attr="last_messages"),
        )


class Contact(WorkspaceOwned):
    """One person, on however many channels. Usernames and emails are not unique."""

    name = models.CharField(max_length=200, blank=True)
    username = models.CharField(max_length=150, blank=True)
    email = models.EmailField(blank=True)
    phone = models.CharField(max_length=20, blank=True, help_text="E.164, with a leading +.")
    real_name = models.CharField(max_length=200, blank=True)
    language = models.CharField(max_length=20, blank=True)
    status = models.CharField(
        max_length=10, choices=ContactStatus.choices, default=ContactStatus.ACTIVE
    )
    notes = models.TextField(blank=True)
    bio = models.TextField(blank=True)
    website = models.CharField(max_length=500, blank=True)
    profile_picture = models.CharField(max_length=2048, blank=True)
    is_follower = models.BooleanField(null=True, blank=True)
    follower_count = models.PositiveIntegerField(null=True, blank=True)
    last_active_at = models.DateTimeField(null=True, blank=True, editable=False)
    # Compared and searched text, folded by Python: databases do not agree on case and accents.
    username_folded = models.CharField(max_length=USERNAME_LENGTH, blank=True, editable=False)
    email_folded = models.CharField(max_length=EMAIL_LENGTH, blank=True, editable=False)
    name_folded = models.CharField(max_length=NAME_LENGTH, blank=True, editable=False)

    objects: ClassVar = ContactQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            models.Index(fields=["workspace", "-id"], name="contact_by_workspace"),
            models.Index(fields=["workspace", "username_folded"], name="contact_by_username"),
            models.Index(fields=["workspace", "email_folded"], name="contact_by_email"),
            models.Index(fields=["workspace", "phone"], name="contact_by_phone"),
        ]

    def __str__(self) -> str:
        return self.name or self.username or f"Contact {self.pk}"

    def fold_names(self) -> None:
        """What `save` does by itself, for rows that are written in bulk."""
        self.username_folded = fold(self.username)[:USERNAME_LENGTH]
        self.email_folded = fold(self.email)[:EMAIL_LENGTH]
        self.name_folded = fold(self.name)[:NAME_LENGTH]

    def save(self, *args: object, **kwargs: object) -> None:
        self.fold_names()
        fields = kwargs.get("update_fields")
        if fields is not None:
            # Only beside their own: the others may be older here than in the row.
            texts = ("username", "email", "name")
            beside = {f"{name}_folded" for name in texts if name in fields}  # type: ignore[operator]
            kwargs["update_fields"] = {*fields, *beside}  # type: ignore[misc]
        super().save(*args, **kwargs)  # type: ignore[arg-type]


class Identity(WorkspaceOwned):
    """How one channel names a contact; its row lock puts that contact's events in line."""

    channel = models.ForeignKey(
        "messaging.Channel", models.CASCADE, related_name="identities", db_index=False
    )
    contact = models.ForeignKey(Contact, models.CASCADE, related_name="identities")
    external_id = models.CharField(max_length=200)
    last_inbound_at = models.DateTimeField(
        null=True, blank=True, help_text="When the person last wrote; opens the 24 h window."
    )
    # Whether `people_arrived` has told of this person: the identity may be older, by an echo or by
    # a message that was another app's to answer.
    introduced = models.BooleanField(default=False, editable=False)

    class Meta:
        verbose_name_plural = "identities"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["channel", "external_id"], name="identity_once")
        ]

    def __str__(self) -> str:
        return self.external_id
