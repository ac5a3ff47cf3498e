"""A tool call is its API operation, called in this process.

The same view judges it and answers it: what a tool takes, refuses and says cannot differ.
"""

import json
from collections.abc import Mapping
from io import BytesIO
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.models import AnonymousUser
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpResponse
from django.template.response import SimpleTemplateResponse
from django.urls import resolve
from rest_framework.request import Request

from inro.api.authentication import CARRIED_BY, access_of
from inro.common.errors import Details, invalid
from inro.mcp.schemas import input_schema
from inro.mcp.tools.base import Tool

# Of the request that carries the call, what the operation may see too.
_CARRIED_OVER = ("HTTP_HOST", "REMOTE_ADDR", "SERVER_NAME", "SERVER_PORT", "wsgi.url_scheme")
_MAX_DIGITS = 18


def call(tool: Tool, arguments: Mapping[str, Any], carrier: Request) -> HttpResponse:
    """What the API answers; Refused when the call cannot even be made."""
    faults: Details = dict(tool.refusals(arguments))
    rest = dict(arguments)
    ids = {name: _read_id(name, rest.pop(name, None), faults) for name in tool.path_names}
    query = _query(tool, rest, faults) if tool.in_query else {}
    if faults:
        raise invalid(faults)
    path = tool.address.format(**ids)
    request = _request(carrier, tool.method, path, query, None if tool.in_query else rest)
    view, args, kwargs = resolve(path)
    response: HttpResponse = view(request, *args, **kwargs)
    carrier.META.update(_notes(request.META))
    if isinstance(response, SimpleTemplateResponse):  # as those of REST framework are
        response.render()
    return response


def _read_id(name: str, value: Any, faults: Details) -> str:
    text = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    if value is None:
        faults[name] = ["This field is required."]
    elif not (text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS):
        faults[name] = ["Must be a whole number."]
    return text


def _query(tool: Tool, given: Mapping[str, Any], faults: Details) -> dict[str, str]:
    known = input_schema(tool)["properties"]
    query = {}
    for name, value in given.items():
        if tool.path_names and name not in known:
            faults[name] = [f"Unknown parameter. Known here: {', '.join(known)}."]
        elif isinstance(value, list | dict):
            faults[name] = ["Must be a single value."]
        elif value is not None or name not in known:  # null is the same as absent
            query[name] = str(value).lower() if isinstance(value, bool | None) else str(value)
    return query


def _notes(meta: Mapping[str, Any]) -> dict[str, Any]:
    """What we know of a request ourselves, such as its id: they are two, but count as one."""
    return {name: value for name, value in meta.items() if name.startswith("inro.")}


def _request(
    carrier: Request, method: str, path: str, query: dict[str, str], body: Any
) -> WSGIRequest:
    """The request that the API would have got, from the one who was already let in."""
    raw = b"" if body is None else json.dumps(body).encode()
    environ = {name: carrier.META[name] for name in _CARRIED_OVER if name in carrier.META}
    environ |= {
        **_notes(carrier.META),
        CARRIED_BY: "MCP",
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "QUERY_STRING": urlencode(query, errors="replace"),
        "CONTENT_LENGTH": str(len(raw)),
        "wsgi.input": BytesIO(raw),
    }
    if body is not None:
        environ["CONTENT_TYPE"] = "application/json"
    request = WSGIRequest(environ)
    # What REST framework looks at before it authenticates anybody itself.
    request._force_auth_user = AnonymousUser()  # type: ignore[attr-defined]
    request._force_auth_token = access_of(carrier)  # type: ignore[attr-defined]
    return request
