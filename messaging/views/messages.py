from typing import Any

from django.db.models import QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from inro.api.authentication import access_of
from inro.api.filters import ChoiceFilter, MomentFilter, RowFilter
from inro.api.views import ReadViewSet
from messaging.models import Channel, Contact, Direction, Message, MessageStatus
from messaging.serializers.messages import MessageSerializer
from messaging.views import examples


def _own(model: Any) -> Any:
    """The rows of the asking workspace, as a filter's queryset."""
    return lambda request: model.objects.for_workspace(
        access_of(request).workspace if request else None
    )


class MessageFilters(filters.FilterSet):
    contact_id = RowFilter("contact", queryset=_own(Contact), label="Id of a contact.")
    channel_id = RowFilter("channel", queryset=_own(Channel), label="Id of a channel.")
    status = ChoiceFilter(choices=MessageStatus.choices)
    direction = ChoiceFilter(choices=Direction.choices)
    since = MomentFilter("created_at", "gte", label="Made at this time or later.")
    until = MomentFilter("created_at", "lte", label="Made at this time or earlier.")

    class Meta:
        model = Message
        fields: list[str] = []


@extend_schema(tags=["messages"])
class MessageViewSet(ReadViewSet):
    queryset = Message.objects.all()
    serializer_class = MessageSerializer
    filterset_class = MessageFilters
    resource = "messages"
    ability_noun = "messages"
    unbounded = True

    def get_queryset(self) -> "QuerySet[Message]":
        return super().get_queryset().select_related("media_file__blob")

    @extend_schema(examples=[examples.MESSAGE])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Messages, in and out, newest first."""
        return super().list(request, *args, **kwargs)

    @extend_schema(examples=[examples.MESSAGE])
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """One message."""
        return super().retrieve(request, *args, **kwargs)
