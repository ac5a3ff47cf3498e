"""Values that our own links carry, signed so that nobody can make one up.

Signatures made with a key that is now in `SECRET_KEY_FALLBACKS` stay valid.
"""

from django.core import signing


def sign(value: str, purpose: str) -> str:
    """`value:signature`, good for this purpose only."""
    return signing.Signer(salt=f"inro.{purpose}").sign(value)


def unsign(signed: str, purpose: str) -> str | None:
    """The value, or None when the signature is not ours."""
    try:
        return str(signing.Signer(salt=f"inro.{purpose}").unsign(signed))
    except signing.BadSignature:
        return None
