"""`Idempotency-Key`: a POST that is sent again is answered again, not done again.

A key is reserved, in a transaction of its own, before the view runs; whoever holds the reservation
has it for as long as the lease. The answer is kept in the transaction of the write itself, where
the reservation is checked once more: however a process dies, or however late it comes, either both
are there or neither. A refusal writes nothing and is kept right after it was made. What may turn
out otherwise the next time (429, 5xx) is not kept.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from math import ceil
from typing import Any

from django.db.models import F
from django.http import HttpResponse
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from inro.api.authentication import access_of
from inro.api.fingerprints import fingerprint
from inro.api.models import IdempotencyKey
from inro.common.errors import Refused, invalid

HEADER = "Idempotency-Key"
_VISIBLE_ASCII = re.compile(r"[!-~]{1,255}")
# A request that is still running has its answer long before its lease ends.
_ASK_AGAIN = timedelta(seconds=5)
_BATCH = 1000


class Replay(Exception):
    """The request was answered before; `response` is that answer."""

    def __init__(self, row: IdempotencyKey) -> None:
        super().__init__(row.key)
        self.response = HttpResponse(
            bytes(row.answer_body),
            status=row.answer_status,
            headers={**row.answer_headers, "Idempotent-Replay": "true"},
        )


@dataclass(frozen=True)
class Reservation:
    """The right to answer for a key, until somebody else has taken it over."""

    pk: int
    turn: int

    def keep(self, response: Response) -> bool:
        """Keep the rendered `response`; False when the key has gone to somebody else."""
        kept = self._rows().update(
            status=IdempotencyKey.Status.DONE,
            answer_status=response.status_code,
            answer_headers=dict(response.items()),
            answer_body=response.content,
        )
        return bool(kept)

    def keep_or_refuse(self, response: Response) -> None:
        """`keep` for the transaction of a write, which has to end when the key is lost."""
        if not self.keep(response):
            raise Refused(
                "conflict",
                f"This request took too long; another one with its {HEADER} has taken over.",
            )

    def conclude(self, response: Response) -> None:
        """Keep an answer that was not kept together with its write, or give the key up."""
        if response.status_code == 429 or response.status_code >= 500:
            self._rows().delete()
        else:
            self.keep(response)

    def _rows(self) -> Any:
        running = IdempotencyKey.Status.RUNNING
        return IdempotencyKey.objects.filter(pk=self.pk, turn=self.turn, status=running)


def reserve(request: Request) -> Reservation | None:
    """The right to run `request`; None when it names no key.

    Raises Replay when it was answered before, Refused when it must not run.
    """
    key = request.headers.get(HEADER)
    if key is None:
        return None
    if not _VISIBLE_ASCII.fullmatch(key):
        raise invalid({HEADER: ["Must be 1 to 255 visible ASCII characters."]})
    asked, now = fingerprint(request), timezone.now()
    row, made = IdempotencyKey.objects.get_or_create(
        scope=_scope(request),
        key=key,
        defaults={
            "workspace": access_of(request).workspace,
            "fingerprint": asked,
            "created_at": now,
            "lease_until": now + IdempotencyKey.LEASE,
        },
    )
    return Reservation(row.pk, row.turn) if made else _take_over(row, asked, now)


def _scope(request: Request) -> str:
    access = access_of(request)
    who = (
        f"token {access.token.pk}"
        if access.token
        else f"user {request.user.pk} in {access.workspace.pk}"
    )
    return sha256(f"{who} {request.method} {request.path}".encode()).hexdigest()


def _take_over(row: IdempotencyKey, asked: str, now: datetime) -> Reservation:
    """Run again what is forgotten or was left behind; anything else is answered by `row`."""
    is_old = row.created_at <= now - IdempotencyKey.KEPT_FOR
    if not is_old:
        if row.fingerprint != asked:
            raise Refused(
                "conflict", f"This {HEADER} was used for another request; take a new one."
            )
        if row.status == IdempotencyKey.Status.DONE:
            raise Replay(row)
        if row.lease_until > now:
            raise _still_running(row.lease_until - now)
    taken = IdempotencyKey.objects.filter(pk=row.pk, turn=row.turn, status=row.status).update(
        turn=F("turn") + 1,
        status=IdempotencyKey.Status.RUNNING,
        fingerprint=asked,
        lease_until=now + IdempotencyKey.LEASE,
        created_at=now,
    )
    if not taken:
        raise _still_running(_ASK_AGAIN)
    return Reservation(row.pk, row.turn + 1)


def _still_running(left: timedelta) -> Refused:
    return Refused(
        "conflict",
        f"A request with this {HEADER} is still running.",
        retry_after=ceil(min(left, _ASK_AGAIN).total_seconds()),
    )


def forget(now: datetime) -> int:
    """Remove the keys whose time is over."""
    old = IdempotencyKey.objects.filter(created_at__lte=now - IdempotencyKey.KEPT_FOR)
    found = list(old.order_by("created_at").values_list("pk", flat=True)[:_BATCH])
    return old.filter(pk__in=found).delete()[0] if found else 0
