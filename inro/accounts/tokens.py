"""Ending a token's secret: for good, or for a new one."""

from typing import Any

from django.db import transaction
from django.utils import timezone

from inro.accounts.models import ApiToken, AuditEntry


def revoke(token: ApiToken, actor: Any) -> bool:
    """End `token` for good; False when it was revoked before."""
    with transaction.atomic():
        now = timezone.now()
        valid = ApiToken.objects.filter(pk=token.pk, revoked_at=None)
        if not valid.update(revoked_at=now, updated_at=now):
            return False
        AuditEntry.record(token.workspace, actor, "token revoked", token)
    return True


def regenerate(token: ApiToken, actor: Any) -> str | None:
    """Give `token` a new secret and end the old one at once; the new one's plain text.

    None when the token is revoked or expired: a new secret would not bring it back.
    """
    with transaction.atomic():
        current = ApiToken.objects.select_for_update().get(pk=token.pk)
        if not current.is_usable:
            return None
        replaced = str(current)
        plain = current.renew()
        current.save(update_fields=["key_id", "digest", "updated_at"])
        AuditEntry.record(token.workspace, actor, "token regenerated", current, replaced=replaced)
    token.refresh_from_db()
    return plain
