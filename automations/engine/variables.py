"""What templates may name."""

from collections.abc import Mapping
from typing import Any

from messaging.models import Contact

_OF_CONTACT = (
    "id",
    "name",
    "username",
    "email",
    "phone",
    "real_name",
    "language",
    "bio",
    "website",
    "is_follower",
    "follower_count",
)
KNOWN = frozenset({*(f"contact.{name}" for name in _OF_CONTACT), "trigger.message"})


def of_contact(contact: Contact) -> Mapping[str, Any]:
    return {"contact": {name: getattr(contact, name) for name in _OF_CONTACT}}


def of_message(text: str) -> Mapping[str, Any]:
    return {"trigger": {"message": text}}
