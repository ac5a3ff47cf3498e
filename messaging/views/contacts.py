from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from drf_spectacular.utils import extend_schema_field as schema_of
from rest_framework.decorators import action
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from inro.api.authentication import access_of, actor_of
from inro.api.filters import ChoiceFilter, RowFilter
from inro.api.preconditions import IF_MATCH, STALE_EDIT, entity_tag, versions_in
from inro.api.views import ReadViewSet
from messaging.contacts import change_contact, create_contact, refuse_stale, version_of
from messaging.models import Channel, Contact, ContactStatus
from messaging.serializers.contact_changes import (
    ContactChange,
    ContactInBody,
    NewContact,
)
from messaging.serializers.contacts import ContactSerializer
from messaging.views import examples


def _own_channels(request: Request | None) -> Any:
    return Channel.objects.for_workspace(access_of(request).workspace if request else None)


class ContactsOfChannel(filters.FilterSet):
    status = ChoiceFilter(choices=ContactStatus.choices)
    channel_id = RowFilter(queryset=_own_channels, method="on_channel")

    class Meta:
        model = Contact
        fields: list[str] = []

    @schema_of({"type": "integer", "description": "Id of a channel that reaches them."})
    def on_channel(self, contacts: Any, name: str, value: Channel) -> Any:
        return contacts.on_channel(value)

    def containing(self, contacts: Any, name: str, value: str) -> Any:
        return contacts.search(value)


class ContactFilters(ContactsOfChannel):
    search = filters.CharFilter(method="containing", label="In name, username, email or phone.")


class ContactSearch(ContactsOfChannel):
    query = filters.CharFilter(
        method="containing", label="In name, username, email or phone.", required=True
    )


@extend_schema(tags=["contacts"])
class ContactViewSet(ReadViewSet):
    queryset = Contact.objects.all()
    serializer_class = ContactSerializer
    filterset_class = ContactFilters
    resource = "contacts"
    ability_noun = "contacts"
    unbounded = True
    lists = ("list", "search")

    def get_queryset(self) -> Any:
        contacts: Any = super().get_queryset()
        return contacts.in_full()

    @extend_schema(examples=[examples.CONTACT])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """People, newest first."""
        return super().list(request, *args, **kwargs)

    @extend_schema(
        responses=ContactSerializer(many=True), filters=True, examples=[examples.CONTACT]
    )
    @action(detail=False, filterset_class=ContactSearch)
    def search(self, request: Request) -> Response:
        """People whose name, username, email or phone contains `query`, newest first."""
        return super().list(request)

    @extend_schema(examples=[examples.CONTACT])
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """One contact."""
        return answer(self.get_object())

    @extend_schema(
        request=NewContact,
        responses={201: ContactSerializer},
        examples=[examples.NEW_CONTACT, examples.CONTACT],
    )
    def create(self, request: Request) -> Response:
        """Make a contact.

        `channels` says where they can be reached. 409 `conflict` when one of those channels knows
        somebody by that id already. Usernames and emails may be those of others.
        """
        given = NewContact(data=request.data, context={"workspace": self.workspace})
        given.is_valid(raise_exception=True)
        values = dict(given.validated_data)
        reaches = values.pop("channels", ())
        with transaction.atomic():
            new = create_contact(self.workspace, values, reaches)
            contact = self.get_queryset().get(pk=new.pk)
            made = self.created(ContactSerializer(contact).data, contact.pk)
            made["ETag"] = entity_tag(version_of(contact))
            self.keep(made)
        return self.kept

    @extend_schema(
        request=ContactChange,
        parameters=[IF_MATCH],
        responses={200: ContactSerializer, 409: STALE_EDIT},
        examples=[examples.CONTACT_CHANGE, examples.CONTACT],
    )
    def partial_update(self, request: Request, pk: str) -> Response:
        """Change a contact.

        What is left out stays as it is. What GET answers can be sent back.
        """
        with transaction.atomic():
            contact = get_object_or_404(self.get_queryset().select_for_update(no_key=True), pk=pk)
            given = ContactChange(data=request.data, context={"contact": contact})
            given.is_valid(raise_exception=True)
            change(contact, given.validated_data, request)
        return answer(contact)

    @extend_schema(
        request=ContactInBody,
        parameters=[IF_MATCH],
        responses={200: ContactSerializer, 409: STALE_EDIT},
        examples=[examples.CONTACT_IN_BODY, examples.CONTACT],
    )
    def update(self, request: Request, pk: str) -> Response:
        """Change a contact, its fields in `contact`.

        The same as PATCH with those fields: what is left out stays as it is.
        """
        with transaction.atomic():
            contact = get_object_or_404(self.get_queryset().select_for_update(no_key=True), pk=pk)
            given = ContactInBody(data=request.data, context={"contact": contact})
            given.is_valid(raise_exception=True)
            change(contact, given.validated_data["contact"], request)
        return answer(contact)


def change(contact: Contact, given: Mapping[str, Any], request: Request) -> None:
    values = dict(given)
    refuse_stale(contact, versions_in(request), values.pop("updated_at", None))
    change_contact(contact, values, actor_of(request))


def answer(contact: Contact) -> Response:
    tag = entity_tag(version_of(contact))
    return Response(ContactSerializer(contact).data, headers={"ETag": tag})
