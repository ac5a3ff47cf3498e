"""Secrets at rest: a ring of keys, the first encrypts, all decrypt."""

import json
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured


def _ring() -> MultiFernet:
    try:
        return MultiFernet([Fernet(key.encode()) for key in settings.ENCRYPTION_KEYS])
    except ValueError:
        raise ImproperlyConfigured(
            "Each of ENCRYPTION_KEYS must be 32 bytes in URL-safe base64."
        ) from None


def encrypt(value: dict[str, Any]) -> str:
    return _ring().encrypt(json.dumps(value).encode()).decode()


def decrypt(token: str) -> dict[str, Any]:
    """What `encrypt` was given; raises `cryptography.fernet.InvalidToken` for a lost key."""
    if not token:
        return {}
    return dict(json.loads(_ring().decrypt(token.encode())))


def key_of(token: str) -> int | None:
    """The place in the ring of the key that opens `token`; None when none does."""
    for place, key in enumerate(settings.ENCRYPTION_KEYS):
        try:
            Fernet(key.encode()).decrypt(token.encode())
        except InvalidToken:
            continue
        return place
    return None


def rotated(token: str) -> str:
    """What `token` holds, sealed with the first key."""
    return _ring().rotate(token.encode()).decode()


MASK = "•••"


def mask(secret: str) -> str:
    """How a secret is shown: its last four characters, if it is long enough to spare them."""
    return f"{MASK}{secret[-4:]}" if len(secret) >= 12 else MASK
