"""People, and the identity that each channel knows them by."""

from typing import ClassVar

from django.db import models

from inro.common.folding import fold
from inro.common.models import WorkspaceOwned
from messaging.contacts import ContactQuerySet

# Folded text can be longer than what was folded; looking it up cuts it in the same place.
USERNAME_LENGTH, EMAIL_LENGTH, NAME_LENGTH = 150, 254, 200


class ContactStatus(models.TextChoices):
    ACTIVE = "active"
    INACTIVE = "inactive"
    BLOCKED = "blocked"


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

    def save(self, *args: object, **kwargs: object) -> None:
        self.username_folded = fold(self.username)[:USERNAME_LENGTH]
        self.email_folded = fold(self.email)[:EMAIL_LENGTH]
        self.name_folded = fold(self.name)[:NAME_LENGTH]
        fields = kwargs.get("update_fields")
        if fields is not None:
            folded = {"username_folded", "email_folded", "name_folded"}
            kwargs["update_fields"] = {*fields, *folded}  # type: ignore[misc]
        super().save(*args, **kwargs)  # type: ignore[arg-type]


class Identity(WorkspaceOwned):
    """How one channel names a contact; its row lock puts that contact's events in line."""

    channel = models.ForeignKey("messaging.Channel", models.CASCADE, related_name="identities")
    contact = models.ForeignKey(Contact, models.CASCADE, related_name="identities")
    external_id = models.CharField(max_length=200)
    last_inbound_at = models.DateTimeField(
        null=True, blank=True, help_text="When the person last wrote; opens the 24 h window."
    )
    # Whether `person_arrived` has told of this person: the identity may be older, by an echo or by
    # a message that was another app's to answer.
    introduced = models.BooleanField(default=False, editable=False)

    class Meta:
        verbose_name_plural = "identities"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["channel", "external_id"], name="identity_once")
        ]

    def __str__(self) -> str:
        return self.external_id
