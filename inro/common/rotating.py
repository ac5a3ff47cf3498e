"""Secrets at rest: which key of the ring seals them, and sealing them with the first."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.db import models

from inro.common import crypto
from inro.common.diagnosing import Finding, ok, problem, warning
from inro.common.registry import Registry

BATCH = 200


@dataclass(frozen=True)
class Sealed:
    """A column of `model` that holds what `crypto.encrypt` made; empty where there is none."""

    name: str
    model: type[models.Model]
    field: str


SEALED: Registry[Sealed] = Registry("sealed columns", key=lambda each: each.name)


@dataclass
class Count:
    """How many rows are sealed with the first key, were with another, or cannot be opened."""

    current: int = 0
    older: int = 0
    lost: int = 0


def _rows(sealed: Sealed) -> Iterator[tuple[int, str]]:
    after = 0
    while True:
        rows = sealed.model._base_manager.filter(pk__gt=after).exclude(**{sealed.field: ""})
        page = list(rows.order_by("pk").values_list("pk", sealed.field)[:BATCH])
        if not page:
            return
        yield from page
        after = page[-1][0]


def rotate(sealed: Sealed, dry_run: bool = False) -> Count:
    """Seal every row with the first key that is sealed with another one.

    A row that somebody changes meanwhile is left as they made it. Twice is as good as once.
    """
    count = Count()
    for pk, token in _rows(sealed):
        place = crypto.key_of(token)
        if place is None:
            count.lost += 1
        elif place == 0:
            count.current += 1
        else:
            count.older += 1
            if not dry_run:
                same = sealed.model._base_manager.filter(pk=pk, **{sealed.field: token})
                same.update(**{sealed.field: crypto.rotated(token)})
    return count


def check() -> Iterator[Finding]:
    for sealed in SEALED:
        count = rotate(sealed, dry_run=True)
        if count.lost:
            yield problem(
                f"No key opens the secrets of {count.lost} {sealed.name}: they cannot send.",
                "Put the old key into ENCRYPTION_KEYS, or enter the secrets anew.",
            )
        if count.older:
            yield warning(
                f"{count.older} {sealed.name} are sealed with an older key.",
                "Seal them with the first: .venv/bin/python manage.py rotate_keys",
            )
        if not count.lost and not count.older:
            yield ok(f"The first key opens the secrets of all {sealed.name}.")
