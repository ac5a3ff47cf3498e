from typing import Any

from django.http import Http404
from django_filters import rest_framework as filters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from inro.api.authentication import access_of
from inro.api.filters import unknown_parameters
from inro.api.views import ReadViewSet
from inro.common.errors import invalid
from messaging.models import Channel, Contact, ContactStatus
from messaging.serializers.contacts import ContactSerializer
from messaging.views import examples

LOCATORS = ("id", "username", "email")


def _own_channels(request: Request | None) -> Any:
    return Channel.objects.for_workspace(access_of(request).workspace if request else None)


class ContactFilters(filters.FilterSet):
    status = filters.ChoiceFilter(choices=ContactStatus.choices)
    channel_id = filters.ModelChoiceFilter(queryset=_own_channels, method="on_channel")
    search = filters.CharFilter(method="containing", label="In name, username, email or phone.")

    class Meta:
        model = Contact
        fields: list[str] = []

    @extend_schema_field(OpenApiTypes.INT)
    def on_channel(self, contacts: Any, name: str, value: Channel) -> Any:
        return contacts.on_channel(value)

    def containing(self, contacts: Any, name: str, value: str) -> Any:
        return contacts.search(value)


@extend_schema(tags=["contacts"])
class ContactViewSet(ReadViewSet):
    queryset = Contact.objects.all()
    serializer_class = ContactSerializer
    filterset_class = ContactFilters
    resource = "contacts"
    ability_noun = "contacts"
    unbounded = True

    def get_queryset(self) -> Any:
        contacts: Any = super().get_queryset()
        return contacts.in_full()

    @extend_schema(examples=[examples.CONTACT])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """People, newest first."""
        return super().list(request, *args, **kwargs)

    @extend_schema(examples=[examples.CONTACT])
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """One contact."""
        return super().retrieve(request, *args, **kwargs)


class ContactLookupView(APIView):
    ability_noun = "contacts"

    @extend_schema(
        responses=ContactSerializer,
        examples=[examples.CONTACT],
        tags=["contacts"],
        parameters=[
            OpenApiParameter("id", int),
            OpenApiParameter("username", str),
            OpenApiParameter("email", str),
        ],
    )
    def get(self, request: Request) -> Response:
        """The contact that an id, a username or an email names.

        Exactly one of the three. Usernames and emails are not unique: of several contacts it is
        the most recently active one.
        """
        contacts = Contact.objects.for_workspace(access_of(request).workspace).in_full()
        contact = contacts.locate(**_locator(request))
        if contact is None:
            raise Http404
        return Response(ContactSerializer(contact).data)


def _locator(request: Request) -> dict[str, Any]:
    faults = unknown_parameters(request, set(LOCATORS))
    given = {name: request.query_params[name] for name in LOCATORS if name in request.query_params}
    if len(given) != 1:
        faults["id"] = ["Give exactly one of id, username, email."]
    for name, value in given.items():
        if not value.strip() or not value.isprintable():
            faults.setdefault(name, ["Must be printable and not empty."])
    if not faults and "id" in given:
        if not (given["id"].isascii() and given["id"].isdigit() and len(given["id"]) < 19):
            faults["id"] = ["Must be a whole number."]
        else:
            return {"id": int(given["id"])}
    if faults:
        raise invalid(faults)
    return dict(given)
