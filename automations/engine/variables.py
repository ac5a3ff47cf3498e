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
# Of a question: what the person wrote last.
ANSWER = "answer"
KNOWN = frozenset({*(f"contact.{name}" for name in _OF_CONTACT), "trigger.message", ANSWER})


def of_contact(contact: Contact) -> Mapping[str, Any]:
    return {"contact": {name: getattr(contact, name) for name in _OF_CONTACT}}


def kept(variables: Mapping[str, Any]) -> dict[str, Any]:
    """Those that belong to the execution; what is known of the contact is looked up each time."""
    return {name: value for name, value in variables.items() if name != "contact"}


def of_message(text: str) -> Mapping[str, Any]:
    return {"trigger": {"message": text}}
