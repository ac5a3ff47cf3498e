from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from inro.api.authentication import access_of
from inro.api.errors import flatten
from inro.api.filters import unknown_parameters
from inro.api.preconditions import IF_MATCH, STALE_EDIT
from inro.api.rows import MAX_ID
from inro.common.errors import Details, invalid
from messaging.models import Contact
from messaging.serializers.contact_changes import ContactInBody, LocatedContact
from messaging.serializers.contacts import ContactSerializer
from messaging.views import examples
from messaging.views.contacts import answer, change

LOCATORS = ("id", "username", "email")
_NOBODY = OpenApiResponse(description="`not_found`: nobody is named by that.")


@extend_schema(
    tags=["contacts"],
    parameters=[
        OpenApiParameter("id", int, description="Instead of a username or an email."),
        OpenApiParameter("username", str, description="Of several contacts, the latest active."),
        OpenApiParameter("email", str, description="Of several contacts, the latest active."),
    ],
)
class ContactLookupView(APIView):
    ability_noun = "contacts"

    @extend_schema(
        responses={200: ContactSerializer, 404: _NOBODY},
        examples=[examples.CONTACT],
    )
    def get(self, request: Request) -> Response:
        """The contact that an id, a username or an email names.

        Exactly one of the three. Usernames and emails are not unique: of several contacts it is
        the most recently active one.
        """
        locator, faults = _locator(request, {})
        if faults:
            raise invalid(faults)
        return answer(_located(request, locator))

    @extend_schema(
        request=LocatedContact,
        parameters=[IF_MATCH],
        responses={
            200: ContactSerializer,
            404: _NOBODY,
            409: STALE_EDIT,
        },
        examples=[examples.LOCATED_CONTACT, examples.CONTACT],
    )
    def put(self, request: Request) -> Response:
        """Change the contact that an id, a username or an email names, its fields in `contact`.

        Exactly one of the three, in the address or beside `contact`. What is left out stays as it
        is.
        """
        body = request.data if isinstance(request.data, Mapping) else {}
        locator, faults = _locator(request, body)
        if faults:
            shape = LocatedContact(data=request.data)
            found = {} if shape.is_valid() else flatten(shape.errors)
            raise invalid({**found, **faults})
        with transaction.atomic():
            contact = _located(request, locator, lock=True)
            rest = {name: each for name, each in body.items() if name not in LOCATORS}
            given = ContactInBody(
                data=rest if isinstance(request.data, Mapping) else request.data,
                context={"contact": contact},
            )
            given.is_valid(raise_exception=True)
            change(contact, given.validated_data["contact"], request)
        return answer(contact)


def _located(request: Request, locator: Mapping[str, Any], *, lock: bool = False) -> Contact:
    contacts = Contact.objects.for_workspace(access_of(request).workspace).in_full()
    if lock:
        contacts = contacts.select_for_update(no_key=True)
    contact: Contact | None = contacts.locate(**locator)
    if contact is None:
        raise Http404
    return contact


def _locator(request: Request, body: Mapping[str, Any]) -> tuple[dict[str, Any], Details]:
    """The one locator in the query or in `body`, and what is wrong with what was given."""
    faults = unknown_parameters(request, set(LOCATORS))
    query = request.query_params
    given = [(name, query[name]) for name in LOCATORS if name in query]
    given += [(name, body[name]) for name in LOCATORS if body.get(name) is not None]
    if len(given) != 1:
        faults["id"] = ["Give exactly one of id, username, email."]
    locator: dict[str, Any] = {}
    for name, value in given:
        try:
            locator[name] = _id(value) if name == "id" else _name(value)
        except ValueError as error:
            faults.setdefault(name, [str(error)])
    return locator, faults


def _id(value: Any) -> int:
    text = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    if not (text.isascii() and text.isdigit() and len(text) < 20 and int(text) <= MAX_ID):
        raise ValueError("Must be a whole number.")
    return int(text)


def _name(value: Any) -> str:
    if not (isinstance(value, str) and value.strip() and value.isprintable()):
        raise ValueError("Must be printable and not empty.")
    return value
