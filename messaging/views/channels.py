from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.db.models import OuterRef, QuerySet, Subquery
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from rest_framework import mixins, status
from rest_framework.decorators import action
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from inro.accounts.models import AuditEntry
from inro.api.authentication import actor_of
from inro.api.pagination import EnvelopePagination
from inro.api.serializers import NoFields
from inro.api.views import ReadViewSet, WorkspaceViewSet
from inro.common.errors import Refused
from messaging.channels.sandbox import Sandbox
from messaging.checking import health_of, write_health
from messaging.connecting import connect_channel
from messaging.models import Channel, Direction, Identity, Message
from messaging.reconnecting import change_channel, remove_channel
from messaging.serializers.channels import (
    CHANNEL_CHANGE_SCHEMA,
    CHANNEL_SCHEMA,
    AnyChannelSerializer,
    ChannelChangeSerializer,
)
from messaging.serializers.simulator import (
    OutboxSerializer,
    SimulatedEventSerializer,
    SimulatedSerializer,
)
from messaging.simulating import simulate
from messaging.views import examples

INSTAGRAM_EXAMPLE = OpenApiExample(
    "Instagram",
    request_only=True,
    value={
        "kind": "instagram",
        "name": "Shop",
        "account_id": "17841400000000000",
        "access_token": "IGAA…",
        "app_secrets": ["0123456789abcdef0123456789abcdef"],
        "login": "instagram",
    },
)
TOKEN_EXAMPLE = OpenApiExample("A new token", request_only=True, value={"access_token": "IGAA…"})
PACING_EXAMPLE = OpenApiExample(
    "Slower", request_only=True, value={"pacing": {"text_per_second": 20}}
)
PAUSE_EXAMPLE = OpenApiExample("Pause", request_only=True, value={"status": "paused"})
SANDBOX_EXAMPLE = OpenApiExample("Sandbox", request_only=True, value={"kind": "sandbox"})


