"""The people who write, and are written to."""

from inro.mcp.tools.base import Tool


class ListContacts(Tool):
    """List contacts

    Pages through the people of the workspace, newest first. `search` looks in name, username,
    email and phone. Call it when you do not know exactly who is meant.
    """

    name = "list_contacts"
    path = "contacts"
    example = {"search": "jane", "status": "active"}


class GetContact(Tool):
    """Get a contact

    One person with their channels and latest messages. Give exactly one of `id`, `username` and
    `email`; of several people with the same username or email it is the most recently active one.
    """

    name = "get_contact"
    path = "contact"
    example = {"username": "jane"}


class CreateContact(Tool):
    """Create a contact

    Makes a person known who has not written yet, with at least one of name, real_name, username,
    email and phone (international), or with `channels`, which say how a channel's provider calls
    them. Call list_contacts first: nothing else keeps one person from being there twice.
    """

    name = "create_contact"
    method = "POST"
    path = "contacts"
    example = {"name": "Jane Doe", "email": "jane@example.com", "phone": "+393331234567"}


class UpdateContact(Tool):
    """Update a contact

    Changes fields of one person by id; what is left out stays. Name, username, email, phone
    (international), real_name, language, notes, bio and website are texts, and an empty one clears
    the field. `status` is active, inactive or blocked: nothing is sent to somebody who is inactive
    or blocked. Call get_contact first for the id.
    """

    name = "update_contact"
    method = "PATCH"
    path = "contacts/{id}"
    destructive = True
    example = {"id": 451, "email": "jane@example.com", "notes": "Asked for the autumn catalogue."}
