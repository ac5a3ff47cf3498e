"""Counting that costs the same however much there is."""

from dataclasses import dataclass

from django.db.models import QuerySet


@dataclass(frozen=True)
class Capped:
    """A number; with `more`, there are at least that many."""

    number: int
    more: bool = False

    def __str__(self) -> str:
        return f"{self.number:,}{'+' if self.more else ''}"

    def __bool__(self) -> bool:
        return self.number > 0


def capped(found: int, cap: int) -> Capped:
    """What was found when looking for at most one more than `cap`."""
    return Capped(min(found, cap), found > cap)


def count_up_to(queryset: QuerySet, cap: int) -> Capped:
    return capped(queryset.order_by()[: cap + 1].count(), cap)
