"""Where providers tell us what happened: verify, store one row per event, answer. Nothing else."""

import json
from collections.abc import Mapping
from contextlib import nullcontext
from functools import cache
from typing import Any
from uuid import UUID

import structlog
from django.core.exceptions import RequestDataTooBig
from django.db import OperationalError, connection, transaction
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from inro.api.errors import STATUS_OF, body
from inro.common.prepared import Prepared
from messaging import receiving
from messaging.channels import CHANNELS
from messaging.channels.base import ChannelType, InboundEvent
from messaging.connecting import open_account
from messaging.models import Channel
from messaging.tasks import wake_apply

log = structlog.get_logger(__name__)

STORE_TRIES = 3
MAX_DEPTH = 50
# Five times what a provider puts into one call.
MAX_EVENTS = 5_000
NO_CHANNEL = UUID(int=0)
CHANNEL_COLUMNS = [field.attname for field in Channel._meta.concrete_fields]


@csrf_exempt
@require_http_methods(["GET", "POST"])
def webhook(request: HttpRequest, kind: str, uuid: UUID) -> HttpResponse:
    """GET: the provider checks that the address is ours. POST: it tells of events."""
    channel_type = CHANNELS.get(kind)
    channel = _channel(kind, uuid)
    if channel_type is None or not channel_type.has_webhook or channel is None:
        raise Http404
    if request.method == "GET":
        answer = channel_type.challenge(channel.verify_token, request.GET)
        if answer is None:
            return _refused("permission_denied", "The verify token is wrong.")
        return HttpResponse(answer, content_type="text/plain")
    return _receive(request, channel_type, channel)


def _channel(kind: str, uuid: UUID) -> Channel | None:
    found = _channels().rows([_as_stored(uuid), kind])
    return Channel.from_db(None, CHANNEL_COLUMNS, found[0]) if found else None


@cache
def _channels() -> Prepared:
    """Asked with every call."""
    columns = Channel.objects.values_list(*CHANNEL_COLUMNS)
    one = columns.filter(uuid=NO_CHANNEL, kind="?")
    return Prepared(one, [_as_stored(NO_CHANNEL), "?"], planned=True)


def _as_stored(uuid: UUID) -> Any:
    return Channel._meta.get_field("uuid").get_db_prep_value(uuid, connection)


def _receive(request: HttpRequest, channel_type: ChannelType, channel: Channel) -> HttpResponse:
    try:
        raw = request.body
    except RequestDataTooBig:
        return _refused("too_large", "The body is too large.")
    if channel_type.signing_secret(open_account(channel), request.headers, raw) is None:
        return _refused("authentication_failed", "The signature is missing or wrong.")
    try:
        events = channel_type.parse(_load(raw))
    except ValueError:
        return _refused("malformed_json", "The body is not a notification of this provider.")
    if len(events) > MAX_EVENTS:
        return _refused("too_large", f"The body has more than {MAX_EVENTS:,} events.")
    siblings = _siblings(request, channel_type, channel, {event.account_id for event in events})
    _store(channel, siblings, events)
    return HttpResponse("ok", content_type="text/plain")


def _siblings(
    request: HttpRequest, channel_type: ChannelType, channel: Channel, account_ids: set[str]
) -> dict[str, Channel]:
    """The channels by account, among those of the workspace whose own secret signs this body.

    A provider has one address per app, so a body may be for another account than the address.
    """
    found = {channel.account_id: channel}
    others = account_ids - {channel.account_id, ""}
    if others:
        same = Channel.objects.filter(workspace_id=channel.workspace_id, kind=channel.kind)
        for other in same.filter(account_id__in=others):
            if channel_type.signing_secret(open_account(other), request.headers, request.body):
                found[other.account_id] = other
    return found


def _store(channel: Channel, siblings: Mapping[str, Channel], events: list[InboundEvent]) -> None:
    routed = [
        (siblings[event.account_id], event) for event in events if event.account_id in siblings
    ]
    unrouted = [event for event in events if event.account_id not in siblings]
    for tries_left in reversed(range(STORE_TRIES)):
        try:
            # One event is one statement, and needs no transaction around it.
            with transaction.atomic() if len(events) > 1 else nullcontext():
                ids = receiving.record(routed)
                receiving.keep_unrouted(channel, unrouted)
                wake_apply(ids)
            break
        except OperationalError:
            # Rows go in as they came, since that is their order where the provider's clock is
            # coarse. Two calls with the same events in another order may then wait for each other.
            if not tries_left:
                raise
    log.info("webhook", channel=channel.pk, events=len(events), unrouted=len(unrouted))


def _load(raw: bytes) -> Any:
    """JSON that every database can hold. Raises ValueError."""
    try:
        return _storable(json.loads(raw, parse_constant=_no_constant), MAX_DEPTH)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _storable(value: Any, depth: int) -> Any:
    """`value` without what PostgreSQL's jsonb refuses: NUL, lone surrogates, endless numbers."""
    if depth < 0:
        raise ValueError("nested too deeply")
    match value:
        case str():
            clean = value.replace("\0", "")
            return clean.encode("utf-8", "replace").decode() if not clean.isascii() else clean
        case dict():
            return {_storable(k, depth): _storable(v, depth - 1) for k, v in value.items()}
        case list():
            return [_storable(each, depth - 1) for each in value]
        case float() if value in (float("inf"), float("-inf")):
            return None
    return value


def _refused(code: str, message: str) -> HttpResponse:
    return JsonResponse(body(code, message), status=STATUS_OF[code])
