"""The shell around the core: load many executions, take their turns, write what they cause.

A turn is one transaction, so a kill leaves all of it or nothing; the number of statements does not
grow with the number of executions.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import structlog
from django.db import InterfaceError, OperationalError, transaction
from django.db.models import Max, Q
from django.utils import timezone

from automations.engine.compiling import trees_of
from automations.engine.events import GO
from automations.engine.expiring import Claimed, expire
from automations.engine.holding import held
from automations.engine.resuming import locked, take_up
from automations.engine.turns import Turn, take_turn, write_effects
from automations.models import LIVE, Execution, ExecutionStatus
from inro.common.claims import claim
from messaging.models import Contact, StreamKind

log = structlog.get_logger(__name__)

LEASE = timedelta(seconds=60)
_Pair = tuple[int, int]  # a definition and a contact


@dataclass(frozen=True)
class Start:
    """One definition to start for one contact; what it sends goes out on `channel_id`."""

    definition_id: int
    contact_id: int
    channel_id: int
    trigger_type: str
    variables: Mapping[str, Any] = field(default_factory=dict)
    cooldown: int = 0  # seconds since it last started for this contact


def start_many(
    workspace_id: int,
    starts: Iterable[Start],
    *,
    stream_kind: StreamKind = StreamKind.REPLIES,
    now: datetime | None = None,
) -> list[Execution]:
    """Start what may start, run it as far as it goes, and return the executions that began.

    Left out are contacts that run the definition already, or did within the cooldown: looked up
    with the contacts locked, and held by the unique constraint should a caller get past that. So
    are definitions that were deleted since they were chosen.
    """
    now = now or timezone.now()
    wanted: dict[_Pair, Start] = {}
    for each in starts:
        wanted.setdefault((each.definition_id, each.contact_id), each)
    with transaction.atomic():
        contacts = _locked_contacts(workspace_id, {contact_id for _, contact_id in wanted})
        begun = [_begun(workspace_id, each, now) for each in _allowed(wanted, contacts, now)]
        turns = _taken(begun, contacts, now)
        Execution.objects.bulk_create(begun)
        write_effects(turns, stream_kind, now)
    return begun


def _locked_contacts(workspace_id: int, ids: set[int]) -> dict[int, Contact]:
    rows = Contact.objects.filter(workspace=workspace_id, pk__in=ids).order_by("pk")
    # Without the key: rows that refer to the contact may be written meanwhile.
    return {row.pk: row for row in rows.select_for_update(no_key=True)}


def _allowed(
    wanted: Mapping[_Pair, Start], contacts: Mapping[int, Contact], now: datetime
) -> list[Start]:
    longest = timedelta(seconds=max((each.cooldown for each in wanted.values()), default=0))
    rows = Execution.objects.filter(
        Q(status__in=LIVE) | Q(created_at__gt=now - longest),
        definition__in={definition_id for definition_id, _ in wanted},
        contact__in=contacts,
    ).order_by()
    last = {
        (definition_id, contact_id): (at, live is not None)
        for definition_id, contact_id, at, live in rows.values_list(
            "definition", "contact"
        ).annotate(Max("created_at"), live=Max("pk", filter=Q(status__in=LIVE)))
    }
    there = held({definition_id for definition_id, _ in wanted})
    allowed = []
    for pair, each in wanted.items():
        at, is_live = last.get(pair, (None, False))
        cooling = at is not None and at > now - timedelta(seconds=each.cooldown)
        exists = each.contact_id in contacts and each.definition_id in there
        if exists and not is_live and not cooling:
            allowed.append(each)
    return allowed


def _begun(workspace_id: int, start: Start, now: datetime) -> Execution:
    return Execution(
        workspace_id=workspace_id,
        definition_id=start.definition_id,
        contact_id=start.contact_id,
        channel_id=start.channel_id,
        trigger_type=start.trigger_type,
        variables=dict(start.variables),
        created_at=now,
    )


def _taken(
    executions: list[Execution], contacts: Mapping[int, Contact], now: datetime
) -> list[Turn]:
    trees = trees_of({each.definition_id for each in executions})
    return [
        take_turn(each, trees[each.definition_id], contacts[each.contact_id], GO, now)
        for each in executions
    ]


def due(now: datetime, limit: int = 1_000) -> list[int]:
    """Executions whose turn has come and that nobody is working on."""
    free = Q(lease_until=None) | Q(lease_until__lt=now)
    rows = Execution.objects.filter(free, status__in=LIVE, due_at__lte=now).order_by("due_at")
    return list(rows.values_list("pk", flat=True)[:limit])


def continue_executions(ids: Iterable[int], now: datetime | None = None) -> list[Execution]:
    """Take the next turn of those of `ids` that are due.

    An execution that ended or went to somebody else after it was claimed is discarded with all
    that this turn would have caused.
    """
    now = now or timezone.now()
    waiting = Execution.objects.filter(status__in=LIVE, due_at__lte=now)
    claims = {pk: claim(waiting, pk, LEASE, now) for pk in sorted(set(ids))}
    won = {pk: turn for pk, turn in claims.items() if turn is not None}
    asking = Execution.objects.filter(pk__in=won, awaited__isnull=False).order_by("pk")
    taken: list[Execution] = []
    for pk, contact_id, channel_id in asking.values_list("pk", "contact_id", "channel_id"):
        claimed = Claimed(pk, won.pop(pk), contact_id, channel_id)
        taken += _alone(pk, claimed.turn, partial(expire, claimed, now))
    return taken + _together(won, now)


def _together(won: Mapping[int, int], now: datetime) -> list[Execution]:
    """The turns of `won` in one transaction; each in its own when one of them spoils that."""
    try:
        return _continued(won, now)
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:
        log.warning("executions not continued together", error=type(error).__name__)
    alone = [_alone(pk, turn, partial(_continued, {pk: turn}, now)) for pk, turn in won.items()]
    return [row for rows in alone for row in rows]


@transaction.atomic
def _continued(won: Mapping[int, int], now: datetime) -> list[Execution]:
    mine = locked(won)
    take_up(mine, now)
    return mine


def _alone(pk: int, turn: int, take: Callable[[], list[Execution]]) -> list[Execution]:
    """Take one turn: once more if it fails, for another writer may have been in the way.

    What fails then would fail for ever, and hold up all that is due with it: the execution ends. A
    database that is out of reach, or a deadlock, is waited for.
    """
    for _ in range(2):
        try:
            return take()
        except (OperationalError, InterfaceError):
            raise
        except Exception as error:
            log.error("execution not continued", execution_id=pk, error=type(error).__name__)
    with transaction.atomic():
        mine = locked({pk: turn})
        for row in mine:
            row.end(ExecutionStatus.FAILED, "internal_error", timezone.now())
        Execution.objects.write_ended(mine)
    return mine