@extend_schema(tags=["channels"])
class ChannelViewSet(ReadViewSet):
    queryset = Channel.objects.select_related("pump")
    serializer_class = AnyChannelSerializer
    resource = "channels"
    ability_noun = "channels"

    @extend_schema(responses=CHANNEL_SCHEMA, examples=[examples.CHANNEL])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Channels, newest first."""
        return super().list(request, *args, **kwargs)

    @extend_schema(responses=CHANNEL_SCHEMA, examples=[examples.CHANNEL])
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """One channel, its secrets masked."""
        return super().retrieve(request, *args, **kwargs)

    @extend_schema(
        request=CHANNEL_SCHEMA,
        responses={201: CHANNEL_SCHEMA},
        examples=[INSTAGRAM_EXAMPLE, SANDBOX_EXAMPLE, examples.CHANNEL],
    )
    def create(self, request: Request) -> Response:
        """Connect an account.

        The answer's `webhook_url` and `verify_token` are what the provider asks for. 409
        `conflict` when the workspace has this account already.
        """
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        with transaction.atomic():
            channel = connect_channel(self.workspace, **serializer.validated_data)
            self._note("channel connected", channel)
            self.keep(self.created(self.get_serializer(channel).data, channel.pk))
        return self.kept

    @extend_schema(
        request=CHANNEL_CHANGE_SCHEMA,
        responses={
            200: CHANNEL_SCHEMA,
            409: OpenApiResponse(description="`conflict`: another channel has this account."),
        },
        examples=[TOKEN_EXAMPLE, PAUSE_EXAMPLE, PACING_EXAMPLE, examples.CHANNEL],
    )
    def partial_update(self, request: Request, pk: str) -> Response:
        """Change a channel.

        What is left out stays as it is, and so does a secret that is sent as the mask that we
        show. `status` is `connected` or `paused`; nothing goes out on a paused channel, its
        messages wait. A channel in `error` is tried again once it is given another secret, or
        `status` connected. `pacing` slows a channel down, or speeds it up where the provider has
        raised a limit; null takes the provider's own again. The kind of a channel cannot change.
        """
        with transaction.atomic():
            channel = self._locked()
            serializer = ChannelChangeSerializer(channel, data=request.data)
            serializer.is_valid(raise_exception=True)
            changed = change_channel(channel, **serializer.validated_data)
            if changed:
                self._note("channel changed", channel, fields=changed)
        return Response(self.get_serializer(channel).data)

    @extend_schema(
        responses={
            204: None,
            409: OpenApiResponse(description="`in_use`: there are messages on it; pause it."),
        },
    )
    def destroy(self, request: Request, pk: str) -> Response:
        """Remove a channel on which nobody has written yet.

        One with messages is refused with 409 `in_use`: they are the history of its contacts, and
        would be lost with it. Pause such a channel instead.
        """
        with transaction.atomic():
            channel = self._locked()
            self._note("channel removed", channel)
            remove_channel(channel)
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(
        request=None,
        responses={
            200: CHANNEL_SCHEMA,
            409: OpenApiResponse(description="`conflict`: it was changed meanwhile."),
            502: OpenApiResponse(description="`provider_unavailable`: nobody can say."),
        },
        examples=[examples.CHANNEL],
    )
    @action(detail=True, methods=["post"])
    def check(self, request: Request, pk: str) -> Response:
        """Ask the provider whether the credentials are good.

        `status` is then `connected`, or `error` with the reason in `status_reason`; a paused
        channel stays paused. When the provider cannot be asked, nothing changes.
        """
        NoFields(data=request.data).is_valid(raise_exception=True)
        asked = self.get_object()
        health = health_of(asked)
        with transaction.atomic():
            channel = self._locked()
            write_health(channel, asked, health)
            self._note("channel checked", channel)
            self.keep(Response(self.get_serializer(channel).data))
        return self.kept

    def _locked(self) -> Channel:
        mine = self.get_queryset().select_for_update(of=("self",))
        channel: Channel = get_object_or_404(mine, pk=self.kwargs["pk"])
        return channel

    def _note(self, done: str, channel: Channel, **details: Any) -> None:
        AuditEntry.record(self.workspace, actor_of(self.request), done, channel, **details)

    @extend_schema(
        request=SimulatedEventSerializer,
        responses={202: SimulatedSerializer},
        examples=[
            OpenApiExample("Text", request_only=True, value={"from": "jane", "text": "hello"}),
            OpenApiExample("Tap", request_only=True, value={"from": "jane", "quick_reply": "Yes"}),
            examples.EVENT,
        ],
    )
    @action(detail=True, methods=["post"])
    def simulate(self, request: Request, pk: str) -> Response:
        """Have a pretend person write to a sandbox, or tap a button there.

        It takes the same way as a provider's event. `quick_reply` is the payload or the title of
        an answer under one of the last messages to this person. 409 `conflict` for a channel of
        another kind.
        """
        channel = _sandbox(self.get_object())
        simulate(channel, request.data, before_commit=self._keep_taken)
        return self.kept

    def _keep_taken(self, ids: Sequence[int]) -> None:
        self.keep(Response({"event_id": ids[0]}, status=status.HTTP_202_ACCEPTED))


class OutboxPagination(EnvelopePagination):
    default_per_page = 200
    max_per_page = 500


class OutboxViewSet(mixins.ListModelMixin, WorkspaceViewSet):
    queryset = Message.objects.filter(direction=Direction.OUTBOUND, sent_at__isnull=False)
    serializer_class = OutboxSerializer
    pagination_class = OutboxPagination
    resource = "outbox"
    ability_noun = "channels"
    order_columns = ("sent_at",)

    def get_queryset(self) -> QuerySet[Message]:
        messages: QuerySet[Message] = super().get_queryset()
        if getattr(self, "swagger_fake_view", False):
            return messages
        own = Channel.objects.for_workspace(self.workspace)
        channel = _sandbox(get_object_or_404(own, pk=self.kwargs["channel_id"]))
        person = Identity.objects.filter(channel=channel, contact=OuterRef("contact"))
        newest = person.order_by("-last_inbound_at", "-pk").values("external_id")[:1]
        sent = messages.filter(channel=channel).select_related("media_file__blob")
        return sent.annotate(to=Subquery(newest))

    @extend_schema(tags=["channels"], examples=[examples.OUT])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """What went out on a sandbox, newest first.

        409 `conflict` for a channel of another kind.
        """
        return super().list(request, *args, **kwargs)


def _sandbox(channel: Channel) -> Channel:
    if channel.kind != Sandbox.kind:
        raise Refused("conflict", f"This is for sandbox channels; {channel.name} is a real one.")
    return channel
