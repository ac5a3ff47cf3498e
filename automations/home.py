"""What the admin's home page says of scenarios and executions."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django.db.models import BooleanField
from django.db.models.expressions import RawSQL
from django.urls import reverse
from django.utils import timezone

from automations.definition.warnings import warnings_of
from automations.models import Execution, Scenario
from automations.reasons import REASONS
from inro.accounts.home import CAP, Concern, Figure, FirstStep, HomePart, Scope
from inro.common.badges import Tone
from inro.common.counting import Capped, count_up_to

# Somebody who was asked so long ago hardly answers any more.
LONG = timedelta(days=7)
# The inactive scenarios whose definitions are looked through.
LOOKED_THROUGH = 20


def _concerns(scope: Scope) -> Iterator[Concern]:
    yield from _failed(scope)
    yield from _waiting_long(scope)
    yield from _with_warnings(scope)


def _literally(status: str) -> RawSQL:
    # A bound parameter would keep SQLite from the partial indexes.
    condition = f"automations_execution.status = '{status}'"
    return RawSQL(condition, (), output_field=BooleanField())  # noqa: S611


def _list_of(model: type[Any], **filters: object) -> str:
    address = reverse(f"admin:automations_{model._meta.model_name}_changelist")
    return f"{address}?{urlencode(filters)}" if filters else address


def _failed(scope: Scope) -> Iterator[Concern]:
    mine = Execution.objects.filter(_literally("failed"), workspace__in=scope.workspace_ids)
    found = list(mine.order_by("-pk").values_list("reason_code", "created_at")[: CAP + 1])
    recent = [code for code, at in found if at >= scope.recently]
    more = len(recent) > CAP
    counted = Counter(code if code in REASONS else "" for code in recent[:CAP])
    for code, number in counted.most_common():
        if code:
            title = f"{_executions(Capped(number, more))} failed: {REASONS[code].title}"
            remedy, filters = REASONS[code].remedy, {"reason_code__exact": code}
        else:
            title = f"{_executions(Capped(number, more))} failed with one of their messages"
            remedy, filters = "Mend what the messages failed for; each shows its path.", {}
        yield Concern(
            f"execution-{code}",
            Tone.BAD,
            title,
            detail="In the last 7 days.",
            remedy=remedy,
            url=_list_of(Execution, status__exact="failed", **filters),
            link="Show the executions",
        )


def _waiting_long(scope: Scope) -> Iterator[Concern]:
    mine = Execution.objects.filter(_literally("waiting"), workspace__in=scope.workspace_ids)
    long = mine.filter(updated_at__lt=scope.now - LONG)
    number = count_up_to(long, CAP)
    if number:
        yield Concern(
            "waiting-long",
            Tone.QUIET,
            f"{_executions(number)} waiting for more than a week",
            remedy="Give the questions of the scenario an end (expires_in), so that they finish.",
            url=_list_of(Execution, status__exact="waiting", o="-1"),
            link="Show the executions",
        )


def _with_warnings(scope: Scope) -> Iterator[Concern]:
    mine = Scenario.in_full().filter(workspace__in=scope.workspace_ids, active=False)
    for scenario in mine.order_by("-pk")[:LOOKED_THROUGH]:
        warnings = warnings_of(scenario.definition.actions.all())
        if not warnings:
            continue
        more = f" (and {len(warnings) - 1} more)" if len(warnings) > 1 else ""
        yield Concern(
            f"scenario-{scenario.pk}",
            Tone.WARN,
            f"{scenario.title} is switched off and has warnings",
            detail=f"{warnings[0]['message']}{more}",
            remedy="Mend the scenario by the API or with your agent, then switch it on.",
            url=reverse("admin:automations_scenario_change", args=[scenario.pk]),
            link="Open the scenario",
        )


def _figures(scope: Scope) -> Iterator[Figure]:
    mine = Execution.objects.filter(_literally("waiting"), workspace__in=scope.workspace_ids)
    waiting = count_up_to(mine, CAP)
    url = _list_of(Execution, status__exact="waiting")
    yield Figure("On its way", "Executions that wait", waiting, url)
    oldest = mine.order_by("updated_at").values_list("updated_at", flat=True).first()
    if oldest:
        shown = f"{timezone.localtime(oldest):%Y-%m-%d %H:%M}"
        yield Figure("On its way", "The longest waits since", shown)


def _first_steps(scope: Scope) -> Iterator[FirstStep]:
    has_one = Scenario.objects.filter(workspace__in=scope.workspace_ids).exists()
    yield FirstStep(
        "Describe a scenario",
        "What starts it, and what it does: as JSON by the API, or told to an AI agent.",
        reverse("admin:automations_scenario_changelist") if has_one else reverse("docs"),
        "Show the scenarios" if has_one else "Open the API documents",
        done=has_one,
    )


def _executions(number: Capped) -> str:
    return "1 execution" if number == Capped(1) else f"{number} executions"


AUTOMATIONS = HomePart("automations", 2, _concerns, _figures, _first_steps)
